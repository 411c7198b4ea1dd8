import {Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {PluginCommand} from '../../lib/command.ts'
import {listOf} from '../../lib/list-flag.ts'
import {connectFlag, newProfile} from '../../lib/new-profile.ts'
import {serverFlag, serversIn} from '../../lib/profile-door.ts'
import {templateOf} from '../../lib/profile/templates.ts'

export default class ProfileCreate extends PluginCommand {
  static override summary = 'make a profile: a set of servers with what is set for them'
  static override examples = [
    '<%= config.bin %> profile create --name Web --server fetch --server time',
    '<%= config.bin %> profile create --name Dev --id dev --server docker://mcp/git',
    '<%= config.bin %> profile create --from-template ai-coding --connect cursor',
  ]
  static override flags = {
    name: Flags.string({
      summary: 'what people call it; needed without a template',
      env: 'DOCKER_MCP_NAME',
      helpValue: '<name>',
    }),
    id: Flags.string({
      summary: 'what commands call it (default: made of the name)',
      env: 'DOCKER_MCP_ID',
      helpValue: '<id>',
    }),
    ...serverFlag,
    ...connectFlag,
    'from-template': Flags.string({
      summary: 'begin with the servers of a template, see: docker mcp template ls',
      env: 'DOCKER_MCP_FROM_TEMPLATE',
      helpValue: '<id>',
    }),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ProfileCreate)
    const {id, 'from-template': from} = flags
    const references = serversIn(flags)
    if (from !== undefined && references.length > 0) {
      throw new PluginError('USAGE', '--from-template and --server exclude each other', {
        hint: 'add servers afterwards: docker mcp profile server add',
      })
    }
    const template = from === undefined ? undefined : templateOf(from)
    const name = flags.name ?? template?.title
    if (name === undefined) {
      throw new PluginError('USAGE', 'a profile needs a name', {hint: 'give one with --name'})
    }
    const servers = template?.server_names ?? references
    await newProfile(this.app, {name, id, servers, clients: listOf(flags.connect) ?? []})
  }
}
