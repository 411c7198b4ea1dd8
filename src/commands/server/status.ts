import {formatFlag, PluginCommand, secretsFlag, serversInput} from '../../lib/command.ts'
import {gatewayFlags} from '../../lib/gateway-flags.ts'
import {serverStatus} from '../../lib/gateway/server-status.ts'
import {errorView} from '../../lib/ui/error-view.ts'
import {print} from '../../lib/ui/format.ts'
import {statusView} from '../../lib/ui/status-view.ts'

export default class ServerStatusCommand extends PluginCommand {
  static override summary =
    'show how each enabled server is doing, and what to do about the ones that fail'
  static override description =
    'When the Docker engine cannot be reached, what is known without it is shown: servers that must be set up first, ' +
    'those that failed last time, and the rest as "unknown". The reason goes to stderr, and the exit code is 1.'
  static override examples = [
    '<%= config.bin %> server status',
    '<%= config.bin %> server status --format json',
  ]
  static override flags = {
    ...formatFlag,
    ...secretsFlag,
    'allow-mount': gatewayFlags['allow-mount'],
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ServerStatusCommand)
    const {io, process} = this.app
    const input = {...serversInput(this.app), engine: () => this.app.engine()}
    const {servers, engineFailure} = await serverStatus(input, {
      secrets: flags.secrets,
      allowMounts: flags['allow-mount'] ?? [],
    })
    await print(io, servers, {
      format: flags.format,
      human: all =>
        statusView(all, {
          now: Date.now(),
          columns: io.outIsTerminal ? io.columns : Number.POSITIVE_INFINITY,
        }),
    })
    if (!engineFailure) return
    // Not thrown: with --format json a second value would follow the first on stdout.
    io.err(errorView(engineFailure, this.app.globals.debug))
    process.exitCode = 1
  }
}
