import {Clients} from '../../src/lib/gateway/clients.ts'
import {Lives} from '../../src/lib/gateway/lives.ts'
import type {OutgoingHttpHeaders} from 'node:http'
import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'
import {httpApp} from '../../src/lib/gateway/downstream/http-app.ts'
import {listen} from '../../src/lib/gateway/downstream/listen.ts'
import {StreamableEndpoint} from '../../src/lib/gateway/downstream/streamable.ts'
import {Gateway} from '../../src/lib/gateway/gateway.ts'
import {Memory} from '../../src/lib/gateway/memory.ts'
import {assemble} from '../../src/lib/gateway/pipeline/assemble.ts'
import type {Openers, OpenUpstream} from '../../src/lib/gateway/upstream/upstream.ts'
import type {Id} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../src/lib/gateway/wire/meta.ts'
import {bindServer} from '../../src/lib/model/server.ts'
import {all, events, fetchRaw, send, type RawRequest} from '../support/raw-http.ts'
import {fakeFleet} from '../support/fake-fleet.ts'

export const VERSION = '2026-07-28'

/** The largest message that the worlds take. */
export const LARGEST_BYTES = 1024 * 1024

export interface WorldOptions {
  /** By name, in configured order. Each is asked in both eras, over what is like stdio. */
  readonly servers: Readonly<Record<string, {readonly open: OpenUpstream}>>
  readonly tellsOrigin?: boolean
  readonly startTimeoutMs?: number
  readonly callTimeoutMs?: number
  readonly patienceMs?: number
}

/** A whole gateway of this process with servers in memory, behind a port of this machine. */
export interface World extends AsyncDisposable {
  readonly gateway: Gateway
  readonly port: number
  /** What went wrong with requests. */
  readonly warnings: string[]
  /** What the gateway takes for the time, in milliseconds. */
  now: number
  /** Ends the HTTP endpoint, then the gateway, as the end of the program does. */
  stop(): Promise<void>
}

/** Starts such a gateway. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const warnings: string[] = []
  const warn = (text: string) => void warnings.push(text)
  const world = {now: 0}
  const now = () => world.now
  const gateway = openGateway(options, now)
  const endpoint = new StreamableEndpoint({
    openSession: (id, downstream) => gateway.openSession(id, downstream),
    answer: exchange => gateway.answer(exchange),
    notify: message => gateway.notify(message),
    now,
    maxMessageBytes: LARGEST_BYTES,
    warn,
  })
  const app = httpApp({
    token: undefined,
    loopback: true,
    isReady: () => true,
    mcp: (incoming, response) => endpoint.handle(incoming, response),
    sse: async (_, response) => void response.writeHead(404).end(),
    warn,
  })
  const listening = await listen(app, {host: '127.0.0.1', port: 0})
  let stopping: Promise<void> | undefined
  const end = async () => {
    listening.server.close()
    endpoint[Symbol.dispose]()
    await gateway[Symbol.asyncDispose]()
    await listening[Symbol.asyncDispose]()
  }
  const stop = () => (stopping ??= end())
  return Object.assign(world, {
    gateway,
    port: listening.port,
    warnings,
    stop,
    [Symbol.asyncDispose]: stop,
  })
}

/** The gateway alone. */
export function openGateway(options: WorldOptions, now: () => number = () => 0): Gateway {
  const {servers, tellsOrigin = false, startTimeoutMs = 60_000, patienceMs = 60_000} = options
  const starts = Object.keys(servers).map(name => {
    const start = bindServer({name, image: name}, {}, '/home/me')
    if (start.kind !== 'container') throw new Error(start.kind)
    return start
  })
  const openers = (name: string): Openers => {
    const open = servers[name]?.open
    if (!open) throw new Error(`no server ${name}`)
    return {legacy: open, modern: open, tellsOrigin}
  }
  return new Gateway({
    limits: {tools: undefined, tokens: undefined},
    version: '1',
    clients: new Clients(undefined, []),
    lives: new Lives(Date.now),
    housekeeping: {[Symbol.asyncDispose]: async () => undefined},
    life: {idleMs: undefined, longLived: false, standby: {min: 0, max: 0}},
    plan: {
      servers: starts.map(start => ({
        name: start.name,
        prefix: undefined,
        tools: undefined,
        startTimeoutMs,
        callTimeoutMs: undefined,
        start,
      })),
    },
    fleet: fakeFleet(({name}) => openers(name)),
    status: {
      read: async () => new Map(),
      ready: async () => undefined,
      failed: async () => undefined,
    },
    memory: new Memory({
      dir: '/nowhere',
      warn: () => undefined,
      redact: text => text,
      now: () => 0,
    }),
    redact: text => text,
    showRemembered: true,
    middlewares: assemble({
      logCalls: true,
      blockSecrets: true,
      log: () => undefined,
      now,
      timeoutOf: () => options.callTimeoutMs ?? 60_000,
    }),
    patienceMs,
    now,
    log: () => undefined,
    notify: () => undefined,
    stop: new AbortController(),
  })
}

/** What a request of a modern client says. */
export interface Said {
  readonly id?: Id
  readonly params?: JsonObject
  readonly meta?: JsonObject
  readonly capabilities?: JsonObject
  readonly headers?: OutgoingHttpHeaders
}

/** A request as it goes out, right in all that the test does not say. */
export function posted(port: number, method: string, said: Said = {}): RawRequest {
  const {id = 1, params = {}, meta = {}, capabilities = {}, headers = {}} = said
  const name = params['name'] ?? params['uri']
  const own = {[META.version]: VERSION, [META.capabilities]: capabilities, ...meta}
  return {
    port,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': VERSION,
      'mcp-method': method,
      ...(typeof name === 'string' && {'mcp-name': name}),
      ...headers,
    },
    body: JSON.stringify({jsonrpc: '2.0', id, method, params: {...params, _meta: own}}),
  }
}

/** Everything that one request brings its client. */
export interface Heard {
  readonly status: number
  /** The answer last. */
  readonly messages: readonly JsonObject[]
  readonly answer: JsonObject
  readonly result: JsonObject
  /** The code of an error; undefined for a result. */
  readonly code: Json | undefined
}

/** Makes a request and reads all that comes of it. */
export async function ask({port}: World, method: string, said: Said = {}): Promise<Heard> {
  const {incoming} = await send(posted(port, method, said))
  return heard(incoming.statusCode ?? 0, await all(events(incoming)))
}

/** Sends text in place of a request and reads the answer, which is no stream. */
export async function askRaw(request: RawRequest): Promise<Heard> {
  const {status, headers, body} = await fetchRaw(request)
  const isStream = headers['content-type'] === 'text/event-stream'
  const texts = isStream
    ? [...body.matchAll(/^data: (.+)$/gm)].map(([, text = '']) => text)
    : [body]
  return heard(
    status,
    texts.filter(text => text !== '').map(text => objectOf(JSON.parse(text))),
  )
}

function heard(status: number, messages: readonly JsonObject[]): Heard {
  const answer = messages.at(-1) ?? {}
  return {
    status,
    messages,
    answer,
    result: objectOf(answer['result']),
    code: objectOf(answer['error'])['code'],
  }
}

/** A part of a message; empty when it is no object. */
export function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}
