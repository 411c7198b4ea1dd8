import {PassThrough} from 'node:stream'
import * as fc from 'fast-check'
import {afterEach, describe, expect, test} from 'vitest'
import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import {serveStdio} from '../../src/lib/gateway/downstream/stdio.ts'
import {assemble} from '../../src/lib/gateway/pipeline/assemble.ts'
import {compose} from '../../src/lib/gateway/pipeline/call.ts'
import {Session} from '../../src/lib/gateway/relay/session.ts'
import {fakeServer, type FakeScript} from '../support/fake-upstream.ts'
import {fixedMemory} from '../support/memory.ts'
import {anyBytes, anyCuts, cutAt, expectUnpolluted} from './hostile.ts'

const SCRIPT: FakeScript = {
  hello: {capabilities: {tools: {}, prompts: {}, resources: {}, completions: {}, logging: {}}},
  answers: {
    'tools/list': {tools: [{name: 'ok', inputSchema: {type: 'object'}}]},
    'tools/call': ({params}) => ({content: [], structuredContent: {called: params ?? {}}}),
    'prompts/list': {prompts: [{name: 'ok'}]},
    'prompts/get': {messages: []},
    'resources/list': {resources: [{uri: 'a:1', name: 'one'}]},
    'resources/templates/list': {resourceTemplates: [{uriTemplate: 'a:{x}', name: 'any'}]},
    'resources/read': ({params}) => ({contents: [], read: params ?? {}}),
    'completion/complete': {completion: {values: []}},
    'logging/setLevel': {},
  },
}

/** A session with these many servers at the end of a stdin, and what comes out for the client. */
function start(servers: number): {stdin: PassThrough; written: string[]; session: Session} {
  const stdin = new PassThrough()
  const written: string[] = []
  const middlewares = assemble({
    logCalls: true,
    blockSecrets: true,
    log: () => undefined,
    now: () => 0,
  })
  const session = serveStdio({
    stdin,
    write: line => void written.push(line),
    warn: () => undefined,
    openSession: downstream =>
      new Session({
        id: 'stdio',
        version: '1',
        servers: ['alpha', 'beta'].slice(0, servers).map(name => ({
          name,
          prefix: undefined,
          allows: () => true,
          open: fakeServer(SCRIPT).open,
          startTimeoutMs: 60_000,
        })),
        memory: fixedMemory(),
        downstream,
        govern: send => compose(middlewares, send),
        patienceMs: 60_000,
        now: () => 0,
        events: {onOpened: () => {}, onFailed: () => {}, onListed: () => {}, onWarning: () => {}},
        onClose: () => {},
      }),
  })
  return {stdin, written, session}
}

/** The id under which a line must be answered; undefined for what is no request, or gives no id to answer under. */
function answerable(line: string): string | undefined {
  const value = parsed(line)
  if (!isJsonObject(value)) return undefined
  const {jsonrpc, id, method, result, error} = value
  const isUsable = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))
  // What has an id, but neither a method nor an outcome, is a request that was spoilt.
  const isAnswer = method === undefined && (result !== undefined || error !== undefined)
  const isDeep = levels(line) > 512
  if (!isUsable || isAnswer || (isDeep ? method === undefined : jsonrpc !== '2.0')) return undefined
  return JSON.stringify(id)
}

/** The id that a line gives up: its request is answered only when the answer was faster. */
function cancelled(line: string): string | undefined {
  const value = parsed(line)
  const isNotice = isJsonObject(value) && value['method'] === 'notifications/cancelled'
  const params = isNotice ? value['params'] : undefined
  return isJsonObject(params) ? JSON.stringify(params['requestId']) : undefined
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** How deep a JSON text is nested. */
function levels(text: string): number {
  let depth = 0
  let deepest = 0
  for (const [bracket] of text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').matchAll(/[[{\]}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    deepest = Math.max(deepest, depth)
  }
  return deepest
}

/** What is there how often. */
function counts(items: readonly string[]): Record<string, number> {
  const all = new Map<string, number>()
  for (const item of items) all.set(item, (all.get(item) ?? 0) + 1)
  return Object.fromEntries([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function outcome(line: string): JsonObject {
  expect(line).toMatch(/^[^\n]+\n$/)
  const value: unknown = JSON.parse(line)
  if (!isJsonObject(value)) throw new Error(`not an object: ${line}`)
  expect(value['jsonrpc']).toBe('2.0')
  return value
}

function lineOf(message: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify({jsonrpc: '2.0', ...message})}\n`)
}

const INITIALIZE = lineOf({
  id: 'hello',
  method: 'initialize',
  params: {protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {name: 'c', version: '1'}},
})

afterEach(expectUnpolluted)

describe('whatever comes on stdin', () => {
  test('each request is answered once, with one JSON object a line, and the session goes on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyBytes, {maxLength: 12}),
        anyCuts,
        fc.record({servers: fc.nat(2), hello: fc.boolean()}),
        async (messages, cuts, {servers, hello}) => {
          const {stdin, written, session} = start(servers)
          const bytes = Buffer.concat([
            ...(hello ? [INITIALIZE] : []),
            ...messages.flatMap(message => [message, Buffer.from('\n')]),
          ])
          for (const chunk of cutAt(bytes, cuts)) stdin.write(chunk)
          stdin.write(lineOf({id: 'the end', method: 'ping'}))
          await expect.poll(() => written.some(isEnd), {interval: 1}).toBe(true)
          await session.idle()

          const outcomes = written.map(outcome)
          const answered = outcomes.filter(({method}) => method === undefined)
          const lines = [...bytes.toString().split('\n'), '{"jsonrpc":"2.0","id":"the end"}']
          const givenUp = new Set(lines.map(cancelled))
          const isKept = (id: string) => !givenUp.has(id)
          expect(counts(answered.map(({id}) => JSON.stringify(id)).filter(isKept))).toEqual(
            counts(lines.flatMap(text => answerable(text) ?? []).filter(isKept)),
          )
          for (const answer of answered) {
            expect([isJsonObject(answer['result']), isJsonObject(answer['error'])]).toContain(true)
          }
          await session.close()
        },
      ),
      {numRuns: 500},
    )
  })
})

function isEnd(text: string): boolean {
  return text === '{"jsonrpc":"2.0","id":"the end","result":{}}\n'
}
