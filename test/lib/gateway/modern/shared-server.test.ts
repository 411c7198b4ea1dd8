import * as fc from 'fast-check'
import {afterEach, beforeEach, describe, expect, onTestFinished, test, vi} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Json, JsonObject} from '../../../../src/lib/base/json.ts'
import {NotModern} from '../../../../src/lib/gateway/modern/discover.ts'
import {SharedView} from '../../../../src/lib/gateway/modern/shared-view.ts'
import {SharedServer} from '../../../../src/lib/gateway/modern/shared-server.ts'
import type {ViewLink} from '../../../../src/lib/gateway/modern/view-link.ts'
import {Cancelled} from '../../../../src/lib/gateway/relay/connection.ts'
import type {WayPolicy} from '../../../../src/lib/gateway/relay/way-input.ts'
import type {OpenUpstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  failure,
  notification,
  request,
  result,
  type Id,
  type Message,
  type Notification,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {
  fakeServer,
  type FakeScript,
  type FakeServer,
  type FakeUpstream,
} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {lasting, LASTING} from '../../../support/server-life.ts'

const OWN = {
  [META.version]: '2026-07-28',
  [META.client]: {name: 'c', version: '1'},
  [META.capabilities]: {},
}
const LOGS = {...OWN, [META.logLevel]: 'debug'}
const HELLO = {supportedVersions: ['2026-07-28'], capabilities: {tools: {}}}
const silence = () => undefined
const line = (data: string) => notification('notifications/message', {level: 'info', data})

/** A modern server that answers no call; the test does. */
function modern(script: FakeScript = {}): FakeServer {
  return fakeServer({
    ...script,
    answers: {
      'server/discover': HELLO,
      'tools/call': silence,
      'tools/list': {tools: []},
      'subscriptions/listen': silence,
      ...script.answers,
    },
  })
}

interface News {
  readonly kind: 'opened' | 'failed' | 'notification'
  readonly value: unknown
  readonly about?: Id
}

function share(
  server: FakeServer,
  options: {
    open?: OpenUpstream
    isKnown?: boolean
    startTimeoutMs?: number
    now?: () => number
    policy?: Partial<WayPolicy>
  } = {},
): {shared: SharedServer; view: ViewLink; news: Inbox<News>} {
  const news = new Inbox<News>()
  const shared = new SharedServer({
    server: 'demo',
    open: options.open ?? server.open,
    isKnown: () => options.isKnown ?? false,
    startTimeoutMs: options.startTimeoutMs ?? 60_000,
    life: lasting().life,
    policy: {...LASTING, ...options.policy},
    now: options.now ?? (() => 0),
    events: {
      onOpened: value => news.add({kind: 'opened', value}),
      onFailed: value => news.add({kind: 'failed', value}),
      onNotification: (value, about) => news.add({kind: 'notification', value, about}),
    },
  })
  onTestFinished(() => shared[Symbol.asyncDispose]())
  return {shared, view: new SharedView(shared, OWN), news}
}

/** A call of a client, with what it comes to. */
function call(view: ViewLink, about: Id, meta: JsonObject = OWN, params: JsonObject = {}) {
  const controller = new AbortController()
  const outcome = outcomeOf(
    view.request(request(1, 'tools/call', {...params, _meta: meta}), {
      about,
      signal: controller.signal,
    }),
  )
  return {outcome, cancel: () => controller.abort(new Cancelled({}))}
}

function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}

/** A server that answers `server/discover` with an error. */
function refusing(code: number, data?: JsonObject): FakeServer {
  return modern({
    answers: {
      'server/discover': ({id}, upstream) => {
        upstream.say(failure(id, code, 'no', data))
        return undefined
      },
    },
  })
}

describe('opening', () => {
  test('asks server/discover once for all views, with the entries of the first', async () => {
    const server = modern()
    const {shared, view, news} = share(server)
    const other = new SharedView(shared, {...OWN, [META.client]: {name: 'other', version: '2'}})
    expect(view.isOpen).toBe(false)
    expect(await Promise.all([view.ready(), other.ready(), view.ready()])).toEqual([
      HELLO,
      HELLO,
      HELLO,
    ])
    expect([server.attempts, view.isOpen, other.hello]).toEqual([1, true, HELLO])
    expect((await server.start()).received.items).toEqual([
      request(1, 'server/discover', {_meta: OWN}),
    ])
    expect(news.items).toEqual([{kind: 'opened', value: HELLO}])
  })

  test('asks again with a revision that the server names', async () => {
    const versions: unknown[] = []
    const server = modern({
      answers: {
        'server/discover': ({id, params}, upstream) => {
          const meta = params?.['_meta']
          versions.push(meta)
          if (versions.length > 1) return HELLO
          upstream.say(failure(id, -32022, 'no', {supported: ['2026-07-28', '2099-01-01']}))
          return undefined
        },
      },
    })
    const {shared} = share(server)
    const own = {...OWN, [META.version]: '2099-12-31'}
    expect(await new SharedView(shared, own).ready()).toEqual(HELLO)
    expect(versions).toEqual([own, OWN])
  })

  test.each([
    ['a missing header', -32020, {}],
    ['a missing capability', -32021, {requiredCapabilities: {sampling: {}}}],
    ['a revision that it names itself', -32022, {supported: ['2026-07-28']}],
  ])('takes a server that refuses over %s for a modern one', async (_what, code, data) => {
    const {view} = share(refusing(code, data))
    expect(await view.ready()).toEqual({capabilities: {}})
  })

  test.each([
    ['an unknown method', -32601, undefined],
    ['a session that is not initialized', -32000, {}],
    ['HTTP status 404', -32603, {httpStatus: 404}],
    ['HTTP status 400', -32603, {httpStatus: 400}],
    ['a modern code that says nothing', -32022, undefined],
    ['revisions with initialize only', -32022, {supported: ['2025-11-25']}],
  ])('ends a server that refuses with %s, which is not modern', async (_what, code, data) => {
    const server = refusing(code, data)
    const {view, news} = share(server)
    expect(await outcomeOf(view.ready())).toBeInstanceOf(NotModern)
    expect(server.starts[0]?.disposals).toBe(1)
    expect(news.items).toEqual([])
  })

  test.each([
    ['is not there', {unreachable: true}],
    ['wants to know who asks', {httpStatus: 401}],
    ['lets nobody in', {httpStatus: 403}],
    ['is asked too much', {httpStatus: 429}],
  ])('learns nothing of the era of a server that %s', async (_what, data) => {
    const {view, news} = share(refusing(-32603, data))
    const error = await outcomeOf(view.ready())
    expect(error).toBeInstanceOf(PluginError)
    expect(error).toMatchObject({
      code: 'SERVER_START_FAILED',
      message: 'server demo failed: no',
    })
    expect(news.items).toEqual([{kind: 'failed', value: error}])
  })

  test('names the cause where no revision is common, and none with initialize', async () => {
    const {view} = share(refusing(-32022, {supported: ['2099-01-01']}))
    await expect(view.ready()).rejects.toMatchObject({code: 'SERVER_START_FAILED'})
    const other = share(
      modern({answers: {'server/discover': {...HELLO, supportedVersions: ['2099-01-01']}}}),
    )
    await expect(other.view.ready()).rejects.toMatchObject({code: 'SERVER_START_FAILED'})
  })

  test('is not taken in by an answer that is no result of server/discover', async () => {
    const {view} = share(modern({answers: {'server/discover': {ok: true}}}))
    expect(await outcomeOf(view.ready())).toBeInstanceOf(NotModern)
  })

  test('takes a server that ends over server/discover for a legacy one', async () => {
    const server = modern({
      answers: {
        'server/discover': (_request, upstream) => {
          upstream.end()
          return undefined
        },
      },
    })
    expect(await outcomeOf(share(server).view.ready())).toBeInstanceOf(NotModern)
  })

  test('takes a server that does not answer in time for a legacy one, and ends it first', async () => {
    const server = modern({answers: {'server/discover': silence}})
    const {view} = share(server, {startTimeoutMs: 10})
    const error = await outcomeOf(view.ready())
    expect(error).toBeInstanceOf(NotModern)
    expect(String(error)).toContain('server demo did not answer server/discover within 0.01 s')
    expect(server.starts[0]?.disposals).toBe(1)
  })

  test('takes a server that has troubles for one that may be of any era', async () => {
    const {view} = share(refusing(-32603, {httpStatus: 502}))
    expect(await outcomeOf(view.ready())).toMatchObject({why: 'trouble'})
  })

  test.each([
    ['is known to be modern', {isKnown: true}, 1],
    ['has not answered in time', {isKnown: false}, 2],
  ])('waits for all of the start of a server that %s', async (_what, options, attempts) => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    const server = modern({
      answers: {
        'server/discover': ({id}, upstream) => {
          setTimeout(() => upstream.say(result(id, HELLO)), 11_000)
          return undefined
        },
      },
    })
    const {view} = share(server, options)
    const first = outcomeOf(view.ready())
    await vi.advanceTimersByTimeAsync(11_000)
    const outcomes = [await first, outcomeOf(view.ready())]
    await vi.advanceTimersByTimeAsync(11_000)
    expect(await outcomes[1]).toEqual(HELLO)
    expect(outcomes[0] instanceof NotModern).toBe(!options.isKnown)
    expect(server.attempts).toBe(attempts)
  })

  test('waits that long once, and then for as long as a start may take, before it is known', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    const server = modern({answers: {'server/discover': silence}})
    const {view} = share(server)
    const texts = []
    for (const milliseconds of [10_000, 60_000, 0]) {
      const outcome = outcomeOf(view.ready())
      await vi.advanceTimersByTimeAsync(milliseconds)
      texts.push(/within .*/.exec(String(await outcome))?.[0])
    }
    expect(texts).toEqual(['within 10 s', 'within 60 s', 'within 60 s'])
    expect(server.attempts).toBe(2)
  })

  test('fails with one error for all, and for those of the next second, too', async () => {
    let now = 0
    let broken = true
    const server = modern({
      beforeOpen: () => {
        if (broken) throw new Error('no such image')
      },
    })
    const {view} = share(server, {now: () => now})
    const [first, second] = await Promise.all([outcomeOf(view.ready()), outcomeOf(view.ready())])
    expect(first).toMatchObject({message: 'server demo: no such image'})
    expect(second).toBe(first)
    broken = false
    now = 999
    expect(await outcomeOf(view.ready())).toBe(first)
    expect(server.attempts).toBe(1)
    now = 1000
    expect(await view.ready()).toEqual(HELLO)
  })

  test('is given up with the shared server', async () => {
    const opening = Promise.withResolvers<void>()
    const server = modern({beforeOpen: () => opening.promise})
    const {shared, view} = share(server)
    const ready = outcomeOf(view.ready())
    const end = shared[Symbol.asyncDispose]()
    opening.resolve()
    await end
    expect(await ready).toMatchObject({message: 'server demo: it is no longer needed'})
    expect(server.starts.map(({isOpen}) => isOpen)).toEqual([false])
    expect(await outcomeOf(view.ready())).toMatchObject({code: 'SERVER_START_FAILED'})
    expect(server.attempts).toBe(1)
  })
})

describe('requests', () => {
  test('of clients pass as they are, and those of the gateway say whom they are for', async () => {
    const server = modern({answers: {'tools/call': {content: []}}})
    const {view} = share(server)
    const theirs = {...OWN, [META.client]: {name: 'theirs'}, vendor: 1}
    await call(view, 'a', theirs, {name: 'x', more: null}).outcome
    const listed = await view.request(request('tools/list 0', 'tools/list'))
    expect(listed).toEqual(result('tools/list 0', {tools: []}))
    const upstream = await server.start()
    expect((await upstream.call('tools/call')).params).toEqual({
      name: 'x',
      more: null,
      _meta: theirs,
    })
    expect((await upstream.call('tools/list')).params).toEqual({_meta: OWN})
  })

  test('with equal ids and tokens get their own answers and their own progress', async () => {
    const server = modern()
    const {shared, view, news} = share(server)
    const meta = {...OWN, progressToken: 't'}
    const a = call(view, 'a', meta)
    const b = call(new SharedView(shared, OWN), 'b', meta)
    const upstream = await server.start()
    const ids = [
      (await upstream.request('tools/call')).id,
      (await upstream.request('tools/call', 1)).id,
    ]
    for (const progressToken of ids.toReversed()) {
      upstream.say(notification('notifications/progress', {progressToken, progress: 1}))
    }
    for (const id of ids.toReversed()) upstream.say(result(id, {of: id}))
    expect(await Promise.all([a.outcome, b.outcome])).toEqual([
      result(1, {of: ids[0]}),
      result(1, {of: ids[1]}),
    ])
    const progress = news.items.filter(({kind}) => kind === 'notification')
    expect(progress.map(({about, value}) => ({about, value}))).toEqual(
      ['b', 'a'].map(about => ({
        about,
        value: notification('notifications/progress', {progressToken: 't', progress: 1}),
      })),
    )
  })

  test('that are cancelled are cancelled at the server', async () => {
    const server = modern()
    const {view} = share(server)
    const one = call(view, 'a')
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    one.cancel()
    expect(await one.outcome).toBeInstanceOf(Cancelled)
    expect((await upstream.call('notifications/cancelled')).params).toEqual({requestId: id})
  })

  test('in flight fail when the server ends, and the next one opens it again', async () => {
    const server = modern()
    const {view, news} = share(server)
    const one = call(view, 'a')
    const upstream = await server.start()
    await upstream.request('tools/call')
    upstream.end()
    expect(await one.outcome).toMatchObject({message: 'server demo ended with exit code 3'})
    const two = call(view, 'b')
    const next = await server.start(1)
    next.say(result((await next.request('tools/call')).id, {again: true}))
    expect(await two.outcome).toEqual(result(1, {again: true}))
    expect(news.items.map(({kind}) => kind)).toEqual(['opened', 'failed', 'opened'])
  })

  test('that a server cannot have seen are sent once more', async () => {
    const server = modern()
    const {view} = share(server)
    const one = call(view, 'a')
    const upstream = await server.start()
    upstream.end({refused: new Set([(await upstream.request('tools/call')).id])})
    const next = await server.start(1)
    next.end({refused: new Set([(await next.request('tools/call')).id])})
    expect(await one.outcome).toMatchObject({code: 'SERVER_START_FAILED'})
    expect(server.attempts).toBe(2)
  })

  test('that come in the moment of the end go to the next process', async () => {
    const server = modern({answers: {'tools/call': {content: []}}})
    const {view} = share(server)
    await view.ready()
    const upstream = await server.start()
    upstream.end()
    const outcomes = [call(view, 'a').outcome]
    await upstream.closed
    outcomes.push(call(view, 'b').outcome)
    expect(await outcomes[1]).toEqual(result(1, {content: []}))
    expect((await server.start(1)).methods).toContain('tools/call')
    await outcomes[0]
  })

  test('reject with NotModern when the server was replaced by a legacy one', async () => {
    let isLegacy = false
    const server = modern({
      answers: {
        'server/discover': ({id}, upstream) => {
          if (!isLegacy) return HELLO
          upstream.say(failure(id, -32601, 'no such method'))
          return undefined
        },
      },
    })
    const {view, news} = share(server)
    await view.ready()
    isLegacy = true
    ;(await server.start()).end()
    await news.find(({kind}) => kind === 'failed')
    expect(await call(view, 'a').outcome).toBeInstanceOf(NotModern)
  })

  test('are not ended with one of the views', async () => {
    const server = modern()
    const {shared, view} = share(server)
    const one = call(view, 'a')
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    await new SharedView(shared, OWN).close()
    upstream.say(result(id, {}))
    expect(await one.outcome).toEqual(result(1, {}))
    expect(upstream.isOpen).toBe(true)
  })
})

describe('notifications of clients', () => {
  test('reach a server that is open', async () => {
    const server = modern()
    const {view} = share(server)
    view.notify(notification('notifications/early'))
    await view.ready()
    view.notify(notification('notifications/vendor', {x: 1}))
    expect((await server.start()).methods).toEqual(['server/discover', 'notifications/vendor'])
  })
})

describe('requests that want the log of a server with a single stream', () => {
  test('are all asked of the same process, as they are', async () => {
    const server = modern()
    const {view} = share(server)
    for (const about of ['a', 'b', 'c']) call(view, about, LOGS)
    const upstream = await server.start()
    for (const nth of [0, 1, 2]) {
      expect((await upstream.request('tools/call', nth)).params).toEqual({_meta: LOGS})
    }
    expect(server.attempts).toBe(1)
  })

  test('hear what is said while nothing else is in flight', async () => {
    const server = modern()
    const {view, news} = share(server)
    call(view, 'a', LOGS)
    const upstream = await server.start()
    await upstream.request('tools/call')
    upstream.say(line('of a'))
    call(view, 'b', LOGS)
    await upstream.request('tools/call', 1)
    upstream.say(line('of a or b'))
    expect(news.items.filter(({kind}) => kind === 'notification')).toEqual([
      {kind: 'notification', value: line('of a'), about: 'a'},
    ])
  })

  test('do not hear what is said of one that was given up', async () => {
    const server = modern()
    const {view, news} = share(server)
    const one = call(view, 'a', LOGS)
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    one.cancel()
    await one.outcome
    call(view, 'b', LOGS)
    await upstream.request('tools/call', 1)
    upstream.say(line('of a'))
    upstream.say(result(id, {}))
    expect(news.items.map(({kind}) => kind)).toEqual(['opened'])
  })

  test('hear what comes on their own streams over HTTP, whoever else asks', async () => {
    const server = modern()
    const {view, news} = share(server)
    call(view, 'a', LOGS)
    call(view, 'b', LOGS)
    const upstream = await server.start()
    await upstream.request('tools/call')
    const {id} = await upstream.request('tools/call', 1)
    upstream.say(line('of b'), {request: id})
    expect(news.items.at(-1)).toEqual({kind: 'notification', value: line('of b'), about: 'b'})
  })
})

describe('the end', () => {
  test('never rejects, and tells what went wrong', async () => {
    const server = modern()
    const {shared, view, news} = share(server)
    await view.ready()
    const upstream = await server.start()
    upstream[Symbol.asyncDispose] = async () => {
      throw new Error('no engine')
    }
    await shared[Symbol.asyncDispose]()
    expect(news.items.at(-1)).toMatchObject({
      kind: 'failed',
      value: {code: 'SERVER_START_FAILED', message: 'server demo cannot be ended: no engine'},
    })
  })
})

describe('clients with equal ids and tokens', () => {
  const step = fc.record({
    what: fc.constantFrom('call', 'callWithLog', 'progress', 'log', 'answer', 'cancel'),
    pick: fc.nat(),
  })

  test('never hear what is about the request of another one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, {maxLength: 25}), async steps => {
        const arrived = new Inbox<{about: Json | undefined; id: Id; upstream: FakeUpstream}>()
        const server = modern({
          answers: {
            'tools/call': ({id, params}, upstream) => {
              arrived.add({about: params?.['about'], id, upstream})
              return undefined
            },
          },
        })
        const {shared, view, news} = share(server)
        const calls: {about: string; meta: JsonObject; one: ReturnType<typeof call>}[] = []
        const answered = new Set<string>()
        for (const [index, {what, pick}] of steps.entries()) {
          if (what === 'call' || what === 'callWithLog') {
            const about = `call ${index}`
            const meta = {...(what === 'call' ? OWN : LOGS), progressToken: 0}
            calls.push({about, meta, one: call(view, about, meta, {about})})
            await arrived.find(place => place.about === about)
            continue
          }
          const served = calls[pick % calls.length]
          const place = arrived.items.find(({about}) => about === served?.about)
          if (!served || !place) continue
          const {about, meta, one} = served
          const say = (message: Message) => place.upstream.say(message)
          const wantsLog = meta[META.logLevel] !== undefined && !answered.has(about)
          if (what === 'cancel') one.cancel()
          if (what === 'progress') {
            const params = {progressToken: place.id, progress: index, about}
            say(notification('notifications/progress', params))
          }
          if (what === 'log' && wantsLog) {
            say(notification('notifications/message', {data: index, about}))
          }
          if (what === 'answer') {
            answered.add(about)
            say(result(place.id, {about}))
          }
        }
        const heard = news.items.filter(({kind}) => kind === 'notification')
        for (const {value, about} of heard) expect(value).toMatchObject({params: {about}})
        for (const {about, id, upstream} of arrived.items) {
          upstream.say(result(id, {about}))
        }
        const outcomes = await Promise.all(calls.map(({one}) => one.outcome))
        const isServed = (_: unknown, index: number) => !(outcomes[index] instanceof Cancelled)
        expect(outcomes.filter(isServed)).toEqual(
          calls.filter(isServed).map(({about}) => result(1, {about})),
        )
        await shared[Symbol.asyncDispose]()
      }),
      {numRuns: 100},
    )
  })
})

describe('watching', () => {
  beforeEach(() => void vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']}))
  afterEach(() => void vi.useRealTimers())

  const FILTER = {toolsListChanged: true}
  const CHANGED = 'notifications/tools/list_changed'
  const acknowledged = (id: Id, notifications: JsonObject = FILTER) =>
    notification('notifications/subscriptions/acknowledged', {
      _meta: {[META.subscription]: id},
      notifications,
    })
  const changed = (id: Id, params: JsonObject = {}) =>
    notification(CHANGED, {...params, _meta: {[META.subscription]: id}})

  /** A view that watches, and the server's side of it. */
  async function watching(script?: FakeScript) {
    const server = modern(script)
    const {shared, view, news} = share(server)
    const told: Notification[] = []
    const leaving = new AbortController()
    const watch = view.watch(FILTER, notice => told.push(notice), leaving.signal)
    watch.catch(() => undefined)
    const upstream = await server.start()
    const listen = await upstream.request('subscriptions/listen')
    return {shared, view, news, server, upstream, listen, watch, told, leaving}
  }

  test('asks in the name of the view, and passes on notices without the id of the request', async () => {
    const {upstream, listen, watch, told, news} = await watching()
    expect(listen.params).toEqual({_meta: OWN, notifications: FILTER})
    upstream.say(acknowledged(listen.id, {toolsListChanged: true, more: 1}))
    expect((await watch).honoured).toEqual({toolsListChanged: true, more: 1})
    upstream.say(changed(listen.id))
    upstream.say(notification(CHANGED, {_meta: {[META.subscription]: listen.id, trace: 1}, x: 1}))
    expect(told).toEqual([
      notification(CHANGED, {}),
      notification(CHANGED, {x: 1, _meta: {trace: 1}}),
    ])
    expect(news.items.map(({kind}) => kind)).toEqual(['opened'])
  })

  test('passes on only what names the subscription, after the acknowledgement', async () => {
    const {upstream, listen, watch, told, news} = await watching()
    upstream.say(changed(listen.id, {early: true}))
    upstream.say(acknowledged(listen.id))
    upstream.say(acknowledged(listen.id, {promptsListChanged: true}))
    upstream.say(changed(99))
    upstream.say(changed(String(listen.id)))
    upstream.say(notification(CHANGED))
    upstream.say(changed(listen.id, {late: true}))
    expect((await watch).honoured).toEqual(FILTER)
    expect(told).toEqual([notification(CHANGED, {late: true})])
    expect(news.items.map(({kind}) => kind)).toEqual(['opened'])
  })

  test('is refused in the words of the server', async () => {
    const {upstream, listen, watch} = await watching()
    upstream.say(failure(listen.id, -32000, 'too many'))
    await expect(watch).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      message: 'server demo refused subscriptions/listen: too many',
    })
  })

  test('honours nothing at a server that does not know of it, until the server ends', async () => {
    const {upstream, listen, watch} = await watching()
    upstream.say(failure(listen.id, -32601, 'unknown'))
    const {honoured, ended} = await watch
    expect(honoured).toEqual({})
    upstream.end()
    expect(await ended).toBeUndefined()
  })

  test('gives up a server that does not acknowledge in time', async () => {
    const {upstream, listen, watch, told} = await watching()
    await vi.advanceTimersByTimeAsync(10_000)
    await expect(watch).rejects.toThrow('no acknowledgement within 10 s')
    expect((await upstream.call('notifications/cancelled')).params).toMatchObject({
      requestId: listen.id,
    })
    upstream.say(acknowledged(listen.id))
    upstream.say(changed(listen.id))
    expect(told).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('ends with the signal, and tells the server', async () => {
    const {upstream, listen, watch, told, leaving} = await watching()
    upstream.say(acknowledged(listen.id))
    const {ended} = await watch
    leaving.abort()
    await ended
    expect((await upstream.call('notifications/cancelled')).params['requestId']).toBe(listen.id)
    upstream.say(changed(listen.id))
    expect(told).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('rejects with the reason of a signal that aborts before the acknowledgement', async () => {
    const {watch, leaving} = await watching()
    const reason = new Error('gone')
    leaving.abort(reason)
    await expect(watch).rejects.toBe(reason)
  })

  test.each([
    ['its result', (id: Id) => result(id, {resultType: 'complete'})],
    ['an error', (id: Id) => failure(id, -32603, 'overloaded')],
    ['taking it back', (id: Id) => notification('notifications/cancelled', {requestId: id})],
  ])('ends when the server ends it by %s', async (_how, end) => {
    const {upstream, listen, watch} = await watching()
    upstream.say(acknowledged(listen.id))
    const {ended} = await watch
    upstream.say(end(listen.id))
    expect(await ended).toBeUndefined()
    expect(upstream.methods).not.toContain('notifications/cancelled')
  })

  test('ends with the server', async () => {
    const {upstream, listen, watch} = await watching()
    upstream.say(acknowledged(listen.id))
    const {ended} = await watch
    upstream.end()
    expect(await ended).toBeUndefined()
  })

  test('keeps the watches of several apart', async () => {
    const {shared, server, upstream, listen, watch, told} = await watching()
    const others: Notification[] = []
    const other = new SharedView(shared, OWN).watch(
      FILTER,
      notice => others.push(notice),
      new AbortController().signal,
    )
    const second = await upstream.request('subscriptions/listen', 1)
    upstream.say(acknowledged(second.id))
    upstream.say(acknowledged(listen.id))
    await Promise.all([watch, other])
    upstream.say(changed(second.id))
    expect([told.length, others.length, server.attempts]).toEqual([0, 1, 1])
  })
})

describe('a server that is looked after', () => {
  beforeEach(
    () =>
      void vi.useFakeTimers({
        toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
      }),
  )
  afterEach(() => void vi.useRealTimers())

  test('is asked what it can do every minute, and ended when it does not answer', async () => {
    let answers = true
    const server = modern({answers: {'server/discover': () => (answers ? HELLO : undefined)}})
    const {view, news} = share(server, {policy: {isPinged: true}})
    await view.ready()
    const upstream = await server.start()
    await vi.advanceTimersByTimeAsync(120_000)
    const asked = upstream.received.items.map(({method, params}) => ({method, params}))
    const discover = {method: 'server/discover', params: {_meta: OWN}}
    expect(asked).toEqual([discover, discover, discover])
    answers = false
    await vi.advanceTimersByTimeAsync(75_000)
    expect([view.isOpen, upstream.isOpen]).toEqual([false, false])
    expect(news.items.at(-1)).toMatchObject({
      kind: 'failed',
      value: {message: 'server demo did not answer a ping within 15 s'},
    })
  })

  test('is not ended as idle while it is checked', async () => {
    let answers = true
    const server = modern({answers: {'server/discover': () => (answers ? HELLO : undefined)}})
    const {shared, view} = share(server, {policy: {idleMs: 5000}})
    await view.ready()
    answers = false
    const check = shared.check(OWN)
    const upstream = await server.start()
    const {id} = await upstream.request('server/discover', 1)
    await vi.advanceTimersByTimeAsync(9000)
    expect(view.isOpen).toBe(true)
    upstream.say(result(id, HELLO))
    expect(await check).toEqual(HELLO)
    await vi.advanceTimersByTimeAsync(5000)
    expect(view.isOpen).toBe(false)
  })

  test('is told with the next step when it cannot be started', async () => {
    const server = modern({
      beforeOpen: () => {
        throw new Error('no such thing')
      },
    })
    expect(await outcomeOf(share(server).view.ready())).toMatchObject({
      code: 'SERVER_START_FAILED',
      message: 'server demo: no such thing',
      hint: 'see its needs with: docker mcp server inspect demo',
    })
  })
})
