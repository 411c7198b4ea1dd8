import * as fc from 'fast-check'
import {afterEach, beforeEach, describe, expect, onTestFinished, test, vi} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Json, JsonObject} from '../../../../src/lib/base/json.ts'
import {listen, type ListenInput} from '../../../../src/lib/gateway/modern/listen.ts'
import {SharedView} from '../../../../src/lib/gateway/modern/shared-view.ts'
import {SharedServer} from '../../../../src/lib/gateway/modern/shared-server.ts'
import type {ViewLink, Watch} from '../../../../src/lib/gateway/modern/view-link.ts'
import type {Kind} from '../../../../src/lib/gateway/relay/pages.ts'
import {
  notification,
  request,
  result,
  type Id,
  type Notification,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {fakeServer} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {lasting} from '../../../support/server-life.ts'

beforeEach(() => void vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'performance']}))
afterEach(() => void vi.useRealTimers())

/** One time that a server was asked to tell of changes. */
interface Asked {
  readonly filter: JsonObject
  readonly tell: (notice: Notification) => void
  readonly signal: AbortSignal
  readonly honour: (honoured: JsonObject) => void
  readonly refuse: (error: Error) => void
  /** Ends it, as when the server is lost. */
  readonly end: () => void
}

const unused = () => Promise.reject(new Error('not used here'))

/** A server that does what the test says. */
function fakeView(server: string): {link: ViewLink; asked: Inbox<Asked>} {
  const asked = new Inbox<Asked>()
  const link: ViewLink = {
    server,
    isOpen: true,
    hello: {},
    ready: unused,
    request: unused,
    notify: () => undefined,
    close: () => Promise.resolve(),
    whenOpen: () => Promise.resolve(),
    watch: (filter, tell, signal) => {
      const answer = Promise.withResolvers<Watch>()
      const over = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => over.resolve())
      asked.add({
        filter,
        tell,
        signal,
        honour: honoured => answer.resolve({honoured, ended: over.promise}),
        refuse: answer.reject,
        end: () => over.resolve(),
      })
      return answer.promise
    },
  }
  return {link, asked}
}

interface Told {
  readonly method: string
  readonly params: JsonObject
}

interface Options {
  readonly id?: Id
  readonly pause?: ListenInput['pause']
  readonly toClient?: ListenInput['toClient']
  /** What a server is asked for; undefined when it is not asked. */
  readonly part?: (server: string, filter: JsonObject) => JsonObject | undefined
}

/** A client that listens for something, through servers with these names. */
function listening(
  notifications: Json | undefined,
  names: readonly string[] = ['demo'],
  {id = 7, part = (_server, filter) => filter, ...options}: Options = {},
) {
  const views = names.map(fakeView)
  const links = views.map(({link}) => link)
  const told = new Inbox<Told>()
  const leaving = new AbortController()
  const stopping = new AbortController()
  const listeners = new Set<(kind: Kind) => void>()
  const exchange = {
    request: request(id, 'subscriptions/listen', {notifications}),
    signal: leaving.signal,
    notify: ({method, params = {}}: Notification) => told.add({method, params}),
  }
  const answer = listen(exchange, {
    isOnly: links.length === 1,
    splits: () => ({[Symbol.dispose]: () => undefined}),
    split: filter =>
      new Map(
        links.flatMap(link => {
          const own = part(link.server, filter)
          return own ? [[link, own] as const] : []
        }),
      ),
    toClient: (_server, notice) => notice,
    changes: onChange => {
      listeners.add(onChange)
      return {[Symbol.dispose]: () => void listeners.delete(onChange)}
    },
    stop: stopping.signal,
    ...options,
  })
  answer.catch(() => undefined)
  onTestFinished(() => stopping.abort())
  const [first = fakeView('none'), second = fakeView('none')] = views
  return {
    answer,
    told: told.items,
    leaving,
    stopping,
    listeners,
    change: (kind: Kind) => {
      for (const listener of listeners) listener(kind)
    },
    first: first.asked.items,
    second: second.asked.items,
    asked: (nth = 0) => first.asked.find(() => true, nth),
    other: (nth = 0) => second.asked.find(() => true, nth),
  }
}

/** The same, with one server that honours all that it is asked for. */
async function toldOf(filter: JsonObject, options?: Options) {
  const client = listening(filter, ['demo'], options)
  const server = await client.asked()
  server.honour(filter)
  await settle()
  return {...client, server}
}

/** The same, with two servers. */
async function toldOfTwo(filter: JsonObject, options?: Options) {
  const client = listening(filter, ['one', 'two'], options)
  const [one, two] = [await client.asked(), await client.other()]
  one.honour(filter)
  two.honour(filter)
  await settle()
  return {...client, one, two}
}

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const TOOLS = 'notifications/tools/list_changed'
const UPDATED = 'notifications/resources/updated'
const TASKS = 'notifications/tasks'
const _meta = {[META.subscription]: 7}
const ALL_LISTS = {toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true}
const acknowledgement = (notifications: JsonObject): Told => ({
  method: ACKNOWLEDGED,
  params: {notifications, _meta},
})
const toolsChanged: Told = {method: TOOLS, params: {_meta}}
const updated = (uri: string): Told => ({method: UPDATED, params: {uri, _meta}})

/** Lets everything happen that waits for nothing but itself. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0)
}

/** Names that only one server could have, as the client knows them. */
const prefixed: ListenInput['toClient'] = (server, notice) => {
  const {uri, taskId} = notice.params ?? {}
  const params = {
    ...notice.params,
    ...(typeof uri === 'string' && {uri: `${server}+${uri}`}),
    ...(typeof taskId === 'string' && {taskId: `${server}~${taskId}`}),
  }
  return {...notice, params}
}

/** Records the pauses, which are over when the test says so. */
function pauses() {
  const waited: number[] = []
  const ends = new Inbox<() => void>()
  const pause = (milliseconds: number, signal: AbortSignal) =>
    new Promise<void>(resolve => {
      waited.push(milliseconds)
      signal.addEventListener('abort', () => resolve())
      ends.add(resolve)
    })
  let over = 0
  const next = async () => {
    const end = await ends.find(() => true, over)
    over += 1
    end()
    await settle()
  }
  return {waited, pause, next}
}

describe('a filter', () => {
  test.each([
    ['that is missing', undefined],
    ['that is a list', []],
    ['with a flag that is none', {toolsListChanged: 'yes'}],
    ['with a single URI', {resourceSubscriptions: 'file:///a'}],
    ['with a URI that is none', {resourceSubscriptions: [1]}],
    ['with too many URIs', {resourceSubscriptions: Array.from({length: 1001}, () => 'u')}],
    ['with too long a URI', {resourceSubscriptions: ['u'.repeat(8193)]}],
    ['with a task that is none', {taskIds: [null]}],
  ])('%s is refused', async (_what, filter) => {
    const {answer, first, told} = listening(filter)
    expect(await answer).toMatchObject({id: 7, error: {code: -32602}})
    expect([first, told, vi.getTimerCount()]).toEqual([[], [], 0])
  })

  test('goes to the servers that have a part in it, without what nobody knows', async () => {
    const known = {toolsListChanged: true, resourceSubscriptions: ['u'.repeat(8192)], taskIds: []}
    const {first, second, asked} = listening({...known, unknown: {deep: 1}}, ['one', 'two'], {
      part: (server, filter) => (server === 'one' ? filter : undefined),
    })
    expect((await asked()).filter).toEqual(known)
    expect([first.length, second.length]).toEqual([1, 0])
  })
})

describe('what only the client and its only server know', () => {
  const filter = {toolsListChanged: true, 'com.example/news': {about: ['x']}}

  test('passes both ways as it is', async () => {
    const {told, asked} = listening(filter)
    const server = await asked()
    expect(server.filter).toEqual(filter)
    const honoured = {'com.example/news': {about: [], why: 'none'}, 'com.example/more': true}
    server.honour(honoured)
    await settle()
    const params = {what: 'x', _meta: {'com.example/y': 1}}
    server.tell(notification('notifications/com.example/news', params))
    server.tell(notification(TOOLS))
    expect(told).toMatchObject([
      acknowledgement({'com.example/news': {about: [], why: 'none'}}),
      {method: 'notifications/com.example/news', params},
      toolsChanged,
    ])
  })

  test('is never what belongs to other requests', async () => {
    const {told, server} = await toldOf(filter)
    for (const kind of ['message', 'progress', 'cancelled']) {
      server.tell(notification(`notifications/${kind}`, {level: 'error', data: 1}))
    }
    expect(told).toHaveLength(1)
  })

  test('is not heard of by clients that did not ask for anything of the kind', async () => {
    const {told, server} = await toldOf({toolsListChanged: true})
    server.tell(notification('notifications/com.example/news'))
    expect(told).toHaveLength(1)
  })
})

describe('the acknowledgement', () => {
  test('names what the servers honour together, in the words of the client, and nothing else', async () => {
    const filter = {
      ...ALL_LISTS,
      resourcesListChanged: false,
      resourceSubscriptions: ['nobody', 'two+a://x', 'one+a://x'],
      taskIds: ['two~t', 'two~u'],
    }
    const own = {...filter, resourceSubscriptions: ['a://x'], taskIds: ['t', 'u']}
    const options = {part: () => own, toClient: prefixed}
    const {told, asked, other} = listening(filter, ['one', 'two'], options)
    const [one, two] = [await asked(), await other()]
    one.honour({toolsListChanged: true, resourcesListChanged: true, vendor: true})
    await settle()
    expect(told).toEqual([])
    two.honour({resourceSubscriptions: ['a://x', 'b://y', 1], taskIds: ['t', 'v']})
    await settle()
    expect(told).toEqual([
      acknowledgement({
        toolsListChanged: true,
        resourceSubscriptions: ['two+a://x'],
        taskIds: ['two~t'],
      }),
    ])
  })

  test('does not wait longer than 5 s for a server, whose notices follow all the same', async () => {
    const {told, asked, other} = listening({toolsListChanged: true}, ['one', 'two'])
    const [one, two] = [await asked(), await other()]
    one.honour({toolsListChanged: true})
    await vi.advanceTimersByTimeAsync(4999)
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(told).toEqual([acknowledgement({toolsListChanged: true})])
    two.honour({toolsListChanged: true})
    await settle()
    two.tell(notification(TOOLS))
    await vi.advanceTimersByTimeAsync(100)
    expect(told).toEqual([acknowledgement({toolsListChanged: true}), toolsChanged])
  })

  test('is first, and what comes before it follows, up to a thousand notices', async () => {
    const filter = {resourceSubscriptions: ['a']}
    const {told, asked, other} = listening(filter, ['one', 'two'])
    const one = await asked()
    for (let nth = 0; nth < 1500; nth += 1) one.tell(notification(UPDATED, {uri: `a/${nth}`}))
    one.honour(filter)
    ;(await other()).refuse(new Error('no'))
    await settle()
    expect(told[0]).toEqual(acknowledgement(filter))
    expect(told.slice(1)).toEqual(Array.from({length: 1000}, (_, nth) => updated(`a/${nth}`)))
  })

  test('is empty where there is nothing to honour, and the request stays open', async () => {
    const {told, answer, stopping} = listening({toolsListChanged: true}, [])
    await settle()
    expect(told).toEqual([acknowledgement({})])
    stopping.abort()
    expect(await answer).toEqual(result(7, {resultType: 'complete', _meta}))
  })
})

describe('notices', () => {
  test.each<[string, Id]>([
    ['a number', 0],
    ['a text', '0'],
    ['an empty text', ''],
  ])('carry the id of the request, which is %s', async (_what, id) => {
    const filter = {resourceSubscriptions: ['a'], taskIds: ['t']}
    const {told, server, stopping, answer} = await toldOf(filter, {id})
    server.tell(notification(UPDATED, {uri: 'a', _meta: {trace: 1}}))
    server.tell(notification(TASKS, {taskId: 't', status: 'working'}))
    const own = {[META.subscription]: id}
    expect(told.slice(1)).toEqual([
      {method: UPDATED, params: {uri: 'a', _meta: {trace: 1, ...own}}},
      {method: TASKS, params: {taskId: 't', status: 'working', _meta: own}},
    ])
    stopping.abort()
    expect(await answer).toEqual(result(id, {resultType: 'complete', _meta: own}))
  })

  test('are passed on only when they are of a kind that the client asked for', async () => {
    const {told, server} = await toldOf({toolsListChanged: false, resourceSubscriptions: ['a']})
    for (const method of [TOOLS, TASKS, ACKNOWLEDGED, 'notifications/message', 'vendor/x']) {
      server.tell(notification(method, {}))
    }
    server.tell(notification(UPDATED, {uri: 'a/part'}))
    expect(told.slice(1)).toEqual([updated('a/part')])
  })

  test('are put into the words of the client, and dropped where they are none of its business', async () => {
    const filter = {resourceSubscriptions: ['demo+a'], toolsListChanged: true}
    const {told, server} = await toldOf(filter, {
      toClient: (name, notice) =>
        notice.params?.['uri'] === 'secret' ? undefined : prefixed(name, notice),
    })
    for (const uri of ['secret', 'a']) server.tell(notification(UPDATED, {uri}))
    expect(told.slice(1)).toEqual([updated('demo+a')])
  })

  test('of the only server pass as they come', async () => {
    const {told, server} = await toldOf({toolsListChanged: true})
    server.tell(notification(TOOLS, {x: 1}))
    server.tell(notification(TOOLS, {x: 2}))
    await vi.advanceTimersByTimeAsync(2000)
    expect(told.slice(1).map(({params}) => params)).toEqual([
      {x: 1, _meta},
      {x: 2, _meta},
    ])
  })

  test('of several servers that their lists have changed become one in a burst', async () => {
    const {told, one, two} = await toldOfTwo({...ALL_LISTS, promptsListChanged: false})
    for (let nth = 0; nth < 3; nth += 1) {
      one.tell(notification(TOOLS))
      two.tell(notification(TOOLS))
      two.tell(notification('notifications/resources/list_changed'))
      two.tell(notification('notifications/prompts/list_changed'))
      await vi.advanceTimersByTimeAsync(50)
    }
    expect(told).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(50)
    const both = [toolsChanged, {...toolsChanged, method: 'notifications/resources/list_changed'}]
    expect(told.slice(1)).toEqual(both)
    one.tell(notification(TOOLS))
    await vi.advanceTimersByTimeAsync(100)
    expect(told.slice(1)).toEqual([...both, toolsChanged])
  })

  test('of changes without an end come after a second', async () => {
    const {told, one} = await toldOfTwo({toolsListChanged: true})
    for (let passed = 0; passed < 1000; passed += 50) {
      one.tell(notification(TOOLS))
      await vi.advanceTimersByTimeAsync(50)
    }
    expect(told.slice(1)).toEqual([toolsChanged])
  })

  test('tell of the changes of the gateway itself, when the client asked for them', async () => {
    const {told, change, listeners, stopping, answer} = await toldOf({resourcesListChanged: true})
    for (const kind of ['tools', 'templates', 'resources'] as const) change(kind)
    await vi.advanceTimersByTimeAsync(100)
    expect(told.slice(1).map(({method}) => method)).toEqual([
      'notifications/resources/list_changed',
    ])
    stopping.abort()
    await answer
    expect(listeners.size).toBe(0)
  })

  test('come once when the only server announces what the gateway has seen, too', async () => {
    const {told, change, server} = await toldOf({toolsListChanged: true})
    change('tools')
    server.tell(notification(TOOLS))
    await vi.advanceTimersByTimeAsync(2000)
    expect(told.slice(1)).toEqual([toolsChanged])
  })
})

describe('a server that tells no more', () => {
  test('is asked again, and what may have changed is announced', async () => {
    const filter = {toolsListChanged: true, resourceSubscriptions: ['a', 'b', 'c']}
    const {pause, next} = pauses()
    const {told, server, asked, first} = await toldOf(filter, {pause})
    server.end()
    await next()
    const again = await asked(1)
    expect(again.filter).toEqual(filter)
    expect(told).toHaveLength(1)
    again.honour({...ALL_LISTS, resourceSubscriptions: ['a', 'c', 'unasked']})
    await settle()
    expect(told.slice(1)).toEqual([toolsChanged, updated('a'), updated('c')])
    again.tell(notification(UPDATED, {uri: 'a'}))
    expect(told.slice(4)).toEqual([updated('a')])
    expect(first).toHaveLength(2)
  })

  test('is asked again after longer and longer pauses, of up to 30 s', async () => {
    const {waited, pause, next} = pauses()
    const {asked} = listening({toolsListChanged: true}, ['demo'], {pause})
    for (let nth = 0; nth < 5; nth += 1) {
      ;(await asked(nth)).refuse(new PluginError('SERVER_START_FAILED', 'no'))
      await next()
    }
    const nominal = [1000, 5000, 30_000, 30_000, 30_000]
    expect(waited).toHaveLength(5)
    expect(waited.map((ms, nth) => Math.abs(ms / (nominal[nth] ?? 0) - 1) <= 0.2)).toEqual(
      nominal.map(() => true),
    )
  })

  test('soon after it was asked is not asked sooner for having acknowledged', async () => {
    const {waited, pause, next} = pauses()
    const {asked, told} = listening({toolsListChanged: true}, ['demo'], {pause})
    for (let nth = 0; nth < 4; nth += 1) {
      const server = await asked(nth)
      server.honour({toolsListChanged: true})
      server.end()
      await settle()
      await next()
    }
    expect(waited.map(ms => ms > 20_000)).toEqual([false, false, true, true])
    expect(told).toEqual([
      acknowledgement({toolsListChanged: true}),
      toolsChanged,
      toolsChanged,
      toolsChanged,
    ])
  })

  test('after it told for a while is asked soon', async () => {
    const {waited, pause, next} = pauses()
    const {asked} = listening({toolsListChanged: true}, ['demo'], {pause})
    for (let nth = 0; nth < 4; nth += 1) {
      const server = await asked(nth)
      server.honour({})
      await vi.advanceTimersByTimeAsync(10_000)
      server.end()
      await settle()
      await next()
    }
    expect(waited.map(ms => ms <= 1200)).toEqual([true, true, true, true])
  })

  test('is announced once with the others that come back', async () => {
    const {told, one, two, asked, other} = await toldOfTwo({toolsListChanged: true})
    one.end()
    two.end()
    await vi.advanceTimersByTimeAsync(1200)
    ;(await asked(1)).honour({toolsListChanged: true})
    ;(await other(1)).honour({toolsListChanged: true})
    await vi.advanceTimersByTimeAsync(100)
    expect(told.slice(1)).toEqual([toolsChanged])
  })
})

describe('the end', () => {
  test('comes with the client, whose reason it is, and ends what was asked of the servers', async () => {
    const {answer, leaving, server, told, listeners} = await toldOf({toolsListChanged: true})
    const reason = new Error('left')
    leaving.abort(reason)
    await expect(answer).rejects.toBe(reason)
    expect([server.signal.aborted, listeners.size, vi.getTimerCount()]).toEqual([true, 0, 0])
    server.tell(notification(UPDATED, {uri: 'a'}))
    expect(told).toHaveLength(1)
  })

  test('comes before the acknowledgement, too', async () => {
    const {answer, leaving, asked, told} = listening({toolsListChanged: true})
    const {signal} = await asked()
    leaving.abort(new Error('left'))
    await expect(answer).rejects.toThrow('left')
    expect([signal.aborted, told, vi.getTimerCount()]).toEqual([true, [], 0])
  })

  test('comes while it is waited to ask a lost server again', async () => {
    const {answer, stopping, server, first} = await toldOf({toolsListChanged: true})
    server.end()
    await settle()
    stopping.abort()
    await answer
    await settle()
    expect([first.length, vi.getTimerCount()]).toEqual([1, 0])
  })

  test('leaves no change behind that was to be announced', async () => {
    const {answer, stopping, one, told} = await toldOfTwo({toolsListChanged: true})
    one.tell(notification(TOOLS))
    stopping.abort()
    await answer
    await vi.advanceTimersByTimeAsync(2000)
    expect(told).toHaveLength(1)
  })
})

describe('several clients of one server', () => {
  const step = fc.record({
    what: fc.constantFrom('update', 'unnamed', 'acknowledge', 'again', 'early'),
    pick: fc.nat({max: 2}),
  })

  test('hear only what belongs to their own subscription', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, {maxLength: 30}), async steps => {
        const server = fakeServer({
          answers: {
            'server/discover': {supportedVersions: ['2026-07-28'], capabilities: {}},
            'subscriptions/listen': () => undefined,
          },
        })
        const shared = new SharedServer({
          server: 'demo',
          open: server.open,
          isKnown: () => false,
          startTimeoutMs: 1000,
          ...lasting(),
          now: () => 0,
          events: {
            onOpened: () => undefined,
            onFailed: () => undefined,
            onNotification: message => {
              throw new Error(`nobody is to hear of ${message.method}`)
            },
          },
        })
        const stopping = new AbortController()
        const clients = [0, 1, 2].map(nth => {
          const link = new SharedView(shared, {[META.version]: '2026-07-28'})
          const told: Notification[] = []
          const notifications = {resourceSubscriptions: [`u${nth}`]}
          const answer = listen(
            {
              // All clients use the same id.
              request: request(1, 'subscriptions/listen', {notifications}),
              signal: new AbortController().signal,
              notify: notice => told.push(notice),
            },
            {
              isOnly: true,
              splits: () => ({[Symbol.dispose]: () => undefined}),
              split: filter => new Map([[link, filter]]),
              toClient: (_server, notice) => notice,
              changes: () => ({[Symbol.dispose]: () => undefined}),
              stop: stopping.signal,
            },
          )
          return {told, answer, uri: `u${nth}`}
        })
        const upstream = await server.start()
        const ids = await Promise.all(
          clients.map(async (_, nth) => (await upstream.request('subscriptions/listen', nth)).id),
        )
        for (const {what, pick} of steps) {
          const own = {[META.subscription]: ids[pick]}
          const uri = `u${pick}`
          if (what === 'acknowledge' || what === 'again') {
            const notifications = {resourceSubscriptions: [uri]}
            upstream.say(notification(ACKNOWLEDGED, {_meta: own, notifications}))
          } else {
            const meta = what === 'unnamed' ? {} : {_meta: own}
            upstream.say(notification(UPDATED, {...meta, uri}))
          }
          await settle()
        }
        for (const {told, uri} of clients) {
          const [first, ...others] = told
          expect(first?.method ?? ACKNOWLEDGED).toBe(ACKNOWLEDGED)
          expect(others).toEqual(
            others.map(() => notification(UPDATED, {uri, _meta: {[META.subscription]: 1}})),
          )
        }
        stopping.abort()
        await Promise.all(clients.map(({answer}) => answer))
        await shared[Symbol.asyncDispose]()
      }),
      {numRuns: 50},
    )
  })
})
