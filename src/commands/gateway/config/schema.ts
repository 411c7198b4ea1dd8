import {PluginCommand} from '../../../lib/command.ts'

export default class GatewayConfigSchema extends PluginCommand {
  static override summary = 'print the JSON Schema of the gateway file'
  static override description =
    'Editors check and complete mcp-gateway-config.yaml with it: save it, and put "# yaml-language-server: $schema=<file>" into the first line of the gateway file.'
  static override examples = [
    '<%= config.bin %> gateway config schema',
    {
      description: 'keep it for an editor',
      command: '<%= config.bin %> gateway config schema > mcp-gateway-config.schema.json',
    },
  ]

  async run(): Promise<void> {
    const {gatewayFileSchemaText} = await import('../../../lib/model/gateway-file.ts')
    this.app.io.out(gatewayFileSchemaText())
  }
}
