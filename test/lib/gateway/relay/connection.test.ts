import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {Cancelled, Connection, type Asking} from '../../../../src/lib/gateway/relay/connection.ts'
import type {Mirrored, Origin} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  isRequest,
  notification,
  request,
  result,
  type Id,
  type Message,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {FakeUpstream} from '../../../support/fake-upstream.ts'

const SILENT = {
  answers: {
    'tools/call': () => undefined,
    'tools/list': () => undefined,
    'tasks/get': () => undefined,
    'subscriptions/listen': () => undefined,
  },
}

interface Heard {
  readonly message: Message
  readonly about: Id | undefined
}

/** A connection that several clients share, to a server that answers nothing by itself. */
function shared(clock = {now: 0}) {
  const heard: Heard[] = []
  const asked: Message[] = []
  const upstream: FakeUpstream = new FakeUpstream(SILENT, (message, origin) =>
    connection.receive(message, origin),
  )
  const connection: Connection = new Connection(
    'demo',
    upstream,
    {
      onServerRequest: (_from, message) => asked.push(message),
      onNotification: (_from, message, about) => heard.push({message, about}),
    },
    {now: () => clock.now},
  )
  /** Sends a request of a client. @returns the id that the server knows it by, and how it goes on */
  const send = (
    about: Id,
    meta: JsonObject = {},
    method = 'tools/call',
    params: JsonObject = {},
  ) => {
    const controller = new AbortController()
    const asking: Asking = {about, signal: controller.signal}
    const answer = connection.request(request(1, method, {...params, _meta: meta}), asking)
    const outcome = answer.then(
      response => response['result'],
      (error: unknown) => error,
    )
    return {id: lastId(upstream), outcome, cancel: () => controller.abort(new Cancelled({}))}
  }
  /** Says something as the server. @returns whose it was taken to be; undefined when it was dropped */
  const say = (message: Message, origin?: Origin): Id | undefined => {
    const before = heard.length
    upstream.say(message, origin)
    return heard.length === before ? undefined : heard.at(-1)?.about
  }
  return {connection, upstream, heard, asked, send, say}
}

function lastId(upstream: FakeUpstream): Id {
  const last = upstream.received.items.findLast(isRequest)
  if (!last) throw new Error('nothing was sent')
  return last.id
}

const LOGS = {[META.logLevel]: 'debug'}
const line = notification('notifications/message', {level: 'info', data: 'x'})
const vendor = notification('notifications/vendor', {x: 1})
const progress = (progressToken: Id) =>
  notification('notifications/progress', {progressToken, progress: 1})
const inSubscription = (id: Id) =>
  notification('notifications/tools/list_changed', {_meta: {[META.subscription]: id}})
const ofTask = (taskId: string) =>
  notification('notifications/vendor', {_meta: {'io.modelcontextprotocol/related-task': {taskId}}})

describe('a connection that clients share takes a notification to belong to', () => {
  test('the request on whose stream it came', () => {
    const {send, say} = shared()
    const a = send('a')
    const b = send('b')
    expect(say(line, {request: a.id})).toBe('a')
    expect(say(vendor, {request: b.id})).toBe('b')
    expect(say(vendor, 'alone')).toBeUndefined()
    expect(say(vendor, {request: 99})).toBeUndefined()
  })

  test('the request whose token it names, with the token of the client', () => {
    const {send, say, heard} = shared()
    const a = send('a', {progressToken: 't'})
    const b = send('b', {progressToken: 't'})
    expect(say(progress(b.id))).toBe('b')
    expect(say(progress(a.id))).toBe('a')
    expect(heard.map(({message}) => message['params'])).toEqual([
      {progressToken: 't', progress: 1},
      {progressToken: 't', progress: 1},
    ])
    expect(say(progress('t'))).toBeUndefined()
    expect(say(progress(b.id), {request: a.id})).toBeUndefined()
    expect(say(progress(b.id), {request: b.id})).toBe('b')
  })

  test('the subscription that it names, and to no other request when that is unknown', () => {
    const {send, say} = shared()
    const listen = send('l', {}, 'subscriptions/listen')
    send('a')
    expect(say(inSubscription(listen.id))).toBe('l')
    expect(say(inSubscription(77))).toBeUndefined()
    expect(say(inSubscription(String(listen.id)))).toBeUndefined()
  })

  test('the request about the task that it names, when there is only one', () => {
    const {send, say} = shared()
    send('a', {}, 'tasks/get', {taskId: 't'})
    send('b', {}, 'tasks/get', {taskId: 'u'})
    expect(say(ofTask('t'))).toBe('a')
    expect(say(ofTask('none'))).toBeUndefined()
    send('c', {}, 'tasks/get', {taskId: 't'})
    expect(say(ofTask('t'))).toBeUndefined()
  })

  test('the only request in flight, when it is a line of the log and that is wanted', () => {
    const {send, say} = shared()
    send('l', {}, 'subscriptions/listen')
    const a = send('a')
    expect(say(line)).toBeUndefined()
    say(result(a.id, {}))
    const b = send('b', LOGS)
    expect(say(line)).toBe('b')
    const c = send('c', LOGS)
    expect(say(line)).toBeUndefined()
    c.cancel()
    expect(say(line)).toBeUndefined()
    say(result(c.id, {}))
    // It may be what the server has still to say of the other one.
    expect(say(line)).toBeUndefined()
    say(result(b.id, {}))
    expect(say(line)).toBeUndefined()
  })

  test('nobody, when it is a line of the log soon after the end of what another client asked', () => {
    const clock = {now: 0}
    const {send, say} = shared(clock)
    const [one, other] = [
      {...LOGS, [META.client]: {name: 'one', version: '1'}},
      {...LOGS, [META.client]: {name: 'other', version: '1'}},
    ]
    const ends = (about: string, meta: JsonObject) => say(result(send(about, meta).id, {}))
    ends('a', one)
    clock.now = 1000
    ends('b', other)
    ends('c', other)
    const d = send('d', other)
    expect(say(line)).toBeUndefined()
    clock.now = 2000
    expect(say(line)).toBe('d')
    clock.now = 2999
    say(result(d.id, {}))
    const e = send('e', one)
    clock.now = 4998
    expect(say(line)).toBeUndefined()
    clock.now = 4999
    expect(say(line)).toBe('e')
    say(result(e.id, {}))
    send('f', {...one, [META.capabilities]: {roots: {}}})
    expect(say(line)).toBeUndefined()
  })

  test('the only request in flight a minute after another one was given up and never answered', () => {
    const clock = {now: 0}
    const {send, say} = shared(clock)
    send('a').cancel()
    clock.now = 59_999
    const b = send('b', LOGS)
    expect([say(vendor), say(line)]).toEqual([undefined, undefined])
    clock.now = 60_000
    expect(say(vendor)).toBe('b')
    say(result(b.id, {}))
    send('c', LOGS)
    expect([say(vendor), say(line)]).toEqual(['c', 'c'])
  })

  test.each([
    'notifications/tools/list_changed',
    'notifications/prompts/list_changed',
    'notifications/resources/list_changed',
    'notifications/resources/updated',
  ])('nobody, when it is %s, which comes to those who listen', method => {
    const {send, say} = shared()
    send('a', LOGS)
    expect(say(notification(method, {uri: 'a:b'}))).toBeUndefined()
  })

  test('the only request in flight, beside those that listen, when it says nothing of itself', () => {
    const {send, say} = shared()
    send('l', {}, 'subscriptions/listen')
    expect(say(vendor)).toBeUndefined()
    const a = send('a')
    expect(say(vendor)).toBe('a')
    const b = send('b')
    expect(say(vendor)).toBeUndefined()
    a.cancel()
    expect(say(vendor)).toBeUndefined()
    say(result(a.id, {}))
    expect(say(vendor)).toBe('b')
    expect(b.id).toBe(3)
  })

  test('nobody, when it belongs to what the gateway asked for itself', () => {
    const {connection, upstream, say} = shared()
    connection.request(request(1, 'tools/list', {_meta: {progressToken: 1}})).catch(() => undefined)
    const id = lastId(upstream)
    expect(say(vendor)).toBeUndefined()
    expect(say(vendor, {request: id})).toBeUndefined()
    say(notification('notifications/progress', {progressToken: id, progress: 1}))
    upstream.say(result(id, {}))
  })
})

describe('a connection that clients share', () => {
  test('drops the requests of a server, pings included, without an answer', () => {
    const {send, upstream, asked} = shared()
    send('a')
    const sent = upstream.received.items.length
    upstream.say(request('q', 'elicitation/create', {}))
    upstream.say(request('p', 'ping'))
    expect(asked).toEqual([])
    expect(upstream.received.items).toHaveLength(sent)
  })

  test('takes no answer from the stream of another request', async () => {
    const {send, say} = shared()
    const a = send('a')
    const b = send('b')
    say(result(a.id, {of: 'b'}), {request: b.id})
    say(result(a.id, {of: 'a'}), {request: a.id})
    expect(await a.outcome).toEqual({of: 'a'})
  })

  test('ends a listen that the server takes back, and no other request', async () => {
    const {send, upstream} = shared()
    const listen = send('l', {}, 'subscriptions/listen')
    const a = send('a')
    for (const requestId of [listen.id, a.id, 'none', 99]) {
      upstream.say(notification('notifications/cancelled', {requestId}))
    }
    expect(await listen.outcome).toMatchObject({
      code: 'TOOL_FAILED',
      message: 'server demo tells no more of changes',
    })
    upstream.say(result(a.id, {done: true}))
    expect(await a.outcome).toEqual({done: true})
    expect(upstream.methods).not.toContain('notifications/cancelled')
  })

  test('passes on what the client has put into headers', () => {
    const sent: (Mirrored | undefined)[] = []
    const upstream = new FakeUpstream(SILENT, () => undefined)
    upstream.send = (_message, mirrored?: Mirrored) => void sent.push(mirrored)
    const events = {onServerRequest: () => undefined, onNotification: () => undefined}
    const connection = new Connection('demo', upstream, events, {now: () => 0})
    const mirrored: Mirrored = new Map([['mcp-param-region', 'eu']])
    const {signal} = new AbortController()
    const outcomes = [
      connection.request(request(1, 'tools/call'), {about: 'a', signal, mirrored}),
      connection.request(request(1, 'tools/call'), {about: 'b', signal}),
    ]
    for (const outcome of outcomes) outcome.catch(() => undefined)
    expect(sent).toEqual([mirrored, undefined])
  })

  const WHAT = [
    'send',
    'sendLogging',
    'answer',
    'cancel',
    'progress',
    'log',
    'other',
    'wait',
  ] as const
  /** What happens next, to the call that the number picks, if there is any. */
  const step = fc.record({
    what: fc.constantFrom(...WHAT),
    pick: fc.nat(),
  })

  test('never takes what one client is to hear for what another one is', () => {
    fc.assert(
      fc.property(fc.array(step, {maxLength: 60}), steps => {
        const clock = {now: 0}
        const {send, say, heard} = shared(clock)
        /** When something of a client ended last. */
        const ends = new Map<string, number>()
        /** The call that has had no other beside it so far. */
        let alone: string | undefined
        // The server goes on with a call that was given up until it has answered it.
        const working: {
          about: string
          name: string
          id: Id
          logs: boolean
          cancel: () => void
        }[] = []
        const waiting = new Set<string>()
        const takenFor: (Id | undefined)[] = []
        const expected: typeof takenFor = []
        for (const [index, {what, pick}] of steps.entries()) {
          if (what === 'send' || what === 'sendLogging') {
            const logs = what === 'sendLogging'
            const about = `call ${index}`
            // All clients use the same ids and tokens.
            const name = `client ${pick % 2}`
            const meta = {progressToken: 0, [META.client]: {name}, ...(logs && LOGS)}
            alone = working.length === 0 ? about : undefined
            working.push({about, name, logs, ...send(about, meta)})
            waiting.add(about)
            continue
          }
          if (what === 'wait') clock.now += 500
          const call = working[pick % working.length]
          if (!call) continue
          const {about, name, id, logs, cancel} = call
          const isFor = (isCertain: boolean) =>
            expected.push(isCertain && waiting.has(about) ? about : undefined)
          if (what === 'answer') {
            working.splice(working.indexOf(call), 1)
            waiting.delete(about)
            ends.set(name, clock.now)
            say(result(id, {about}))
          } else if (what === 'cancel') {
            waiting.delete(about)
            cancel()
          } else if (what === 'progress') {
            const params = {progressToken: id, progress: index, about}
            takenFor.push(say(notification('notifications/progress', params)))
            isFor(true)
          } else if (what === 'log') {
            // Also for a call that wants no log, which a server must not do.
            takenFor.push(say(notification('notifications/message', {data: index, about})))
            const isQuiet = [...ends].every(
              ([ended, at]) => ended === name || clock.now - at >= 2000,
            )
            isFor(logs && working.length === 1 && alone === about && isQuiet)
          } else if (what === 'other') {
            takenFor.push(say(notification('notifications/vendor', {about})))
            isFor(working.length === 1)
          }
        }
        expect(takenFor).toEqual(expected)
        for (const {message, about} of heard) expect(message['params']).toMatchObject({about})
      }),
      {numRuns: 300},
    )
  })
})
