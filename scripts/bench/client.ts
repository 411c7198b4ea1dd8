import {Agent, request} from 'node:http'
import {META, MODERN_VERSIONS} from '../../src/lib/gateway/wire/meta.ts'
import {median} from './figures.ts'
import {TOKEN, type Subject} from './subject.ts'

/** A client of a subject. */
export interface Caller {
  /**
   * Calls a tool.
   * @param expected text that the answer holds, or how many bytes it has at least
   * @throws Error when the answer is another one
   */
  call(tool: string, args: object, expected: string | number): Promise<void>
  /**
   * Closes the connections; the next call opens new ones. Servers close what is idle for some seconds, and a request
   * that is sent at that very moment is lost.
   */
  rest(): void
}

/** A session of a subject, with a client in it. */
export interface Session extends Caller {
  /** How long `initialize` took, in milliseconds. */
  readonly initializeMs: number
}

/** What a load came to. */
export interface Load {
  /** Processor time of the subject for each call, in microseconds. */
  readonly processorUs: number
  readonly perSecond: number
  readonly p50Ms: number
}

export interface LoadOptions {
  /** How many calls are under way at any time. */
  readonly callers: number
  /** For how long, in milliseconds. */
  readonly ms: number
  readonly call: (caller: Caller) => Promise<void>
}

/** What clients introduce themselves with. */
export const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: {name: 'bench', version: '1'},
}

/** What a client's requests carry. */
export const TOKEN_HEADERS = {
  accept: 'application/json, text/event-stream',
  authorization: `Bearer ${TOKEN}`,
  'content-type': 'application/json',
  'mcp-protocol-version': HELLO.protocolVersion,
}

/** Opens a session as every client does, and lists the tools. Connections are kept. */
export async function openSession({url}: Subject): Promise<Session> {
  const agent = new Agent({keepAlive: true})
  const headers: Record<string, string> = {...TOKEN_HEADERS}
  let id = 0
  const send = (message: object) => post(url, {agent, headers}, JSON.stringify(message))
  const ask = (method: string, params: object) => {
    id += 1
    return send({jsonrpc: '2.0', id, method, params})
  }
  const started = performance.now()
  const hello = await ask('initialize', HELLO)
  const initializeMs = performance.now() - started
  headers['mcp-session-id'] = hello.session
  await send({jsonrpc: '2.0', method: 'notifications/initialized'})
  await ask('tools/list', {})
  agent.destroy()
  return {
    initializeMs,
    async call(tool, args, expected) {
      const {body} = await ask('tools/call', {name: tool, arguments: args})
      demand(body, expected)
    },
    rest: () => agent.destroy(),
  }
}

/** A client of the modern era: there is nothing to open, and each request says all there is to say. */
export function modernCaller({url}: Subject, name = 'bench'): Caller {
  const agent = new Agent({keepAlive: true})
  const _meta = {
    [META.version]: MODERN_VERSIONS[0],
    [META.capabilities]: {},
    [META.client]: {name, version: '1'},
  }
  let id = 0
  return {
    async call(tool, args, expected) {
      id += 1
      const headers = {
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/json',
        'mcp-protocol-version': MODERN_VERSIONS[0],
        'mcp-method': 'tools/call',
        'mcp-name': tool,
      }
      const params = {name: tool, arguments: args, _meta}
      const message = {jsonrpc: '2.0', id, method: 'tools/call', params}
      const {body} = await post(url, {agent, headers}, JSON.stringify(message))
      demand(body, expected)
    },
    rest: () => agent.destroy(),
  }
}

function demand(body: Buffer, expected: string | number): void {
  const isRight = typeof expected === 'string' ? body.includes(expected) : body.length >= expected
  if (isRight) return
  throw new Error(`not the answer that was expected: ${body.toString('utf8', 0, 500)}`)
}

/** Has callers make one call after the other for a while, evenly on all clients. */
export async function load(
  subject: Subject,
  clients: readonly Caller[],
  options: LoadOptions,
): Promise<Load> {
  const times: number[] = []
  const processorBefore = subject.processorMs()
  const started = performance.now()
  let turn = 0
  const caller = async () => {
    let before = performance.now()
    while (before < started + options.ms) {
      const client = clients[turn++ % clients.length]
      if (client) await options.call(client)
      const now = performance.now()
      times.push(now - before)
      before = now
    }
  }
  await Promise.all(Array.from({length: options.callers}, caller))
  const seconds = (performance.now() - started) / 1000
  for (const client of clients) client.rest()
  return {
    processorUs: ((subject.processorMs() - processorBefore) * 1000) / times.length,
    perSecond: times.length / seconds,
    p50Ms: median(times),
  }
}

/** Posts a message. The answer may be one JSON text or a stream of events: either way it is read to its end and not looked into. */
export function post(
  url: URL,
  options: {agent: Agent; headers: Readonly<Record<string, string>>},
  text: string,
): Promise<{body: Buffer; session: string}> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {method: 'POST', ...options}, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const body = Buffer.concat(chunks)
        const session = String(response.headers['mcp-session-id'])
        if (response.statusCode === 200 || response.statusCode === 202) resolve({body, session})
        else reject(new Error(`HTTP ${response.statusCode}: ${body.toString()}`))
      })
    })
    sent.once('error', reject)
    sent.end(text)
  })
}
