import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {runningGateways} from '../../lib/gateway/control/client.ts'
import {gatewaysReport} from '../../lib/gateway/control/overview.ts'
import {errorView} from '../../lib/ui/error-view.ts'
import {print} from '../../lib/ui/format.ts'
import {gatewaysView} from '../../lib/ui/gateways-view.ts'

export default class GatewayStatus extends PluginCommand {
  static override summary = 'show the running gateways, and what became of changes of their files'
  static override description =
    'A row for each gateway of this user: its process, where clients reach it, what its servers are doing, and whether it serves the files as they are now. Below the table is what is wrong with a file, and which settings count only when the gateway is started again. A gateway that runs and does not answer is told on stderr, and the exit code is 1.'
  static override examples = [
    '<%= config.bin %> gateway status',
    '<%= config.bin %> gateway status --format json',
  ]
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(GatewayStatus)
    const {io, paths, process, globals} = this.app
    const {rows, failures} = await gatewaysReport(await runningGateways(paths.stateDir))
    const columns = io.outIsTerminal ? io.columns : Number.POSITIVE_INFINITY
    await print(io, rows, {
      format: flags.format,
      human: all => gatewaysView(all, {silent: failures.length, now: Date.now(), columns}),
    })
    if (failures.length === 0) return
    // Not thrown: with --format json a second value would follow the first on stdout.
    for (const failure of failures) io.err(errorView(failure, globals.debug))
    process.exitCode = 1
  }
}
