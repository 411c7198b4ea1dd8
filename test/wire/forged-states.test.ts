import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {Json, JsonObject} from '../../src/lib/base/json.ts'
import {result, RPC} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {fakeServer, toolScript, type FakeServer} from '../support/fake-upstream.ts'
import {elicit, YES} from '../support/legacy-server.ts'
import {ask, objectOf, startWorld, type Heard, type World} from './modern-world.ts'

const CAPABILITIES = {elicitation: {form: {}}}
const CALL = {name: 'ask', arguments: {about: 'otters', deep: {a: [1, 2]}}}
const LONGEST_MS = 10 * 60_000

/** A legacy server whose tools ask first, and give back what they were told. */
function askingServer(): FakeServer {
  let last = 0
  return fakeServer({
    hello: {capabilities: {tools: {}}},
    answers: {
      ...toolScript('ask', 'other').answers,
      'tools/call': ({id, params}, upstream) => {
        const question = `q-${++last}`
        upstream.say(elicit(question))
        const finish = async () => {
          const told = await upstream.answerTo(question)
          const structuredContent = {about: params?.['arguments'] ?? {}, told}
          upstream.say(result(id, {content: [], structuredContent}))
        }
        void finish()
        return undefined
      },
    },
  })
}

/** A call that waits for its client, and its state. */
interface Waiting {
  readonly state: string
  readonly inputResponses: JsonObject
}

async function begin(world: World, args: JsonObject = CALL.arguments): Promise<Waiting> {
  const params = {...CALL, arguments: args}
  const told = await ask(world, 'tools/call', {params, capabilities: CAPABILITIES})
  const {resultType, inputRequests, requestState} = told.result
  if (resultType !== 'input_required' || typeof requestState !== 'string') {
    throw new Error(`asks nothing: ${JSON.stringify(told.answer)}`)
  }
  const keys = Object.keys(objectOf(inputRequests))
  return {
    state: requestState,
    inputResponses: Object.fromEntries(keys.map(key => [key, YES])),
  }
}

/** Comes back with a state. */
function goOn(
  world: World,
  {inputResponses}: Pick<Waiting, 'inputResponses'>,
  requestState: Json,
  {
    params = CALL,
    capabilities = CAPABILITIES,
  }: {params?: JsonObject; capabilities?: JsonObject} = {},
): Promise<Heard> {
  const own = {...params, inputResponses, requestState}
  return ask(world, 'tools/call', {params: own, capabilities})
}

/** Everything that the server was sent but its lists, which may be read at any time. */
function sentTo({starts}: FakeServer): readonly unknown[] {
  const messages = starts.flatMap(({received}) => received.items)
  const quiet = new Set<unknown>(['initialize', 'notifications/initialized', 'tools/list'])
  return messages.filter(({method}) => !quiet.has(method))
}

/** What is made of the right state, or of two of them. */
const forgery: fc.Arbitrary<(state: string, other: string) => Json> = fc.oneof(
  fc.tuple(fc.nat(), fc.integer({min: 1, max: 127})).map(([at, by]) => (state: string) => {
    const place = at % state.length
    const changed = String.fromCharCode(state.charCodeAt(place) ^ by)
    return state.slice(0, place) + changed + state.slice(place + 1)
  }),
  fc.nat().map(at => (state: string) => state.slice(0, at % state.length)),
  fc.nat().map(at => (state: string) => state.slice(1 + (at % state.length))),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([at, from]) =>
      (state: string, other: string) =>
        state.slice(0, 1 + (at % (state.length - 1))) + other.slice(from % other.length),
  ),
  fc
    .string({unit: 'binary', minLength: 1, maxLength: 8})
    .map(more => (state: string) => state + more),
  fc.constantFrom(
    (state: string) => [state],
    (state: string) => ({state}),
    (state: string) => state.toUpperCase(),
    (state: string) => `${state}=`,
    (state: string) => ` ${state}`,
  ),
  fc.constantFrom<Json>(null, true, 0, '', 'v1.', {}, []).map(value => () => value),
)

describe.each([
  ['one server', () => ({})],
  ['several servers', () => ({calm: fakeServer(toolScript('calm'))})],
])('a state that a client brings back to %s', (_, others) => {
  const start = async () => {
    const server = askingServer()
    return {server, world: await startWorld({servers: {curious: server, ...others()}})}
  }

  test('is refused in every form but its own, nothing goes on, and the right one works afterwards', async () => {
    const {world, server} = await start()
    await using _world = world
    await fc.assert(
      fc.asyncProperty(fc.array(forgery, {minLength: 1, maxLength: 12}), async forgeries => {
        const mine = await begin(world)
        const other = await begin(world, {about: 'others'})
        const before = sentTo(server).length
        const forged = forgeries
          .map(forge => forge(mine.state, other.state))
          .filter(state => state !== mine.state)
        const refused = await Promise.all(forged.map(state => goOn(world, mine, state)))
        expect(refused.map(({status, code}) => [status, code])).toEqual(
          forged.map(() => [200, RPC.invalidParams]),
        )
        expect(sentTo(server)).toHaveLength(before)
        const told = await goOn(world, mine, mine.state)
        expect(told.result['structuredContent']).toMatchObject({
          about: CALL.arguments,
          told: {result: YES},
        })
        await goOn(world, other, other.state, {params: {...CALL, arguments: {about: 'others'}}})
      }),
      {numRuns: 60, timeout: 60_000},
    )
    expect(world.warnings).toEqual([])
  })

  test('is of no use for another request, or for a client that can do other things', async () => {
    const {world, server} = await start()
    await using _world = world
    const mine = await begin(world)
    const before = sentTo(server).length
    const wrong = [
      {params: {...CALL, name: 'other'}},
      {params: {...CALL, arguments: {...CALL.arguments, about: 'seals'}}},
      {params: {...CALL, arguments: {}}},
      {params: {...CALL, more: 1}},
      {capabilities: {elicitation: {form: {}}, roots: {}}},
      {capabilities: {elicitation: {}}},
      {capabilities: {sampling: {}}},
    ]
    for (const each of wrong) {
      const {status, code} = await goOn(world, mine, mine.state, each)
      expect([each, status, code]).toEqual([each, 200, RPC.invalidParams])
    }
    expect(sentTo(server)).toHaveLength(before)
    const reordered = {arguments: {deep: {a: [1, 2]}, about: 'otters'}, name: 'ask'}
    expect((await goOn(world, mine, mine.state, {params: reordered})).code).toBeUndefined()
  })

  test('is good for one client that comes, however many come at the same time, and for none after it', async () => {
    const {world, server} = await start()
    await using _world = world
    const mine = await begin(world)
    const before = sentTo(server).length
    const all = await Promise.all(Array.from({length: 20}, () => goOn(world, mine, mine.state)))
    expect(all.filter(({code}) => code === undefined)).toHaveLength(1)
    expect(all.filter(({code}) => code === RPC.invalidParams)).toHaveLength(19)
    // The one answer to its question.
    expect(sentTo(server)).toHaveLength(before + 1)
    expect((await goOn(world, mine, mine.state)).code).toBe(RPC.invalidParams)
    expect(sentTo(server)).toHaveLength(before + 1)
  })

  test('is refused when it is too old, or another gateway has made it', async () => {
    const {world, server} = await start()
    await using _world = world
    const another = await start()
    await using _another = another.world
    const mine = await begin(world)
    const theirs = await begin(another.world)
    const before = sentTo(server).length
    expect((await goOn(world, theirs, theirs.state)).code).toBe(RPC.invalidParams)
    world.now = LONGEST_MS + 1
    expect((await goOn(world, mine, mine.state)).code).toBe(RPC.invalidParams)
    expect(sentTo(server)).toHaveLength(before)
    world.now = LONGEST_MS
    expect((await goOn(world, mine, mine.state)).code).toBeUndefined()
  })
})
