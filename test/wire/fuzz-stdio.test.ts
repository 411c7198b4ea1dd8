import {PassThrough} from 'node:stream'
import * as fc from 'fast-check'
import {afterEach, describe, expect, test} from 'vitest'
import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import {serveStdio, type StdioClient} from '../../src/lib/gateway/downstream/stdio.ts'
import {Session} from '../../src/lib/gateway/relay/session.ts'
import {failure} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {fakeServer, type FakeScript} from '../support/fake-upstream.ts'
import {fixedMemory} from '../support/memory.ts'
import {governed} from './governed.ts'
import {anyBytes, anyCuts, cutAt, expectUnpolluted} from './hostile.ts'
import {lasting} from '../support/server-life.ts'

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
function start(
  servers: number,
  maxMessageBytes: number,
): {stdin: PassThrough; written: string[]; client: StdioClient} {
  const stdin = new PassThrough()
  const written: string[] = []
  const client = serveStdio({
    stdin,
    write: line => void written.push(line),
    warn: () => undefined,
    maxMessageBytes,
    unreadBytes: () => 0,
    notify: () => undefined,
    onStuck: () => undefined,
    answer: async ({request: {id}}) => failure(id, -32601, 'nothing is known'),
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
          ...lasting(),
        })),
        memory: fixedMemory(),
        downstream,
        govern: governed,
        patienceMs: 60_000,
        now: () => 0,
        events: {
          onOpened: () => {},
          onFailed: () => {},
          onListed: () => {},
          onTools: () => {},
          onWarning: () => {},
        },
        onClose: () => {},
      }),
  })
  return {stdin, written, client}
}

/** The ids under which a line is answered; what is no request, or gives no id to answer under, has none. */
function answerable(line: string): readonly string[] {
  const value = parsed(line)
  const isDeep = levels(line) > 512
  return (Array.isArray(value) ? value : [value]).filter(isJsonObject).flatMap(message => {
    const {jsonrpc, id, method, result, error} = message
    const isUsable = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))
    // What has an id, but neither a method nor an outcome, is a request that was spoilt.
    const isAnswer = method === undefined && (result !== undefined || error !== undefined)
    const isRefused = isDeep ? method === undefined : jsonrpc !== '2.0'
    return isUsable && !isAnswer && !isRefused ? [JSON.stringify(id)] : []
  })
}

/** The ids that need not be answered: of batches, which may be refused as a whole, of large lines, and cancelled. */
function doubtfulIds(line: string, maxBytes: number): readonly string[] {
  const value = parsed(line)
  const isLarge = Buffer.byteLength(line) > maxBytes || levels(line) > 512
  if (Array.isArray(value) || isLarge) return answerable(line)
  const isNotice = isJsonObject(value) && value['method'] === 'notifications/cancelled'
  const params = isNotice ? value['params'] : undefined
  return isJsonObject(params) ? [JSON.stringify(params['requestId'])] : []
}

/** Everything in a line that looks like an id: of a large one no more is read, whatever else is wrong with it. */
function idsIn(line: string): readonly string[] {
  const found = line.matchAll(/"id":("(?:[^"\\]|\\.)*"|[^,}\]]+)/g)
  return [...found].map(([, id = '']) => JSON.stringify(parsed(id)))
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

/** What is left of these items when each of the others has taken one away. */
function surplus(items: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...items]
  for (const other of others) {
    const at = left.indexOf(other)
    if (at !== -1) left.splice(at, 1)
  }
  return left
}

/** The messages in a line, which are more than one when it is a batch. */
function outcomes(line: string): readonly JsonObject[] {
  expect(line).toMatch(/^[^\n]+\n$/)
  const value: unknown = JSON.parse(line)
  const messages = Array.isArray(value) ? value : [value]
  expect(messages).not.toEqual([])
  for (const message of messages) expect(message).toHaveProperty('jsonrpc', '2.0')
  return messages.filter(isJsonObject)
}

function lineOf(message: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify({jsonrpc: '2.0', ...message})}\n`)
}

/** The revision with batches, and one without. */
const HELLOS = ['2025-03-26', '2025-11-25'].map(protocolVersion =>
  lineOf({
    id: 'hello',
    method: 'initialize',
    params: {protocolVersion, capabilities: {}, clientInfo: {name: 'c', version: '1'}},
  }),
)

afterEach(expectUnpolluted)

describe('whatever comes on stdin', () => {
  test('each request is answered once, with one JSON object a line, and the session goes on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyBytes, {maxLength: 12}),
        anyCuts,
        fc.record({
          servers: fc.nat(2),
          hello: fc.constantFrom(Buffer.alloc(0), ...HELLOS),
          maxBytes: fc.constantFrom(300, 1_000_000),
        }),
        async (messages, cuts, {servers, hello, maxBytes}) => {
          const {stdin, written, client} = start(servers, maxBytes)
          const bytes = Buffer.concat([
            hello,
            ...messages.flatMap(message => [message, Buffer.from('\n')]),
          ])
          for (const chunk of cutAt(bytes, cuts)) stdin.write(chunk)
          stdin.write(lineOf({id: 'the end', method: 'ping'}))
          await expect.poll(() => written.some(isEnd), {interval: 1}).toBe(true)
          await client.idle()

          const answers = written.flatMap(outcomes).filter(({method}) => method === undefined)
          for (const answer of answers) {
            expect([isJsonObject(answer['result']), isJsonObject(answer['error'])]).toContain(true)
          }
          const lines = [...bytes.toString().split('\n'), '{"jsonrpc":"2.0","id":"the end"}']
          const asked = lines.flatMap(answerable)
          // What could not be read to its id is refused without one.
          const answered = answers.map(({id}) => JSON.stringify(id)).filter(id => id !== 'null')
          const large = lines.filter(
            line => Buffer.byteLength(line) > maxBytes || levels(line) > 512,
          )
          const guesses = new Set(large.flatMap(idsIn))
          expect(surplus(answered, asked).filter(id => !guesses.has(id))).toEqual([])
          const doubtful = new Set(lines.flatMap(line => doubtfulIds(line, maxBytes)))
          expect(surplus(asked, answered).filter(id => !doubtful.has(id))).toEqual([])
          await client.session.close()
        },
      ),
      {numRuns: 500},
    )
  })
})

function isEnd(text: string): boolean {
  return text === '{"jsonrpc":"2.0","id":"the end","result":{}}\n'
}
