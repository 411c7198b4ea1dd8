import {Args} from '@oclif/core'
import {PluginError} from '../../../lib/base/errors.ts'
import {PluginCommand} from '../../../lib/command.ts'
import {profilesInput, serverFlag, serversIn} from '../../../lib/profile-door.ts'
import {addToProfile} from '../../../lib/profile/manage.ts'
import {elementsFor} from '../../../lib/profile/references.ts'
import {untilStopped} from '../../../lib/until-stopped.ts'

export default class ProfileServerAdd extends PluginCommand {
  static override summary = 'add servers to a profile'
  static override description =
    'A server that is in it already becomes what is said now, and keeps its configuration and its choice of tools.'
  static override examples = [
    '<%= config.bin %> profile server add dev --server fetch --server docker://mcp/git',
    '<%= config.bin %> profile server add dev --server catalog://org/team/*',
  ]
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
  }
  static override flags = {...serverFlag}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ProfileServerAdd)
    const {profile: id} = args
    const references = serversIn(flags)
    if (references.length === 0) {
      throw new PluginError('USAGE', 'no server is named', {hint: 'name them with --server'})
    }
    await untilStopped(this.app, async signal => {
      const input = await profilesInput(this.app, signal)
      const elements = await elementsFor(references, input)
      const {replaced} = await addToProfile(input, id, elements)
      for (const name of replaced) this.app.io.err(`${name} was in it before\n`)
      this.app.io.out(`Added ${elements.length} server(s) to profile ${id}\n`)
    })
  }
}
