import {PluginCommand} from '../../lib/command.ts'
import {dumpConfig} from '../../lib/profile/dump.ts'

export default class ConfigDump extends PluginCommand {
  static override summary = 'print everything that is configured, to be restored elsewhere'
  static override description =
    'One JSON document with the texts of registry.yaml, config.yaml, tools.yaml, the catalogs, the profiles and the configuration of the gateway. No secret is in it.'
  static override examples = ['<%= config.bin %> config dump > mcp.json']

  async run(): Promise<void> {
    await this.parse(ConfigDump)
    this.app.io.out(`${JSON.stringify(await dumpConfig(this.app.paths), undefined, 2)}\n`)
  }
}
