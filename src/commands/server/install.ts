import {Args} from '@oclif/core'
import {PluginCommand, serversInput, wordsOf} from '../../lib/command.ts'
import {installServers} from '../../lib/gateway/install.ts'

export default class ServerInstall extends PluginCommand {
  static override summary = 'pull the images of servers ahead of their first use'
  static override description =
    'Without it, an image is pulled when a client first needs the server, and the client waits.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> server install duckduckgo',
    '<%= config.bin %> server install fetch time',
  ]
  static override args = {
    server: Args.string({description: 'names of servers in a catalog', required: true}),
  }

  async run(): Promise<void> {
    const {argv} = await this.parse(ServerInstall)
    const {io, scope} = this.app
    const {showProgress} = await import('../../lib/ui/progress.tsx')
    const progress = showProgress(io, this.app.process.stderr)
    scope.defer(() => progress.stop())
    const input = {...serversInput(this.app), engine: () => this.app.engine()}
    await installServers(input, wordsOf(argv), item => progress.update(item))
  }
}
