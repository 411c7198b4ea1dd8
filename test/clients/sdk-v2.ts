import {
  Client,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client'
import {StdioClientTransport} from '@modelcontextprotocol/client/stdio'

import {Inbox} from '../support/inbox.ts'
import {textOf, type Peer, type Place} from './peer.ts'

/** What only the second generation can tell of itself. */
export interface PeerV2 extends Peer {
  /** Whether it shook hands by `initialize` (legacy) or not (modern). */
  readonly era: string | undefined
  /** The revision that it and the gateway agreed on. */
  readonly version: string | undefined
}

/**
 * Connects the client of the SDK's second generation.
 * @param mode legacy says `initialize` at once, auto first asks whether the gateway is of the era without it
 */
export async function connectV2(place: Place, mode: 'legacy' | 'auto' = 'legacy'): Promise<PeerV2> {
  const client = new Client({name: 'sdk-v2', version: '2'}, {versionNegotiation: {mode}})
  const logs: Peer['logs'] = new Inbox()
  const changes: Peer['changes'] = new Inbox()
  client.setNotificationHandler('notifications/message', ({params}) => logs.add(params.level))
  client.setNotificationHandler('notifications/tools/list_changed', () => changes.add('tools'))
  client.setNotificationHandler('notifications/resources/list_changed', () =>
    changes.add('resources'),
  )
  const transport = transportTo(place)
  await client.connect(transport)
  return {
    era: client.getProtocolEra(),
    version: client.getNegotiatedProtocolVersion(),
    server: client.getServerVersion()?.name,
    logs,
    changes,
    toolNames: async () => (await client.listTools()).tools.map(({name}) => name),
    async call(name, args, onProgress) {
      const {content} = await client.callTool(
        {name, arguments: args},
        onProgress && {onprogress: ({progress}) => onProgress(progress)},
      )
      return textOf(content)
    },
    read: async uri => JSON.stringify(await client.readResource({uri})),
    prompt: async (name, args) => JSON.stringify(await client.getPrompt({name, arguments: args})),
    complete: async (name, argument) =>
      (await client.complete({ref: {type: 'ref/prompt', name}, argument})).completion.values,
    setLevel: async level => void (await client.setLoggingLevel(level)),
    async [Symbol.asyncDispose]() {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession()
      await client.close()
    },
  }
}

function transportTo(place: Place): Transport {
  if (place.transport === 'stdio') return new StdioClientTransport({...place, stderr: 'ignore'})
  const options = {requestInit: {headers: place.headers}}
  return place.transport === 'sse'
    ? new SSEClientTransport(place.url, options)
    : new StreamableHTTPClientTransport(place.url, options)
}
