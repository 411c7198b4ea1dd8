import {once} from 'node:events'
import {
  request,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import {text} from 'node:stream/consumers'
import type {JsonObject} from '../../src/lib/base/json.ts'

/** A request to this machine, every header as the test wants it. */
export interface RawRequest {
  readonly port: number
  readonly host?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
}

/** Sends a request whose head and body are as given; resolves with the head of the answer. */
export async function send(
  input: RawRequest,
): Promise<{outgoing: ClientRequest; incoming: IncomingMessage}> {
  const {port, host = '127.0.0.1', method = 'GET', path = '/mcp', headers = {}, body} = input
  const outgoing = request({port, host, method, path, headers, agent: false})
  outgoing.end(body)
  const [incoming] = await once(outgoing, 'response')
  // A test that cuts the connection is not told so by an error that nobody expects.
  incoming.on('error', () => undefined)
  outgoing.on('error', () => undefined)
  return {outgoing, incoming}
}

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Sends a request and reads the whole answer. */
export async function fetchRaw(input: RawRequest): Promise<RawAnswer> {
  const {incoming} = await send(input)
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: await text(incoming),
  }
}

/** Cuts the connection of an exchange; resolves when this side has seen its end. */
export async function cut({outgoing}: {outgoing: ClientRequest}): Promise<void> {
  const {promise, resolve} = Promise.withResolvers<void>()
  outgoing.once('close', resolve)
  outgoing.destroy()
  await promise
}

/** One server-sent event, field by field as it came. */
export interface RawEvent {
  readonly event?: string
  readonly id?: string
  readonly retry?: string
  readonly data?: string
}

/** The events of a stream, until it ends or is cut. Comments are left out. */
export async function* rawEvents(incoming: IncomingMessage): AsyncGenerator<RawEvent> {
  let rest = ''
  incoming.setEncoding('utf8')
  for await (const chunk of incoming) {
    const parts = (rest + String(chunk)).split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const fields = part.split('\n').flatMap(line => {
        const [, name, value] = /^(\w+): (.*)$/.exec(line) ?? []
        return name === undefined ? [] : [[name, value] as const]
      })
      if (fields.length > 0) yield Object.fromEntries(fields)
    }
  }
}

/** The messages of an answer: one that is JSON, those of a batch, or one for each event of a stream. */
export async function* events(incoming: IncomingMessage): AsyncGenerator<JsonObject> {
  if (incoming.headers['content-type'] === 'application/json') {
    const value = JSON.parse(await text(incoming))
    return yield* Array.isArray(value) ? value : [value]
  }
  for await (const {event, data} of rawEvents(incoming)) {
    if (event === 'message' && data !== undefined) yield JSON.parse(data)
  }
}

/** Everything that is still to come. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

/** A client of one session that shows every byte of the exchange. */
export class RawClient {
  readonly port: number
  readonly id: string
  readonly headers: OutgoingHttpHeaders

  private constructor(port: number, id: string, headers: OutgoingHttpHeaders) {
    this.port = port
    this.id = id
    this.headers = headers
  }

  /** Opens a session. */
  static async open(
    port: number,
    more: OutgoingHttpHeaders = {},
    protocolVersion = '2025-11-25',
  ): Promise<RawClient> {
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 'init',
      method: 'initialize',
      params: {
        protocolVersion,
        capabilities: {roots: {}},
        clientInfo: {name: 'raw', version: '1'},
      },
    })
    const headers = {...JSON_HEADERS, ...more}
    const answer = await fetchRaw({port, method: 'POST', headers, body})
    const id = String(answer.headers['mcp-session-id'])
    return new RawClient(port, id, {...headers, 'mcp-session-id': id})
  }

  /** Posts a message; resolves with the head of the answer. */
  post(message: unknown, more: OutgoingHttpHeaders = {}): ReturnType<typeof send> {
    return send({
      port: this.port,
      method: 'POST',
      headers: {...this.headers, ...more},
      body: JSON.stringify(message),
    })
  }

  /** Calls a tool and reads its stream to the end. */
  async call(id: string | number, name: string, args: JsonObject = {}): Promise<JsonObject[]> {
    const {incoming} = await this.startCall(id, name, args)
    return all(events(incoming))
  }

  /** Calls a tool; resolves with the open stream. */
  startCall(id: string | number, name: string, args: JsonObject = {}): ReturnType<typeof send> {
    const params = {name, arguments: args}
    return this.post({jsonrpc: '2.0', id, method: 'tools/call', params})
  }

  /** Opens the stream for what belongs to no request, or goes on with a stream after an event of it. */
  listen(lastEventId?: string): ReturnType<typeof send> {
    const last = lastEventId === undefined ? {} : {'last-event-id': lastEventId}
    const headers = {...this.headers, accept: 'text/event-stream', ...last}
    return send({port: this.port, headers})
  }

  delete(): Promise<RawAnswer> {
    return fetchRaw({port: this.port, method: 'DELETE', headers: this.headers})
  }
}
