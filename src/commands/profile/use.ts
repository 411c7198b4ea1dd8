import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {storedProfile} from '../../lib/profile/choice.ts'
import {profileInUse, useProfile} from '../../lib/profile/store.ts'

export default class ProfileUse extends PluginCommand {
  static override summary = 'choose the profile that counts where none is named; or print it'
  static override description =
    'Commands and gateways without --profile and --profile-file take it. A profile that the gateway file names wins over it.'
  static override examples = [
    '<%= config.bin %> profile use dev',
    '<%= config.bin %> profile use default',
    '<%= config.bin %> profile use',
  ]
  static override args = {
    profile: Args.string({description: 'id of a profile'}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ProfileUse)
    const {io} = this.app
    const input = await profilesInput(this.app)
    const {profile} = await input.settings()
    if (args.profile === undefined) {
      io.out(`${profile ?? (await profileInUse(input.paths))}\n`)
      return
    }
    const {id} = await storedProfile(input, args.profile)
    await useProfile(input.paths, id)
    io.out(`Using profile ${id}\n`)
    if (profile !== undefined && profile !== id) {
      io.err(`! ${input.paths.gatewayFile} says “profile: ${profile}”, which wins over it\n`)
    }
  }
}
