import {Args, Flags} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {listOf} from '../../lib/list-flag.ts'
import {connectFlag, newProfile} from '../../lib/new-profile.ts'
import {templateOf} from '../../lib/profile/templates.ts'

export default class TemplateUse extends PluginCommand {
  static override summary = 'make a profile with the servers of a template'
  static override examples = [
    '<%= config.bin %> template use ai-coding',
    '<%= config.bin %> template use dev-workflow --name Work --connect cursor',
  ]
  static override args = {
    template: Args.string({description: 'id of a template', required: true}),
  }
  static override flags = {
    name: Flags.string({
      summary: 'what people call the profile (default: the title of the template)',
      env: 'DOCKER_MCP_NAME',
      helpValue: '<name>',
    }),
    ...connectFlag,
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(TemplateUse)
    const {title, server_names: servers} = templateOf(args.template)
    const clients = listOf(flags.connect) ?? []
    await newProfile(this.app, {name: flags.name ?? title, servers, clients})
  }
}
