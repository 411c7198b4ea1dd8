import {Args} from '@oclif/core'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {storedProfile} from '../../lib/profile/choice.ts'
import {print} from '../../lib/ui/format.ts'

export default class ProfileManualInstructions extends PluginCommand {
  static override summary = 'print the command that a client is to start for a profile'
  static override hidden = true
  static override examples = ['<%= config.bin %> profile manual-instructions dev']
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
  }
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ProfileManualInstructions)
    const {id} = await storedProfile(await profilesInput(this.app), args.profile)
    const words = ['docker', 'mcp', 'gateway', 'run', '--profile', id]
    await print(this.app.io, words, {format: flags.format, human: all => `${all.join(' ')}\n`})
  }
}
