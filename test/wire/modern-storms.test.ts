import {request as postTo, type IncomingMessage} from 'node:http'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import type {OpenUpstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {
  isRequest,
  result,
  RPC,
  type Message,
  type Request,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {
  fakeServer,
  toolScript,
  type FakeAnswer,
  type FakeServer,
  type FakeUpstream,
} from '../support/fake-upstream.ts'
import {modernServer} from '../support/modern-server.ts'
import {events, send} from '../support/raw-http.ts'
import {expectUnpolluted} from './hostile.ts'
import {active, expectActive} from './active.ts'
import {ask, objectOf, posted, startWorld, type Heard, type World} from './modern-world.ts'

const TOOLS = {'tools/list': {resultType: 'complete', tools: [{name: 'go', inputSchema: {}}]}}

/** Takes the text of each call as it arrives. */
type OnCall = (text: unknown) => void

/** Servers whose calls the test answers, or nobody does. */
function silent(onCall: OnCall): FakeAnswer {
  return ({params}) => {
    onCall(objectOf(params?.['arguments'])['text'])
    return undefined
  }
}
const ignore: OnCall = () => undefined
const silentModern = (onCall = ignore) =>
  modernServer({answers: {...TOOLS, 'tools/call': silent(onCall)}})
const silentLegacy = (onCall = ignore) =>
  fakeServer({
    hello: {capabilities: {tools: {}}},
    answers: {...toolScript('go').answers, 'tools/call': silent(onCall)},
  })
const ERAS = [
  ['legacy', silentLegacy],
  ['modern', silentModern],
] as const

const call = (text: string) => ({params: {name: 'go', arguments: {text}}})

function batches<T>(count: number, size: number, run: (nth: number) => Promise<T>): Promise<T[]> {
  return Array.from({length: Math.ceil(count / size)}, (_, batch) => batch).reduce(
    async (before, batch) => {
      const done = await before
      const own = Array.from({length: Math.min(size, count - batch * size)}, (_, at) => at)
      return [...done, ...(await Promise.all(own.map(at => run(batch * size + at))))]
    },
    Promise.resolve<T[]>([]),
  )
}

/** Opens a listen. Gives the acknowledgement, and what comes after it, to its end. */
async function listenTo({port}: World, id: number) {
  const params = {notifications: {toolsListChanged: true}}
  const request = posted(port, 'subscriptions/listen', {id, params})
  const {incoming} = await send(request)
  const stream = events(incoming)
  const first = await stream.next()
  return {incoming, stream, first: objectOf(first.value)}
}

let before: Record<string, number> = {}
beforeEach(() => {
  before = active()
})
afterEach(async () => {
  expectUnpolluted()
  await expectActive(before)
})

const MOST_LISTENS = 500
const BEYOND = 50

describe('so many clients listen that', () => {
  test('no more can: those are refused, the others are acknowledged, told of changes and ended at the stop', async () => {
    const changing = {tools: {listChanged: true}}
    const server = modernServer({capabilities: changing, answers: TOOLS})
    await using world = await startWorld({servers: {demo: server}})
    const listening = await batches(MOST_LISTENS, 100, nth => listenTo(world, nth))
    expect(new Set(listening.map(({first}) => first['method']))).toEqual(
      new Set(['notifications/subscriptions/acknowledged']),
    )
    const more = await batches(BEYOND, BEYOND, nth => listenTo(world, MOST_LISTENS + nth))
    expect(more.map(refusalOf)).toEqual(more.map(() => [503, RPC.internalError]))
    // Those that call are not in their way, nor they in theirs.
    expect((await ask(world, 'tools/list')).status).toBe(200)
    listening.pop()?.incoming.destroy()
    await expect
      .poll(async () => {
        const next = await listenTo(world, MOST_LISTENS - 1)
        if (next.incoming.statusCode === 200) listening.push(next)
        return next.incoming.statusCode
      })
      .toBe(200)
    const ends = listening.map(async ({stream}) => objectOf((await stream.next()).value))
    await world.stop()
    const answers = await Promise.all(ends)
    expect(answers.map(({id}) => id)).toEqual(listening.map((_, nth) => nth))
    expect(answers.map(answer => objectOf(answer['result'])['resultType'])).toEqual(
      answers.map(() => 'complete'),
    )
    expect(server.starts.map(({isOpen}) => isOpen)).toEqual(server.starts.map(() => false))
    expect(world.warnings).toEqual([])
  })
})

function refusalOf({incoming, first}: {incoming: IncomingMessage; first: Record<string, unknown>}) {
  return [incoming.statusCode, objectOf(first['error'])['code']]
}

/** A server whose starts are counted: how many there were at the same time, until they had ended. */
function counted({open}: FakeServer, ends = {allowed: Promise.resolve()}) {
  let now = 0
  let most = 0
  const openCounted: OpenUpstream = async input => {
    now += 1
    most = Math.max(most, now)
    const upstream = await open(input)
    void upstream.closed.then(() => (now -= 1))
    return {
      closed: upstream.closed,
      redact: (said: string) => said,
      send: (...sent) => upstream.send(...sent),
      async [Symbol.asyncDispose]() {
        await ends.allowed
        await upstream[Symbol.asyncDispose]()
      },
    }
  }
  return {most: () => most, open: openCounted}
}

const KINDS = 1000
/** Of clients at the same time, see `modern/exchanges.ts`. */
const MOST_KINDS = 32

describe('a thousand clients that can all do other things', () => {
  test.each([
    ['legacy', () => fakeServer(toolScript('go'))],
    ['modern', () => modernServer({answers: TOOLS})],
  ])('one after the other, are served by a bounded number of %s servers', async (_, make) => {
    const server = counted(make())
    await using world = await startWorld({servers: {demo: server}})
    const answers = await batches(KINDS, 1, nth =>
      ask(world, 'tools/list', {capabilities: {extensions: {[`x-${nth}`]: {}}}}),
    )
    expect(answers.map(({status, code}) => [status, code])).toEqual(
      answers.map(() => [200, undefined]),
    )
    expect(server.most()).toBeLessThanOrEqual(MOST_KINDS + 1)
  })

  test('are served by a bounded number of servers also when these are slow to end', async () => {
    const ends = {allowed: Promise.resolve()}
    const server = counted(fakeServer(toolScript('go')), ends)
    await using world = await startWorld({servers: {demo: server}})
    const listFor = (nth: number) =>
      ask(world, 'tools/list', {capabilities: {extensions: {[`x-${nth}`]: {}}}})
    await listFor(0)
    const {promise, resolve: letEnd} = Promise.withResolvers<void>()
    ends.allowed = promise
    const answers = await batches(AT_ONCE, 1, listFor)
    expect(server.most()).toBeLessThanOrEqual(2 * MOST_KINDS)
    expect(answers.at(-1)?.code).toBe(RPC.internalError)
    letEnd()
    await expect.poll(async () => (await listFor(AT_ONCE)).code).toBeUndefined()
  })

  test('at the same time are served or refused, and nothing is left of them', async () => {
    const server = counted(silentLegacy())
    await using world = await startWorld({servers: {demo: server}})
    let refused = 0
    const asked = Array.from({length: AT_ONCE}, async (_, nth) => {
      const said = {...call('x'), capabilities: {[`x-${nth}`]: {}}}
      const heard = await ask(world, 'tools/call', said)
      refused += 1
      return heard
    })
    // Those that were let in are answered at the end.
    await expect.poll(() => refused).toBe(AT_ONCE - MOST_KINDS)
    await expect.poll(server.most).toBe(MOST_KINDS)
    await world.stop()
    const answers = await Promise.all(asked)
    expect(answers.map(({status, code}) => [status, code])).toEqual(
      answers.map(() => [200, RPC.internalError]),
    )
    expect(world.warnings).toEqual([])
  })
})

const CALLS = 1000
/** Fewer than may wait for a connection. */
const AT_ONCE = 200

/** Starts the server, with a list that no call waits for. Gives the start that serves. */
async function opened(world: World, {starts}: FakeServer): Promise<FakeUpstream> {
  expect((await ask(world, 'tools/list')).status).toBe(200)
  const upstream = starts.at(-1)
  if (!upstream) throw new Error('nothing was started')
  return upstream
}

describe.each(ERAS)('a thousand calls at the same time on one %s server', (_, make) => {
  test('all get their own answers, whatever the order', async () => {
    const server = make()
    await using world = await startWorld({servers: {demo: server}})
    const upstream = await opened(world, server)
    const asked: Promise<Heard>[] = []
    while (asked.length < CALLS) {
      for (let more = 0; more < AT_ONCE; more += 1) {
        asked.push(ask(world, 'tools/call', {id: 1, ...call(`mine-${asked.length}`)}))
      }
      await expect.poll(() => callsAt(upstream)).toHaveLength(asked.length)
    }
    for (const {id, params} of upstream.received.items.filter(isCall).toReversed()) {
      const structuredContent = objectOf(params?.['arguments'])
      upstream.say(result(id, {content: [], structuredContent}))
    }
    const answers = await Promise.all(asked)
    expect(answers.map(textOf)).toEqual(answers.map((__, nth) => `mine-${nth}`))
    expect(server.starts.filter(({isOpen}) => isOpen)).toEqual([upstream])
  })

  test('are all cancelled when their clients leave, and the gateway stops at once', async () => {
    const waiting = new Map<unknown, () => void>()
    const server = make(text => waiting.get(text)?.())
    await using world = await startWorld({servers: {demo: server}})
    const upstream = await opened(world, server)
    await batches(CALLS, 100, nth => leave(world, waiting, nth))
    expect(callsAt(upstream).length).toBeGreaterThanOrEqual(CALLS / 2)
    const kept = () => {
      const cancelled = new Set(cancelledAt(upstream))
      return callsAt(upstream).filter(id => !cancelled.has(id))
    }
    await expect.poll(kept).toEqual([])
    expect((await ask(world, 'tools/list')).status).toBe(200)
    await world.stop()
    expect(world.warnings).toEqual([])
  })
})

function textOf(heard: Heard): unknown {
  return objectOf(heard.result['structuredContent'])['text']
}

/** Posts a call and leaves: every other client does when the server has the call, the others at once. */
async function leave({port}: World, waiting: Map<unknown, () => void>, nth: number): Promise<void> {
  const text = `of-${nth}`
  const {body, ...head} = posted(port, 'tools/call', call(text))
  const outgoing = postTo({...head, host: '127.0.0.1', path: '/mcp', agent: false})
  outgoing.on('error', () => undefined)
  const gone = new Promise<void>(resolve => void outgoing.once('close', () => resolve()))
  const arrived = new Promise<void>(resolve => void waiting.set(text, resolve))
  await new Promise<void>(resolve => void outgoing.end(body, resolve))
  if (nth % 2 === 0) await arrived
  outgoing.destroy()
  await gone
}

function isCall(message: Message): message is Request {
  return isRequest(message) && message.method === 'tools/call'
}

/** The ids of all calls that a server was sent. */
function callsAt({received}: FakeUpstream): readonly unknown[] {
  return received.items.filter(isCall).map(({id}) => id)
}

/** The ids of all requests that a server was told to give up. */
function cancelledAt({received}: FakeUpstream): readonly unknown[] {
  const notices = received.items.filter(({method}) => method === 'notifications/cancelled')
  return notices.map(({params}) => objectOf(params)['requestId'])
}
