import {PassThrough} from 'node:stream'
import * as fc from 'fast-check'
import {afterEach, expect, test} from 'vitest'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {serveStdio} from '../../src/lib/gateway/downstream/stdio.ts'
import {RPC} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../src/lib/gateway/wire/meta.ts'
import {fakeServer, type FakeAnswer, type FakeServer} from '../support/fake-upstream.ts'
import {modernServer} from '../support/modern-server.ts'
import {expectUnpolluted} from './hostile.ts'
import {objectOf, openGateway, VERSION} from './modern-world.ts'

/** A line of a client that speaks both eras, mostly under ids that are in use. */
interface Line {
  readonly id: string | number
  readonly isModern: boolean
  /** Whether the request is given up in the next line. */
  readonly isCancelled: boolean
  /** What is wrong with it. */
  readonly fault: 'none' | 'version' | 'capabilities'
}

const anyLine: fc.Arbitrary<Line> = fc.record({
  id: fc.constantFrom(0, 1, 2, 3, '0', '1', '2', '', '__proto__', 'x-1'),
  isModern: fc.boolean(),
  isCancelled: fc.constantFrom(false, false, false, true),
  fault: fc.constantFrom('none', 'none', 'none', 'version', 'capabilities'),
})

function metaOf({isModern, fault}: Line): JsonObject {
  if (!isModern) return {}
  return {
    [META.version]: fault === 'version' ? '2099-01-01' : VERSION,
    [META.capabilities]: fault === 'capabilities' ? null : {},
  }
}

/** Text for stdin. */
function written(line: Line, at: number): string {
  const {id, isCancelled} = line
  const params = {name: 'go', arguments: {nth: `n${at}`}, _meta: metaOf(line)}
  const messages: JsonObject[] = [{jsonrpc: '2.0', id, method: 'tools/call', params}]
  if (isCancelled) {
    const method = 'notifications/cancelled'
    messages.push({jsonrpc: '2.0', method, params: {requestId: id}})
  }
  return messages.map(message => `${JSON.stringify(message)}\n`).join('')
}

const echo: FakeAnswer = ({params}) => ({
  content: [],
  structuredContent: objectOf(params?.['arguments']),
})
const TOOLS = {tools: [{name: 'go', inputSchema: {type: 'object'}}]}
const SERVERS: Readonly<Record<string, () => FakeServer>> = {
  legacy: () =>
    fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {'tools/list': TOOLS, 'tools/call': echo},
    }),
  modern: () => modernServer({answers: {'tools/list': TOOLS, 'tools/call': echo}}),
}

const HELLO = {
  jsonrpc: '2.0',
  id: 'hello',
  method: 'initialize',
  params: {protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {name: 'c', version: '1'}},
}

/** Which lines an answer may be to: those of its id, to the letter. */
function linesOf(lines: readonly Line[], id: unknown): readonly (readonly [Line, string])[] {
  return lines.flatMap((line, at) => (line.id === id ? [[line, `n${at}`] as const] : []))
}

/** The errors that a request may be answered with besides its result. */
function codesFor({isModern, fault}: Line): readonly number[] {
  const own = {none: [], version: [RPC.unsupportedVersion], capabilities: [RPC.invalidParams]}
  // Its id may be in use.
  return [RPC.invalidRequest, ...(isModern ? own[fault] : [])]
}

afterEach(expectUnpolluted)

test.each(Object.entries(SERVERS))(
  'messages of both eras on one stdin get their own answers, once each, from a %s server',
  async (_, make) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine, {minLength: 1, maxLength: 12}), async lines => {
        await using gateway = openGateway({servers: {demo: make()}})
        const out: JsonObject[] = []
        const stdin = new PassThrough()
        const client = serveStdio({
          stdin,
          write: line => void out.push(objectOf(JSON.parse(line))),
          unreadBytes: () => 0,
          warn: () => undefined,
          maxMessageBytes: 1_000_000,
          notify: () => undefined,
          onStuck: () => undefined,
          openSession: downstream => gateway.openSession('stdio', downstream),
          answer: exchange => gateway.answer(exchange),
        })
        stdin.write(`${JSON.stringify(HELLO)}\n`)
        await expect.poll(() => out.length, {interval: 1}).toBe(1)
        stdin.write(lines.map(written).join(''))
        // All of it is read when this is answered.
        stdin.write(`{"jsonrpc":"2.0","id":"end","method":"ping"}\n`)
        await expect.poll(() => out.some(({id}) => id === 'end'), {interval: 1}).toBe(true)
        await client.idle()

        const answers = out.filter(({id}) => id !== 'hello' && id !== 'end')
        const seen: unknown[] = []
        for (const {id, result, error} of answers) {
          const own = linesOf(lines, id)
          const {nth} = objectOf(objectOf(result)['structuredContent'])
          const codes = own.flatMap(([line]) => codesFor(line))
          const isOwn = own.some(
            ([{fault, isModern}, marker]) => marker === nth && (!isModern || fault === 'none'),
          )
          expect([id, isOwn || codes.some(code => code === objectOf(error)['code'])]).toEqual([
            id,
            true,
          ])
          if (nth !== undefined) seen.push(nth)
        }
        expect(new Set(seen).size).toBe(seen.length)
        for (const {id} of lines) {
          const own = linesOf(lines, id)
          const count = answers.filter(answer => answer['id'] === id).length
          const least = own.filter(([{isCancelled}]) => !isCancelled).length
          expect(count).toBeLessThanOrEqual(own.length)
          expect(count).toBeGreaterThanOrEqual(least)
        }
        await client.session.close()
      }),
      {numRuns: 150, timeout: 60_000},
    )
  },
)
