import {stat} from 'node:fs/promises'
import {Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {nameOf} from '../../lib/background-door.ts'
import {PluginCommand} from '../../lib/command.ts'
import {followLogFile, readLog} from '../../lib/gateway/background/log-file.ts'
import {gatewayFiles} from '../../lib/gateway/background/name.ts'
import {gatewayOfFlags} from '../../lib/run-flags.ts'
import {visible} from '../../lib/ui/visible.ts'
import {untilStopped} from '../../lib/until-stopped.ts'

export default class GatewayLogs extends PluginCommand {
  static override summary = 'show what a gateway in the background has said'
  static override description =
    'Its log outlives it: the last words of one that was stopped or has failed are there. At most 4 MB are kept, and 4 MB of what was there before, in a file beside it. What a server writes is in server logs.'
  static override examples = [
    '<%= config.bin %> gateway logs',
    '<%= config.bin %> gateway logs --follow --tail 0',
    '<%= config.bin %> gateway logs --name work --tail 1000',
  ]
  static override flags = {
    ...gatewayOfFlags,
    follow: Flags.boolean({
      char: 'f',
      summary: 'go on with what comes, until Ctrl-C',
      allowNo: true,
      env: 'DOCKER_MCP_FOLLOW',
    }),
    tail: Flags.integer({
      char: 'n',
      summary: 'how many of the last lines',
      default: 100,
      min: 0,
      max: 999_999,
      env: 'DOCKER_MCP_TAIL',
      helpValue: '<number>',
    }),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(GatewayLogs)
    const {app} = this
    const {io, paths} = app
    const name = nameOf(app, flags)
    const {log} = gatewayFiles(paths.stateDir, name)
    const show = (text: string) => io.out(io.outIsTerminal ? visible(text) : text)
    const isThere = (await stat(log).catch(() => undefined)) !== undefined
    if (!isThere && !flags.follow) throw noLog(name)
    const {text, end} = await readLog(log, {lines: flags.tail})
    show(text)
    if (end === 0) io.err(`the gateway ${name} has said nothing yet\n`)
    if (flags.follow)
      await untilStopped(app, signal => followLogFile(log, {from: end, show, signal}))
  }
}

function noLog(name: string): PluginError {
  return new PluginError('GATEWAY_UNREACHABLE', `there is no log of a gateway ${name}`, {
    hint: 'see those that run: docker mcp gateway status; or wait for it with --follow',
  })
}
