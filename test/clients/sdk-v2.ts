import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client'
import {StdioClientTransport} from '@modelcontextprotocol/client/stdio'

import {Inbox} from '../support/inbox.ts'
import {ANSWERS, CAPABILITIES, sharedPart, textOf, type Peer, type Target} from './peer.ts'
import {ProgressTokens} from './progress-tokens.ts'

/** What only the second generation can tell of itself. */
export interface PeerV2 extends Peer {
  /** Whether it shook hands by `initialize` (legacy) or not (modern). */
  readonly era: string | undefined
  /** The revision that it and the gateway agreed on. */
  readonly version: string | undefined
  /** Listens to changes of the list of tools. @returns whatever ends that, as soon as it does */
  listen(): Promise<{readonly closed: Promise<string>}>
}

/** How it finds out what to speak. */
const MODES = {legacy: 'legacy', auto: 'auto', modern: {pin: '2026-07-28'}} as const

/**
 * Connects the client of the SDK's second generation.
 * @param mode legacy says `initialize` at once, modern never, and auto asks first whether the server is of the era
 *   without it
 */
export async function connectV2(
  target: Target,
  mode: keyof typeof MODES = 'legacy',
): Promise<PeerV2> {
  const client = new Client(
    {name: 'sdk-v2', version: '2'},
    {capabilities: CAPABILITIES, versionNegotiation: {mode: MODES[mode]}},
  )
  const logs: Peer['logs'] = new Inbox()
  const changes: Peer['changes'] = new Inbox()
  client.setNotificationHandler('notifications/message', ({params}) => logs.add(params.level))
  client.setNotificationHandler('notifications/tools/list_changed', () => changes.add('tools'))
  client.setNotificationHandler('notifications/resources/list_changed', () =>
    changes.add('resources'),
  )
  const progress = new ProgressTokens()
  client.setNotificationHandler('notifications/progress', ({params}) => progress.told(params))
  client.setRequestHandler('elicitation/create', () => ANSWERS.elicitation)
  client.setRequestHandler('sampling/createMessage', () => ANSWERS.sampling)
  client.setRequestHandler('roots/list', () => ANSWERS.roots)
  const transport = transportTo(target)
  await client.connect(transport)
  return {
    era: client.getProtocolEra(),
    version: client.getNegotiatedProtocolVersion(),
    listen: () => client.listen({toolsListChanged: true}),
    ...sharedPart(client),
    logs,
    changes,
    async call(name, args, onProgress) {
      const params = {name, arguments: args, ...progress.meta(onProgress)}
      return textOf((await client.callTool(params)).content)
    },
    async [Symbol.asyncDispose]() {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession()
      await client.close()
    },
  }
}

function transportTo(target: Target): Transport {
  if (target.transport === 'stdio') return new StdioClientTransport({...target, stderr: 'ignore'})
  const options = {requestInit: {headers: target.headers}}
  return target.transport === 'sse'
    ? new SSEClientTransport(target.url, options)
    : new StreamableHTTPClientTransport(target.url, options)
}
