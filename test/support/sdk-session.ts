import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {InMemoryTransport} from '@modelcontextprotocol/sdk/inMemory.js'
import type {Server} from '@modelcontextprotocol/sdk/server/index.js'
import type {Transport} from '@modelcontextprotocol/sdk/shared/transport.js'
import type {ClientCapabilities, JSONRPCMessage} from '@modelcontextprotocol/sdk/types.js'
import {onTestFinished} from 'vitest'
import {assemble} from '../../src/lib/gateway/pipeline/assemble.ts'
import {compose} from '../../src/lib/gateway/pipeline/call.ts'
import {Session} from '../../src/lib/gateway/relay/session.ts'
import type {OpenUpstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {isUnusable, type Message} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {parseMessage} from '../../src/lib/gateway/wire/parse.ts'
import {fixedMemory} from './memory.ts'
import {lasting} from './server-life.ts'

/** Makes a server of the SDK, one for each start. */
export type MakeServer = () => Server

/**
 * Connects a client of the SDK to servers of the SDK through a session. Every message goes through its JSON text, as
 * on a real wire. All of it is closed when the test is over.
 */
export async function sdkSession(
  servers: Readonly<Record<string, MakeServer>>,
  capabilities: ClientCapabilities = {},
  prepare: (client: Client) => void = () => undefined,
): Promise<Client> {
  const client = new Client({name: 'sdk', version: '1'}, {capabilities})
  prepare(client)
  const middlewares = assemble({
    logCalls: false,
    blockSecrets: true,
    timeoutOf: () => undefined,
    log: () => undefined,
    now: () => 0,
  })
  await client.connect(
    sessionTransport(
      send =>
        new Session({
          id: 's',
          version: '1',
          servers: Object.entries(servers).map(([name, make]) => ({
            name,
            prefix: undefined,
            allows: () => true,
            open: sdkUpstream(make),
            startTimeoutMs: 60_000,
            ...lasting(),
          })),
          memory: fixedMemory(),
          downstream: {send, drop: () => undefined},
          govern: handler => compose(middlewares, handler),
          patienceMs: 60_000,
          now: () => 0,
          events: {
            onOpened: ignore,
            onFailed: ignore,
            onListed: ignore,
            onTools: ignore,
            onWarning: ignore,
          },
          onClose: ignore,
        }),
    ),
  )
  onTestFinished(() => client.close())
  return client
}

function ignore(): void {}

/** The client's transport: a session without a wire between. */
function sessionTransport(open: (send: (message: Message) => void) => Session): Transport {
  let session: Session | undefined
  const transport: Transport = {
    async start() {
      session = open(message => {
        const text = JSON.stringify(message)
        // As on a wire: never in the middle of what the session is doing.
        queueMicrotask(() => transport.onmessage?.(JSON.parse(text)))
      })
    },
    async send(message) {
      const parsed = reread(message)
      queueMicrotask(() => session?.receive(parsed))
    },
    async close() {
      await session?.close()
      transport.onclose?.()
    },
  }
  return transport
}

function sdkUpstream(make: MakeServer): OpenUpstream {
  return async ({onMessage}) => {
    const [here, there] = InMemoryTransport.createLinkedPair()
    const server = make()
    const closed = Promise.withResolvers<void>()
    Object.assign(here, {
      onmessage: (message: JSONRPCMessage) => onMessage(reread(message)),
      onclose: () => closed.resolve(),
    })
    await Promise.all([here.start(), server.connect(there)])
    return {
      redact: (said: string) => said,
      send: message => void here.send(JSON.parse(JSON.stringify(message))),
      closed: closed.promise.then(() => ({what: 'ended', stderr: [], junk: undefined})),
      [Symbol.asyncDispose]: () => here.close(),
    }
  }
}

function reread(message: JSONRPCMessage): Message {
  const parsed = parseMessage(JSON.stringify(message))
  if (isUnusable(parsed)) throw new Error(`the SDK sent no message: ${parsed.reason}`)
  return parsed
}
