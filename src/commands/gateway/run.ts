import {isDeepStrictEqual} from 'node:util'
import {Flags} from '@oclif/core'
import type {Interfaces} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {PluginError} from '../../lib/base/errors.ts'
import {withGatewayFile, type ParsedFlags} from '../../lib/file-flags.ts'
import {extraServersOf} from '../../lib/extra-flags.ts'
import {dryRun, gatewayDeps, serve} from '../../lib/gateway-door.ts'
import {gatewayOptions} from '../../lib/gateway-flags.ts'
import {GatewaySettings} from '../../lib/gateway-settings.ts'
import type {Transport} from '../../lib/gateway/run.ts'
import {variable} from '../../lib/list-flag.ts'
import type {LogLevel} from '../../lib/log-level.ts'
import {background} from '../../lib/background-door.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {runFlags} from '../../lib/run-flags.ts'
import {readTransport} from '../../lib/transport-flags.ts'
import {unbuiltNotices} from '../../lib/unbuilt-flags.ts'

/** Long enough for servers that start, short enough for a client that waits. */
const PATIENCE_MS = 10_000

const TO_A_PERSON =
  '> This speaks MCP on stdin and stdout, for a client that starts it. To serve HTTP, add: --transport streaming'

export default class GatewayRun extends PluginCommand {
  static override summary = 'run the gateway: one endpoint with the tools of all enabled servers'
  static override description =
    'Over stdio, an AI client starts this command itself and speaks to it through its stdin and stdout. Over HTTP, any number of clients connect to the address that is printed, with the token that is named; by its path, /mcp or /sse, a client chooses the transport. The gateway ends on Ctrl-C, or when the client that started it goes; its containers go with it.'
  static override examples = [
    {description: 'for a client that starts it', command: '<%= config.bin %> gateway run'},
    {
      description: 'over HTTP, for any number of clients',
      command: '<%= config.bin %> gateway run --transport streaming',
    },
    {
      description: 'over HTTPS, for other machines',
      command:
        '<%= config.bin %> gateway run --transport streaming --tls-cert c.pem --tls-key k.pem',
    },
    {
      description: 'two servers, with secrets from a file',
      command: '<%= config.bin %> gateway run --servers github,fetch --secrets ./.mcp.env',
    },
    {
      description: 'start everything once, say how it went, and end',
      command: '<%= config.bin %> gateway run --dry-run',
    },
  ]
  static override flags = {
    'dry-run': Flags.boolean({
      summary: 'start every server once, say how it went, and end',
      allowNo: true,
      env: variable('dry-run'),
    }),
    ...runFlags,
  }

  async run(): Promise<void> {
    const parsed: {
      flags: Interfaces.InferredFlags<typeof GatewayRun.flags>
      metadata: ParsedFlags<unknown>['metadata']
    } = await this.parse(GatewayRun)
    const settings = new GatewaySettings(this.app, parsed.flags['gateway-config'])
    let level: LogLevel = parsed.flags['log-level']
    const deps = gatewayDeps(this.app, {level: () => level, settings})
    for (const notice of unbuiltNotices(parsed.flags)) deps.notify(notice)
    await takeOverOnce(this.app)
    const read = async () => {
      const file = await settings.read()
      const flags = withGatewayFile(parsed, file)
      level = flags['log-level']
      return {file, flags, transport: transportOf(flags)}
    }
    const {transport} = await read()
    if (parsed.flags.client !== undefined && transport.kind !== 'stdio') throw clientOverHttp()
    const extra = extraServersOf(parsed.flags, deps)
    const options = async () => {
      const {file, flags, transport: wanted} = await read()
      const more = await settings.options(file, parsed.flags.client)
      const chosen = gatewayOptions(flags, {patienceMs: PATIENCE_MS, showRemembered: true, extra})
      return {...chosen, ...more, needsRestart: differences(transport, wanted)}
    }
    if (parsed.flags['dry-run']) return dryRun(this.app, deps, await options())
    if (transport.kind === 'stdio' && this.app.process.stdin.isTTY) deps.notify(TO_A_PERSON)
    await serve(this.app, {
      deps,
      options,
      transport,
      isWatching: parsed.flags.watch,
      ...background(this.app, parsed.flags.name),
    })
  }
}

function clientOverHttp(): PluginError {
  return new PluginError('USAGE', '--client has no meaning over HTTP, where many clients come', {
    hint: 'leave --client out: each client shows its own token, see accessControl in the gateway file',
  })
}

function transportOf(flags: Interfaces.InferredFlags<typeof GatewayRun.flags>): Transport {
  return readTransport({
    transport: flags.transport,
    host: flags.host,
    port: flags.port,
    allowUnauthenticated: flags['allow-unauthenticated'],
    tlsCert: flags['tls-cert'],
    tlsKey: flags['tls-key'],
  })
}

/** The gateway listens where it listened at the start. */
function differences(now: Transport, wanted: Transport): readonly string[] {
  return isDeepStrictEqual(now, wanted) ? [] : ['transport']
}
