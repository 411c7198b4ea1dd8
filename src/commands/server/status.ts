import {Flags} from '@oclif/core'
import {formatFlag, PluginCommand, secretsFlag} from '../../lib/command.ts'
import {gatewayFlags} from '../../lib/gateway-flags.ts'
import {serverStatus, statusLooks, type StatusReport} from '../../lib/gateway/server-status.ts'
import {variable} from '../../lib/list-flag.ts'
import {printStatus, silentGateways, statusInput, watchStatus} from '../../lib/status-door.ts'
import {errorView} from '../../lib/ui/error-view.ts'

export default class ServerStatusCommand extends PluginCommand {
  static override summary =
    'show how each enabled server is doing, and what to do about the ones that fail'
  static override description =
    'Puts together what is configured, what the engine has and runs, and what the running gateways tell. When the Docker engine cannot be reached, what is known without it is shown: servers that must be set up first, those that failed last time, and the rest as "unknown". The reason goes to stderr, and the exit code is 1; so it is when a gateway does not answer, or signatures.yaml is wrong. With --watch the same is shown live on a terminal: arrows or j and k choose a server, enter shows all of it, q leaves. Without a terminal, it is printed each time that something has happened, and once a minute.'
  static override examples = [
    '<%= config.bin %> server status',
    '<%= config.bin %> server status --watch',
    '<%= config.bin %> server status --format json',
  ]
  static override flags = {
    ...formatFlag,
    ...secretsFlag,
    'allow-mount': gatewayFlags['allow-mount'],
    watch: Flags.boolean({
      summary: 'keep looking, every second, until q or Ctrl-C',
      allowNo: true,
      env: variable('watch'),
    }),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ServerStatusCommand)
    const {format, secrets} = flags
    const input = statusInput(this.app)
    const chosen = {secrets, allowMounts: flags['allow-mount'] ?? []}
    if (flags.watch) return watchStatus(this.app, statusLooks(input, chosen), format)
    const report = await serverStatus(input, chosen)
    await printStatus(this.app, report.servers, format)
    this.#complain(report)
  }

  /** Not thrown: with --format json a second value would follow the first on stdout. */
  #complain({engineFailure, keysFailure, gateways}: StatusReport): void {
    const {io, process, globals} = this.app
    const failures = [engineFailure, keysFailure].filter(failure => failure !== undefined)
    if (gateways.silent === 0 && failures.length === 0) return
    if (gateways.silent > 0) io.err(`${silentGateways(gateways.silent)}\n`)
    for (const failure of failures) io.err(errorView(failure, globals.debug))
    process.exitCode = 1
  }
}
