import {PluginCommand} from '../../lib/command.ts'
import {resetServers} from '../../lib/profile/legacy-edit.ts'

export default class ServerReset extends PluginCommand {
  static override summary = 'switch all servers off'
  static override description = 'Their configuration and secrets stay as they are.'
  static override examples = ['<%= config.bin %> server reset']

  async run(): Promise<void> {
    await this.parse(ServerReset)
    const disabled = await resetServers(this.app.paths)
    for (const name of disabled) this.app.io.err(`disabled ${name}\n`)
    if (disabled.length === 0) this.app.io.err('no server was enabled\n')
  }
}
