import {spawn, type ChildProcessByStdio} from 'node:child_process'
import {once} from 'node:events'
import type {Readable, Writable} from 'node:stream'
import {createParser} from 'eventsource-parser'
import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'

/** Where a message arrived: with the answer to the request of this id, or outside of every request. */
export type Stream = {readonly request: Json} | 'alone'

/** Takes what arrives; over stdio nothing says where a message belongs. */
export type Deliver = (message: JsonObject, stream: Stream | undefined) => void

/** A client's connection of one session, without any knowledge of MCP beyond its transports. */
export interface RawWire extends AsyncDisposable {
  /** Settles when the message has been taken; for a request over HTTP, when its answer has begun. */
  send(message: JsonObject): Promise<void>
  /** Over HTTP: listens for what belongs to no request. Settles when the stream is open. */
  listen(): Promise<void>
}

type Program = ChildProcessByStdio<Writable, Readable, Readable>

/** Connects to a program that speaks over its stdin and stdout. Disposing of it ends its stdin and waits for its end. */
export function stdioWire(child: Program, deliver: Deliver): RawWire {
  // A child process that is gone already is told by what does not arrive.
  child.stdin.on('error', () => undefined)
  let rest = ''
  // Not readline: for it, a line ends at U+2028, too.
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) deliver(parsed(line), undefined)
  })
  return {
    async send(message) {
      child.stdin.write(`${JSON.stringify(message)}\n`)
    },
    listen: async () => undefined,
    async [Symbol.asyncDispose]() {
      const gone = child.exitCode === null ? once(child, 'exit') : undefined
      child.stdin.end()
      await gone
    },
  }
}

/** One session over streamable HTTP. Disposing of it ends the session and all its streams. */
export class HttpWire implements RawWire {
  readonly url: string
  readonly #deliver: Deliver
  readonly #abort = new AbortController()
  readonly #reading = new Set<Promise<void>>()
  readonly #exchanges = new Map<Json | undefined, AbortController>()
  #version: string | undefined
  /** The session's id, once the server has given one. */
  session: string | undefined

  constructor(url: string, deliver: Deliver) {
    this.url = url
    this.#deliver = deliver
  }

  async send(message: JsonObject): Promise<void> {
    const exchange = new AbortController()
    this.#exchanges.set(message['id'], exchange)
    const {signal} = exchange
    const response = await this.fetch('POST', {body: JSON.stringify(message), signal})
    this.session ??= response.headers.get('mcp-session-id') ?? undefined
    const isRequest = 'method' in message && 'id' in message
    if (isRequest) this.#read(response, {request: message['id'] ?? null})
    else await response.body?.cancel()
  }

  async listen(): Promise<void> {
    this.#read(await this.fetch('GET'), 'alone')
  }

  /** Loses the connection that a request is answered on. */
  cut(request: Json): void {
    this.#exchanges.get(request)?.abort()
  }

  /** Makes any request in this session. */
  fetch(
    method: string,
    {
      body,
      more = {},
      signal,
    }: {body?: string; more?: Record<string, string>; signal?: AbortSignal} = {},
  ): Promise<Response> {
    const headers = new Headers({accept: 'application/json, text/event-stream'})
    if (body !== undefined) headers.set('content-type', 'application/json')
    if (this.session !== undefined) headers.set('mcp-session-id', this.session)
    if (this.#version !== undefined) headers.set('mcp-protocol-version', this.#version)
    for (const [name, value] of Object.entries(more)) headers.set(name, value)
    const signals = AbortSignal.any([this.#abort.signal, ...(signal ? [signal] : [])])
    return fetch(this.url, {
      method,
      headers,
      signal: signals,
      ...(body !== undefined && {body}),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.session !== undefined) await (await this.fetch('DELETE')).body?.cancel()
    this.#abort.abort()
    await Promise.all(this.#reading)
  }

  #read(response: Response, stream: Stream): void {
    const reading = this.#readAll(response, stream).catch((error: unknown) => {
      if (!(error instanceof DOMException && error.name === 'AbortError')) throw error
    })
    this.#reading.add(reading)
    void reading.then(() => this.#reading.delete(reading))
  }

  async #readAll(response: Response, stream: Stream): Promise<void> {
    const take = (text: string) => {
      const message = parsed(text)
      const {result} = message
      if (isJsonObject(result) && typeof result['protocolVersion'] === 'string') {
        this.#version ??= result['protocolVersion']
      }
      // A refusal of the whole exchange has no id of its own.
      const request = stream === 'alone' ? null : stream.request
      this.#deliver(response.ok ? message : {...message, id: request}, stream)
    }
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      const text = await response.text()
      if (text !== '' && stream !== 'alone') take(text)
      return
    }
    // An event without data is there for its id alone.
    const parser = createParser({onEvent: ({data}) => void (data !== '' && take(data))})
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? [])
      parser.feed(decoder.decode(chunk, {stream: true}))
  }
}

/** Starts a script with the Node of the tests. */
export function startNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program {
  return spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {...process.env, ...env},
  })
}

function parsed(text: string): JsonObject {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw new Error(`not a message: ${text}`)
  return value
}
