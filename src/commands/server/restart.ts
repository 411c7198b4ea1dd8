import {Args} from '@oclif/core'
import {formatFlag, PluginCommand, wordsOf} from '../../lib/command.ts'
import {runningGateways} from '../../lib/gateway/control/client.ts'
import {type RestartReport, restartServers} from '../../lib/gateway/control/server-restart.ts'
import {errorData, errorView} from '../../lib/ui/error-view.ts'
import {type Format, print} from '../../lib/ui/format.ts'
import {untilStopped} from '../../lib/until-stopped.ts'

export default class ServerRestart extends PluginCommand {
  static override summary = 'end the containers of servers and start them anew'
  static override description =
    'In every running gateway of this user that serves them. A call that is under way gets an error; nothing is sent twice. A server that nobody uses stays asleep, and a pause after failures is over. The exit code is 1 when one of them does not start, or no gateway serves it.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> server restart duckduckgo',
    '<%= config.bin %> server restart fetch time',
  ]
  static override args = {
    server: Args.string({description: 'names of servers that a gateway runs', required: true}),
  }
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ServerRestart)
    const gateways = await runningGateways(this.app.paths.stateDir)
    await untilStopped(this.app, async signal => {
      await this.#tell(await restartServers(gateways, wordsOf(argv), signal), flags.format)
    })
  }

  async #tell(reports: readonly RestartReport[], format: Format): Promise<void> {
    const {io, process, globals} = this.app
    const rows = reports.map(({error, ...report}) => ({
      ...report,
      ...(error && {error: errorData(error)}),
    }))
    await print(io, rows, {
      format,
      human: () =>
        reports
          .filter(({error, gateways}) => !error || gateways > 0)
          .map(line)
          .join(''),
    })
    const errors = reports.flatMap(({error}) => error ?? [])
    if (errors.length === 0) return
    process.exitCode = 1
    if (format !== 'human') return
    for (const error of errors) io.err(errorView(error, globals.debug))
  }
}

function line({server, restarted, isRemote}: RestartReport): string {
  if (restarted === 0) return `${server}: nothing ran; it is started when it is needed\n`
  const what = isRemote ? 'connection' : 'container'
  return `${server}: ${restarted === 1 ? `1 ${what} was` : `${restarted} ${what}s were`} started anew\n`
}
