import {Args, Flags} from '@oclif/core'
import type {PluginError} from '../../lib/base/errors.ts'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {runningGateways} from '../../lib/gateway/control/client.ts'
import {followLog, serverLog, type ServerLog} from '../../lib/gateway/control/server-logs.ts'
import {untilStopped} from '../../lib/until-stopped.ts'
import {errorView} from '../../lib/ui/error-view.ts'
import {type Format, print} from '../../lib/ui/format.ts'
import {isOfSeveral, lineView, logView} from '../../lib/ui/log-view.ts'
import {visible} from '../../lib/ui/visible.ts'

export default class ServerLogs extends PluginCommand {
  static override summary = 'show what a server wrote to stderr last'
  static override description =
    'The running gateways keep the last lines of each server, of containers that have ended, too; with a gateway they are gone. Secrets are masked. When a server has several containers, their names are in front of the lines. A gateway that runs and does not answer is told on stderr, and the exit code is 1.'
  static override examples = [
    '<%= config.bin %> server logs duckduckgo',
    '<%= config.bin %> server logs duckduckgo --follow',
    '<%= config.bin %> server logs duckduckgo --lines 1000 --format json',
  ]
  static override args = {
    server: Args.string({description: 'name of a server that a gateway runs', required: true}),
  }
  static override flags = {
    ...formatFlag,
    follow: Flags.boolean({
      char: 'f',
      summary: 'go on with what comes, until Ctrl-C or the end of the gateway',
      allowNo: true,
      env: 'DOCKER_MCP_FOLLOW',
    }),
    lines: Flags.integer({
      char: 'n',
      summary: 'how many of the last lines',
      default: 100,
      min: 0,
      max: 999_999,
      env: 'DOCKER_MCP_LINES',
      helpValue: '<number>',
    }),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ServerLogs)
    const {io, paths} = this.app
    const {server} = args
    const {format, lines} = flags
    const gateways = await runningGateways(paths.stateDir)
    // Also before it is followed: whether there are several containers is to be known with the first line.
    const log = await serverLog(gateways, server, lines)
    if (!flags.follow) {
      await print(io, log.lines, {format, human: logView})
      if (log.lines.length === 0 && lines > 0) {
        io.err(`${server} has written nothing to stderr yet\n`)
      }
    }
    for (const failure of log.failures) this.#complain(failure)
    if (flags.follow) await this.#follow(log, {server, lines, format})
  }

  async #follow(
    log: ServerLog,
    {server, lines, format}: {server: string; lines: number; format: Format},
  ): Promise<void> {
    const {io} = this.app
    const areSeveral = log.gateways.length > 1 || isOfSeveral(log.lines)
    const view = lineView(format, areSeveral)
    const show = (text: string) =>
      io.out(io.outIsTerminal && format !== 'json' ? visible(text) : text)
    await untilStopped(this.app, signal =>
      followLog(log.gateways, server, {
        lines,
        onLine: line => show(view(line)),
        onFailure: failure => this.#complain(failure),
        signal,
      }),
    )
  }

  /** Not thrown: what others tell is shown all the same. */
  #complain(failure: PluginError): void {
    const {io, process, globals} = this.app
    io.err(errorView(failure, globals.debug))
    process.exitCode = 1
  }
}
