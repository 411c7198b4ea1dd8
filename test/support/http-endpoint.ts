import type {Server} from 'node:http'
import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import {httpApp} from '../../src/lib/gateway/downstream/http-app.ts'
import {listen} from '../../src/lib/gateway/downstream/listen.ts'
import {MCP_PATH} from '../../src/lib/gateway/downstream/paths.ts'
import {SseEndpoint} from '../../src/lib/gateway/downstream/sse-endpoint.ts'
import {StreamableEndpoint} from '../../src/lib/gateway/downstream/streamable.ts'
import type {Exchange} from '../../src/lib/gateway/modern/exchange.ts'
import {LEGACY_VERSIONS} from '../../src/lib/gateway/relay/hello.ts'
import {Session} from '../../src/lib/gateway/relay/session.ts'
import type {Downstream} from '../../src/lib/gateway/relay/session-input.ts'
import type {MessageListener, OpenUpstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {
  failure,
  isRequest,
  isResponse,
  notification,
  request,
  result,
  RPC,
  type Message,
  type Notification,
  type Request,
  type Response,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {fixedMemory} from './memory.ts'
import {lasting} from './server-life.ts'

/** What a test can do at the server's end of a session. */
export interface ServerEnd {
  readonly session: string
  /** Everything that came from the client. */
  readonly received: Message[]
  /** Calls of the tool `wait` that are still to be answered, oldest first. */
  readonly waiting: Request[]
  send: MessageListener
  /** Answers the oldest call that waits. */
  release(text: string): void
}

/** The largest message that the endpoint takes. */
export const LARGEST_MESSAGE_BYTES = 1024 * 1024

/** The MCP endpoints on a real port of this machine, with a server of this process behind it. */
export interface HttpEndpoint extends AsyncDisposable {
  readonly port: number
  readonly url: URL
  readonly server: Server
  readonly endpoint: StreamableEndpoint
  readonly sse: SseEndpoint
  /** The server's ends by session. */
  readonly ends: Map<string, ServerEnd>
  readonly closed: string[]
  readonly warnings: string[]
}

/**
 * Starts the endpoint. The server behind it has the tools `echo` (gives its arguments and the session back), `wait`
 * (is answered by `release`), `notify` (sends `count` log messages of `size` characters first) and `ask` (asks the
 * client for its roots first).
 */
export async function startHttpEndpoint(
  options: {
    token?: string
    loopback?: boolean
    isReady?: () => boolean
    now?: () => number
    patienceMs?: number
    /** Answers clients without a session; without it they are sent to `initialize`. */
    answer?: (exchange: Exchange) => Promise<Response>
    /** Takes what they say besides requests. */
    notify?: (message: Notification) => void
  } = {},
): Promise<HttpEndpoint> {
  const ends = new Map<string, ServerEnd>()
  const sessions = new Set<Session>()
  const closed: string[] = []
  const warnings: string[] = []
  const now = options.now ?? (() => performance.now())
  const warn = (text: string) => void warnings.push(text)
  const inner = {
    warn,
    maxMessageBytes: LARGEST_MESSAGE_BYTES,
    answer: options.answer ?? sessionsOnly,
    notify: options.notify ?? (() => undefined),
    openSession(id: string, downstream: Downstream) {
      const session = new Session({
        id,
        version: '1',
        downstream,
        now,
        patienceMs: options.patienceMs ?? 5000,
        servers: [
          {
            name: 'inside',
            prefix: undefined,
            allows: () => true,
            open: serverInside(ends),
            startTimeoutMs: 5000,
            ...lasting(),
          },
        ],
        memory: fixedMemory(),
        govern: send => send,
        events: {
          onOpened: () => {},
          onFailed: () => {},
          onListed: () => {},
          onTools: () => {},
          onWarning: () => {},
        },
        onClose: () => {
          closed.push(id)
          sessions.delete(session)
        },
      })
      sessions.add(session)
      return session
    },
  }
  const endpoint = new StreamableEndpoint({...inner, now})
  const sse = new SseEndpoint(inner)
  const app = httpApp({
    token: options.token,
    loopback: options.loopback ?? true,
    isReady: options.isReady ?? (() => true),
    mcp: (incoming, response) => endpoint.handle(incoming, response),
    sse: (incoming, response) => sse.handle(incoming, response),
    warn,
  })
  const listening = await listen(app, {host: '127.0.0.1', port: 0})
  const {server, port} = listening
  return {
    port,
    url: new URL(`http://127.0.0.1:${port}${MCP_PATH}`),
    server,
    endpoint,
    sse,
    ends,
    closed,
    warnings,
    async [Symbol.asyncDispose]() {
      endpoint[Symbol.dispose]()
      sse[Symbol.dispose]()
      await Promise.all([...sessions].map(session => session.close()))
      await listening[Symbol.asyncDispose]()
    },
  }
}

async function sessionsOnly({request: {id}}: Exchange): Promise<Response> {
  return failure(id, RPC.unsupportedVersion, 'sessions only', {supported: [...LEGACY_VERSIONS]})
}

function serverInside(ends: Map<string, ServerEnd>): OpenUpstream {
  return async ({session, onMessage}) => {
    const {promise: closed, resolve} = Promise.withResolvers<void>()
    const asked = new Map<unknown, (message: Message) => void>()
    const end: ServerEnd = {
      session,
      received: [],
      waiting: [],
      send: onMessage,
      release(text) {
        const call = end.waiting.shift()
        if (call) onMessage(result(call.id, textContent(text)))
      },
    }
    ends.set(session, end)
    const ask = (message: Request) =>
      new Promise<Message>(answered => {
        asked.set(message.id, answered)
        onMessage(message)
      })
    return {
      redact: said => said,
      send(message) {
        end.received.push(message)
        if (isResponse(message)) asked.get(message.id)?.(message)
        else if (isRequest(message)) void answer(message, {end, ask})
      },
      closed: closed.then(() => ({what: 'was stopped', stderr: [], junk: undefined})),
      [Symbol.asyncDispose]: async () => resolve(),
    }
  }
}

const TOOLS = ['echo', 'wait', 'notify', 'ask'].map(name => ({name, inputSchema: {type: 'object'}}))

async function answer(
  message: Request,
  {end, ask}: {end: ServerEnd; ask: (message: Request) => Promise<Message>},
): Promise<void> {
  const {id, method, params = {}} = message
  const args = isJsonObject(params['arguments']) ? params['arguments'] : {}
  const reply = (value: JsonObject) => end.send(result(id, value))
  if (method === 'initialize') {
    return reply({
      protocolVersion: '2025-11-25',
      capabilities: {tools: {}, logging: {}},
      serverInfo: {name: 'inside', version: '1'},
    })
  }
  if (method === 'tools/list') return reply({tools: TOOLS})
  if (method !== 'tools/call') return reply({})
  switch (params['name']) {
    case 'wait':
      end.waiting.push(message)
      return
    case 'notify': {
      const data = 'x'.repeat(Number(args['size'] ?? 1))
      for (let at = 0; at < Number(args['count'] ?? 1); at += 1) {
        end.send(notification('notifications/message', {level: 'info', data, at}))
      }
      return reply(textContent('told'))
    }
    case 'ask': {
      const got = await ask(request(`ask-${String(id)}`, 'roots/list'))
      return reply(textContent(JSON.stringify(got)))
    }
    default:
      return reply(textContent(JSON.stringify({session: end.session, args})))
  }
}

function textContent(text: string): JsonObject {
  return {content: [{type: 'text', text}]}
}
