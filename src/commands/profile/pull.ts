import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {profilesInput, registryInput} from '../../lib/profile-door.ts'
import {pullProfile} from '../../lib/profile/share.ts'
import {untilStopped} from '../../lib/until-stopped.ts'

export default class ProfilePull extends PluginCommand {
  static override summary = 'get a profile from a registry'
  static override description =
    'Its id is made of its name; one that is there already is never replaced. Look at what it runs before you use it: docker mcp profile show <id>'
  static override examples = ['<%= config.bin %> profile pull registry.example.com/team/dev:latest']
  static override args = {
    reference: Args.string({
      description: 'a repository, with a tag, a digest or neither',
      required: true,
    }),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ProfilePull)
    const {reference: ref} = args
    await untilStopped(this.app, async signal => {
      const input = await profilesInput(this.app, signal)
      const id = await pullProfile(input, ref, await registryInput(input, signal))
      this.app.io.out(`Profile ${ref} pulled as ${id}\n`)
    })
  }
}
