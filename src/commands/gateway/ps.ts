import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {runningGateways} from '../../lib/gateway/control/client.ts'
import {processes} from '../../lib/gateway/control/processes.ts'
import {errorView} from '../../lib/ui/error-view.ts'
import {print} from '../../lib/ui/format.ts'
import {processesView} from '../../lib/ui/processes-view.ts'

export default class GatewayPs extends PluginCommand {
  static override summary =
    'show what the running gateways run: containers, and servers that failed'
  static override description =
    'A row for each container of every gateway of this user, and for each server that is being started or has failed. MEM is what the container takes of memory, CPU what it takes of a core at this moment; both are "-" when the engine cannot tell. Servers that nobody uses have no row: they are started when they are needed. A gateway that runs and does not answer is told on stderr, and the exit code is 1.'
  static override examples = [
    '<%= config.bin %> gateway ps',
    '<%= config.bin %> gateway ps --format json',
  ]
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(GatewayPs)
    const {io, paths, process, globals} = this.app
    const {answering, rows, failures} = await processes(await runningGateways(paths.stateDir))
    const columns = io.outIsTerminal ? io.columns : Number.POSITIVE_INFINITY
    await print(io, rows, {
      format: flags.format,
      human: all =>
        processesView(all, {
          gateways: answering,
          silent: failures.length,
          now: Date.now(),
          columns,
        }),
    })
    if (failures.length === 0) return
    // Not thrown: with --format json a second value would follow the first on stdout.
    for (const failure of failures) io.err(errorView(failure, globals.debug))
    process.exitCode = 1
  }
}
