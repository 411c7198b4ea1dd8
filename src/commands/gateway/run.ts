import {Flags} from '@oclif/core'
import type {Interfaces} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {dryRun, gatewayDeps, serve} from '../../lib/gateway-door.ts'
import {gatewayFlags, gatewayOptions, variable} from '../../lib/gateway-flags.ts'
import {readTransport} from '../../lib/transport-flags.ts'
import {unbuiltFlags, unbuiltNotices} from '../../lib/unbuilt-flags.ts'

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
    transport: Flags.string({
      summary:
        'stdio, for a client that starts this command; streaming or, for older clients, sse for HTTP',
      default: 'stdio',
      env: variable('transport'),
      helpValue: 'stdio|streaming|sse',
    }),
    port: Flags.integer({
      summary: 'port for HTTP, 0 for any that is free (default 8811)',
      min: 0,
      max: 65535,
      env: variable('port'),
      helpValue: '<number>',
    }),
    host: Flags.string({
      summary: 'address for HTTP',
      default: '127.0.0.1',
      env: variable('host'),
      helpValue: '<address>',
    }),
    'allow-unauthenticated': Flags.boolean({
      summary: 'ask HTTP clients on this machine for no token',
      allowNo: true,
      env: variable('allow-unauthenticated'),
    }),
    'tls-cert': Flags.string({
      summary: 'serve HTTPS with this certificate, a PEM file',
      env: variable('tls-cert'),
      helpValue: '<file>',
    }),
    'tls-key': Flags.string({
      summary: 'its private key, a PEM file',
      env: variable('tls-key'),
      helpValue: '<file>',
    }),
    'dry-run': Flags.boolean({
      summary: 'start every server once, say how it went, and end',
      allowNo: true,
      env: variable('dry-run'),
    }),
    ...gatewayFlags,
    ...unbuiltFlags,
  }

  async run(): Promise<void> {
    const flags: Interfaces.InferredFlags<typeof GatewayRun.flags> = (await this.parse(GatewayRun))
      .flags
    const deps = gatewayDeps(this.app, {commentary: true})
    for (const notice of unbuiltNotices(flags)) deps.notify(notice)
    const options = gatewayOptions(flags, {patienceMs: PATIENCE_MS, showRemembered: true})
    const transport = readTransport({
      transport: flags.transport,
      host: flags.host,
      port: flags.port,
      allowUnauthenticated: flags['allow-unauthenticated'],
      tlsCert: flags['tls-cert'],
      tlsKey: flags['tls-key'],
    })
    if (flags['dry-run']) return dryRun(this.app, deps, options)
    if (transport.kind === 'stdio' && this.app.process.stdin.isTTY) deps.notify(TO_A_PERSON)
    await serve(this.app, {deps, options, transport})
  }
}
