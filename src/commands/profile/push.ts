import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {profilesInput, registryInput} from '../../lib/profile-door.ts'
import {pushProfile} from '../../lib/profile/share.ts'
import {untilStopped} from '../../lib/until-stopped.ts'

export default class ProfilePush extends PluginCommand {
  static override summary = 'store a profile in a registry, for others to pull'
  static override description =
    'With the values that are set in it, and the catalog entries of its servers; never with secrets.'
  static override examples = [
    '<%= config.bin %> profile push dev registry.example.com/team/dev:latest',
  ]
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
    reference: Args.string({description: 'a repository, with a tag or not', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ProfilePush)
    const {profile: id, reference: ref} = args
    await untilStopped(this.app, async signal => {
      const input = await profilesInput(this.app, signal)
      const digest = await pushProfile(input, {id, ref}, await registryInput(input, signal))
      this.app.io.out(`Pushed profile to ${ref}@${digest}\n`)
    })
  }
}
