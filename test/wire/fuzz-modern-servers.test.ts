import * as fc from 'fast-check'
import {afterEach, describe, expect, test} from 'vitest'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {notification, request, result, type Request} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../src/lib/gateway/wire/meta.ts'
import {fakeServer, type FakeServer, type FakeUpstream} from '../support/fake-upstream.ts'
import {elicit} from '../support/legacy-server.ts'
import {modernServer, onSubscription} from '../support/modern-server.ts'
import {expectUnpolluted} from './hostile.ts'
import {ask, objectOf, startWorld, type Heard} from './modern-world.ts'

/** Who calls, and what nobody else may hear of. */
const CALLERS = ['alpha', 'beta'] as const
type Caller = (typeof CALLERS)[number]

/** A call as the server has it. */
interface Called {
  readonly upstream: FakeUpstream
  readonly request: Request
}

/** Something about one call that a server says while both are under way. */
type Lie = (about: Called, secret: string) => unknown

const ids = fc.constantFrom<(own: Request['id']) => Request['id']>(
  own => String(own),
  own => Number(own) + 1000,
  () => 'x-1',
  () => -1,
  () => '__proto__',
)

const lie: fc.Arbitrary<Lie> = fc.oneof(
  fc.constantFrom<Lie>(
    ({upstream, request: {id, params}}, message) => {
      const own = objectOf(params?.['_meta'])['progressToken'] ?? id
      upstream.say(
        notification('notifications/progress', {progressToken: own, progress: 1, message}),
      )
    },
    ({upstream}, data) =>
      upstream.say(notification('notifications/message', {level: 'error', data})),
    ({upstream}, data) => upstream.say(notification('vendor/notice', {data})),
    ({upstream}, uri) => upstream.say(notification('notifications/resources/updated', {uri})),
    ({upstream, request: {id}}, uri) =>
      upstream.say(onSubscription(id, 'notifications/resources/updated', {uri})),
    ({upstream}, taskId) => upstream.say(notification('notifications/tasks', {taskId})),
    ({upstream}, reason) =>
      upstream.say(notification('notifications/cancelled', {requestId: 'nobody', reason})),
    ({upstream}) => upstream.say(notification('notifications/tools/list_changed')),
    ({upstream}, message) => upstream.say(elicit(`q-${message}`, message)),
    ({upstream}, systemPrompt) =>
      upstream.say(request(`s-${systemPrompt}`, 'sampling/createMessage', {systemPrompt})),
    ({upstream}, data) => upstream.say(request(1, 'vendor/ask', {data})),
    ({upstream}) => upstream.say(request('p', 'ping')),
  ),
  ids.map(
    (other): Lie =>
      ({upstream, request: {id}}, text) => {
        upstream.say(result(other(id), {content: [{type: 'text', text}]}))
      },
  ),
  ids.map(
    (other): Lie =>
      ({upstream, request: {id}}, message) => {
        const progressToken = other(id)
        upstream.say(notification('notifications/progress', {progressToken, progress: 1, message}))
      },
  ),
)

const TOOLS = {tools: [{name: 'go', inputSchema: {type: 'object'}}]}

/** A server that waits until all have called. */
function gatheringServer(era: 'legacy' | 'modern'): {
  server: FakeServer
  all: () => Promise<Map<unknown, Called>>
} {
  let calls = new Map<unknown, Called>()
  let gathered = Promise.withResolvers<Map<unknown, Called>>()
  const answers = {
    'tools/list': {...(era === 'modern' && {resultType: 'complete'}), ...TOOLS},
    'tools/call': (called: Request, upstream: FakeUpstream) => {
      const {who} = objectOf(called.params?.['arguments'])
      calls.set(who, {upstream, request: called})
      if (calls.size === CALLERS.length) {
        gathered.resolve(calls)
        calls = new Map()
        gathered = Promise.withResolvers()
      }
      return undefined
    },
  }
  const capabilities = {tools: {}, logging: {}}
  return {
    all: () => gathered.promise,
    server:
      era === 'modern'
        ? modernServer({capabilities, answers})
        : fakeServer({hello: {capabilities}, answers: {...answers, 'logging/setLevel': {}}}),
  }
}

const CAPABILITIES = fc.constantFrom<JsonObject>({}, {elicitation: {}}, {roots: {}, sampling: {}})
const anyMeta = fc.constantFrom<JsonObject>(
  {},
  {progressToken: 'same'},
  {progressToken: 0, [META.logLevel]: 'debug'},
)
const callers = fc.record({alpha: anyMeta, beta: anyMeta, capabilities: CAPABILITIES})

afterEach(expectUnpolluted)

describe.each(['legacy', 'modern'] as const)('two callers of one lying %s server', era => {
  test('are answered once each, and hear nothing that is about the other', async () => {
    const {server, all} = gatheringServer(era)
    await using world = await startWorld({servers: {liar: server}})
    await ask(world, 'tools/list')
    await fc.assert(
      fc.asyncProperty(
        callers,
        fc.array(fc.tuple(fc.constantFrom(...CALLERS), lie), {maxLength: 12}),
        fc.boolean(),
        async ({capabilities, ...metas}, lies, isReversed) => {
          const here = all()
          const call = (who: Caller): Promise<Heard> => {
            const params = {name: 'go', arguments: {who}}
            return ask(world, 'tools/call', {params, capabilities, meta: metas[who]})
          }
          const asked = CALLERS.map(call)
          const calls = await here
          const about = (who: Caller): Called => {
            const called = calls.get(who)
            if (!called) throw new Error(`${who} did not call`)
            return called
          }
          for (const [who, say] of lies) say(about(who), who)
          for (const who of isReversed ? CALLERS.toReversed() : CALLERS) {
            const {
              upstream,
              request: {id},
            } = about(who)
            upstream.say(result(id, {content: [{type: 'text', text: who}]}))
            upstream.say(result(id, {content: [{type: 'text', text: 'once more'}]}))
          }
          const [alpha, beta] = await Promise.all(asked)
          expect(JSON.stringify(alpha)).not.toContain('beta')
          expect(JSON.stringify(beta)).not.toContain('alpha')
          expect(JSON.stringify([alpha, beta])).not.toContain('once more')
          for (const told of [alpha, beta]) {
            const answers = told?.messages.filter(({method}) => method === undefined)
            expect(answers).toEqual([told?.answer])
            expect(told?.answer['id']).toBe(1)
          }
        },
      ),
      {numRuns: 200, timeout: 60_000},
    )
    expect(world.warnings).toEqual([])
  })
})
