import {Args} from '@oclif/core'
import {formatFlag, PluginCommand, serversInput} from '../../lib/command.ts'
import {inspectServer} from '../../lib/profile/servers.ts'
import {print} from '../../lib/ui/format.ts'
import {yamlText} from '../../lib/ui/yaml-text.ts'

export default class ServerInspect extends PluginCommand {
  static override summary = 'show what a server is, what it needs, and what is set for it'
  static override examples = [
    '<%= config.bin %> server inspect github',
    '<%= config.bin %> server inspect github --format json',
  ]
  static override args = {
    server: Args.string({description: 'name of a server in a catalog', required: true}),
  }
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ServerInspect)
    const facts = await inspectServer(serversInput(this.app), args.server)
    await print(this.app.io, facts, {format: flags.format, human: yamlText})
  }
}
