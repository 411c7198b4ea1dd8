import * as fc from 'fast-check'
import {describe, expect, onTestFinished, test, vi} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {Cancelled, type Asking} from '../../../../src/lib/gateway/relay/connection.ts'
import {Link} from '../../../../src/lib/gateway/relay/link.ts'
import {
  failure,
  isResult,
  notification,
  request,
  result,
  type Id,
  type Message,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import type {Origin} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {FAKE_SECRET, fakeServer, type FakeServer} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {lasting} from '../../../support/server-life.ts'

interface News {
  readonly kind: 'request' | 'notification' | 'opened' | 'reopened' | 'failed' | 'ended'
  readonly message?: Message
  readonly about?: Id | undefined
  readonly error?: PluginError
  readonly uris?: readonly string[]
}

/** A link to a server in memory, with everything that it tells its session. */
function linkTo(
  server: FakeServer,
  options: {
    params?: JsonObject
    startTimeoutMs?: number
    now?: () => number
    life?: Partial<ReturnType<typeof lasting>>
  } = {},
): {link: Link; news: Inbox<News>} {
  const news = new Inbox<News>()
  const link = new Link(
    {
      server: 'demo',
      session: 's',
      hello: {protocolVersion: '2025-11-25', params: options.params ?? {}},
      open: server.open,
      startTimeoutMs: options.startTimeoutMs ?? 60_000,
      ...lasting(),
      ...options.life,
      now: options.now ?? (() => 0),
    },
    {
      onServerRequest: (_from, message, about) => news.add({kind: 'request', message, about}),
      onNotification: (_from, message, about) => news.add({kind: 'notification', message, about}),
      onOpened: () => news.add({kind: 'opened'}),
      onReopened: (_from, uris) => news.add({kind: 'reopened', uris}),
      onFailed: error => news.add({kind: 'failed', error}),
      onEnded: () => news.add({kind: 'ended'}),
    },
  )
  onTestFinished(() => link.close())
  return {link, news}
}

/** A request of a client, with what gives it up. */
function asking(about: Id): {for: Asking; cancel: (params?: JsonObject) => void} {
  const controller = new AbortController()
  return {
    for: {about, signal: controller.signal},
    cancel: (params = {}) => controller.abort(new Cancelled({requestId: about, ...params})),
  }
}

/** What a promise rejects with; it may do so before anybody asks. */
function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** Never answers what is called; the test does. */
const silent = {
  answers: {
    'tools/call': () => undefined,
    'tasks/get': () => undefined,
    'tasks/result': () => undefined,
  },
}

/** What a server asks the user for a task. */
function askAbout(taskId: string): Message {
  const _meta = {'io.modelcontextprotocol/related-task': {taskId}}
  return request('q', 'elicitation/create', {_meta})
}

/** A link with the requests `older` and `newer` in flight, whose ids are those that the server knows. */
async function twoCalls(method = 'tools/call') {
  const server = fakeServer(silent)
  const {link, news} = linkTo(server)
  const signs: Id[] = []
  const call = (about: Id) => {
    const onProgress = () => void signs.push(about)
    const params = {taskId: `task of ${about}`}
    void refusalOf(link.request(request(about, method, params), {...asking(about).for, onProgress}))
  }
  call('older')
  call('newer')
  const upstream = await server.start()
  const older = (await upstream.request(method)).id
  const newer = (await upstream.request(method, 1)).id
  /** Says something as the server. @returns the request that it was taken to belong to */
  const say = (message: Message, origin?: Origin): Id | undefined => {
    upstream.say(message, origin)
    return news.items.at(-1)?.about
  }
  return {link, news, signs, upstream, ids: {older, newer}, say}
}

describe('opening', () => {
  test('starts the server once for fifty requests at the same time', async () => {
    const server = fakeServer({answers: {'tools/call': ({id}) => ({id})}})
    const {link, news} = linkTo(server)
    const answers = await Promise.all(
      Array.from({length: 50}, (_, index) => link.request(request(index, 'tools/call'))),
    )
    expect(server.attempts).toBe(1)
    expect(answers.map(({id}) => id)).toEqual(Array.from({length: 50}, (_, index) => index))
    expect(new Set(answers.map(answer => JSON.stringify(answer['result']))).size).toBe(50)
    expect(news.items.map(({kind}) => kind)).toEqual(['opened'])
  })

  test('tells the server what the client said of itself, members that nobody knows included', async () => {
    const server = fakeServer()
    const params = {
      protocolVersion: 'made up',
      capabilities: {sampling: {tools: {}}, vendor: {x: 1}},
      clientInfo: {name: 'c', version: '1', icons: [{src: 'data:,'}]},
      future: [null],
    }
    const {link} = linkTo(server, {params})
    expect(await link.ready()).toEqual({capabilities: {}})
    const upstream = await server.start()
    const hello = await upstream.call('initialize')
    expect(hello.params).toEqual({...params, protocolVersion: '2025-11-25'})
    expect(upstream.methods).toEqual(['initialize', 'notifications/initialized'])
  })

  test('sends nothing of the client before the server has answered initialize', async () => {
    const server = fakeServer({hello: undefined, ...silent})
    const {link} = linkTo(server)
    const call = link.request(request(1, 'tools/call'))
    call.catch(() => undefined)
    const upstream = await server.start()
    const {id} = await upstream.request('initialize')
    link.notify(notification('notifications/roots/list_changed'))
    expect(upstream.methods).toEqual(['initialize'])
    upstream.say(result(id, {}))
    await upstream.call('tools/call')
    expect(upstream.methods).toEqual([
      'initialize',
      'notifications/initialized',
      'notifications/roots/list_changed',
      'tools/call',
    ])
  })

  test('fails every request that waits with the same error, and those of the next second, too', async () => {
    let now = 0
    let broken = true
    const server = fakeServer({
      answers: {'tools/call': {}},
      beforeOpen: () => {
        if (broken) throw new Error('no such image')
      },
    })
    const {link, news} = linkTo(server, {now: () => now})
    const second = refusalOf(link.request(request(1, 'tools/call')))
    const first = await refusalOf(link.ready())
    expect(await second).toBe(first)
    expect(first).toBeInstanceOf(PluginError)
    expect(first).toMatchObject({
      code: 'SERVER_START_FAILED',
      message: 'server demo: no such image',
    })
    broken = false
    now = 999
    expect(await refusalOf(link.ready())).toBe(first)
    expect(server.attempts).toBe(1)
    now = 1000
    expect(isResult(await link.request(request(1, 'tools/call')))).toBe(true)
    expect(news.items.map(({kind}) => kind)).toEqual(['failed', 'opened'])
  })

  test('passes on a refusal that is already explained', async () => {
    const refusal = new PluginError('IMAGE_MISSING', 'not there', {hint: 'pull it'})
    const server = fakeServer({
      beforeOpen: () => {
        throw refusal
      },
    })
    expect(
      await linkTo(server)
        .link.ready()
        .catch((error: unknown) => error),
    ).toBe(refusal)
  })

  test('ends a server that does not answer initialize in time, and tells what it printed', async () => {
    const server = fakeServer({hello: undefined})
    const {link} = linkTo(server, {startTimeoutMs: 10})
    const failed = refusalOf(link.ready())
    const refusal = {
      code: 'SERVER_START_FAILED',
      message:
        'server demo did not answer initialize within 0.01 s; its last words: b | c | d; ' +
        'on stdout it printed "Listening \\"here\\"", which is no MCP message',
      hint: 'see its needs with: docker mcp server inspect demo',
    }
    const upstream = await server.start()
    const dispose = upstream[Symbol.asyncDispose].bind(upstream)
    upstream[Symbol.asyncDispose] = async () => {
      upstream.end({stderr: ['a', 'b', 'c', 'd'], junk: 'Listening "here"'})
      await dispose()
    }
    expect(await failed).toMatchObject(refusal)
    expect(upstream.disposals).toBe(1)
  })

  test('tells why when the server cannot even be ended, and tries that again when it is closed', async () => {
    const server = fakeServer({hello: undefined})
    const {link} = linkTo(server, {startTimeoutMs: 10})
    const ready = link.ready()
    const upstream = await server.start()
    upstream[Symbol.asyncDispose] = () => Promise.reject(new Error('the engine is gone'))
    await expect(ready).rejects.toThrow('did not answer initialize within 0.01 s')
    await expect(link.close()).rejects.toThrow('the engine is gone')
    let disposed = false
    upstream[Symbol.asyncDispose] = async () => {
      disposed = true
    }
    await link.close()
    expect(disposed).toBe(true)
  })

  test('names the exit code and the last words of a server that dies while it starts', async () => {
    const server = fakeServer({hello: undefined})
    const {link, news} = linkTo(server)
    const ready = refusalOf(link.ready())
    const upstream = await server.start()
    await upstream.call('initialize')
    upstream.end({what: 'ended with exit code 1', stderr: ['API_KEY is not set']})
    expect(await ready).toMatchObject({
      message: expect.stringContaining(
        'server demo ended with exit code 1; its last words: API_KEY is not set',
      ),
    })
    expect(news.items.map(({kind}) => kind)).toEqual(['failed'])
  })

  test('does not start a second server while the first is still failing', async () => {
    const server = fakeServer({hello: undefined})
    const {link} = linkTo(server)
    const first = refusalOf(link.ready())
    const upstream = await server.start()
    upstream.end()
    const second = refusalOf(link.ready())
    expect(await second).toBe(await first)
    expect(server.attempts).toBe(1)
  })

  test('ends a server that refuses to initialize, in its own words', async () => {
    const server = fakeServer({
      answers: {
        initialize: ({id}, upstream) => {
          upstream.say(failure(id, -32602, `too old for ${FAKE_SECRET}`))
          return undefined
        },
      },
    })
    await expect(linkTo(server).link.ready()).rejects.toThrow(
      'server demo refused to start a session: too old for [secret]',
    )
    expect(server.starts[0]?.disposals).toBe(1)
  })

  test('says that a server cannot be reached, with its name once and what to look at', async () => {
    const server = fakeServer({
      answers: {
        initialize: ({id}, upstream) => {
          const text = 'server demo: http://far cannot be reached: no way'
          upstream.say(failure(id, -32603, text, {unreachable: true}))
          return undefined
        },
      },
    })
    await expect(linkTo(server).link.ready()).rejects.toMatchObject({
      message: 'server demo: http://far cannot be reached: no way',
      hint: expect.stringContaining('proxy, certificates'),
    })
  })

  test('fails the requests of a server that dies in the moment in which it opens', async () => {
    const server = fakeServer({
      answers: {
        initialize: (_request, upstream) => {
          queueMicrotask(() => upstream.end())
          return {}
        },
      },
    })
    const {link} = linkTo(server)
    await expect(link.request(request(1, 'tools/call'))).rejects.toThrow('server demo ended')
  })

  test('leaves no timer behind', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    await linkTo(fakeServer()).link.ready()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('requests', () => {
  const anyId = fc.oneof(
    fc.constantFrom<Id>(0, '0', 0.5, '', -1, '1', 1),
    fc.string(),
    fc.integer(),
  )

  test('go out under ids and tokens of the connection, and come back under those of the client', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(anyId, anyId), {
          selector: ([id]) => id,
          minLength: 1,
          maxLength: 8,
        }),
        async calls => {
          const server = fakeServer(silent)
          const {link, news} = linkTo(server)
          const answers = Promise.all(
            calls.map(([id, progressToken]) =>
              link.request(
                request(id, 'tools/call', {_meta: {progressToken, other: 1}}),
                asking(id).for,
              ),
            ),
          )
          const upstream = await server.start()
          const sent = await Promise.all(calls.map((_, nth) => upstream.request('tools/call', nth)))
          expect(new Set(sent.map(({id}) => id)).size).toBe(calls.length)
          for (const {id, params} of sent.toReversed()) {
            expect(params).toEqual({_meta: {progressToken: id, other: 1}})
            upstream.say(notification('notifications/progress', {progressToken: id, progress: 0}))
            upstream.say(result(id, {echo: id}))
          }
          expect((await answers).map(({id}) => id)).toEqual(calls.map(([id]) => id))
          const progress = news.items.filter(({kind}) => kind === 'notification')
          expect(progress.map(({about, message}) => ({about, message}))).toEqual(
            calls.toReversed().map(([about, progressToken]) => ({
              about,
              message: notification('notifications/progress', {progressToken, progress: 0}),
            })),
          )
          await link.close()
        },
      ),
      {numRuns: 30},
    )
  })

  test('that became tasks keep their progress token, and others do not', async () => {
    const server = fakeServer({
      answers: {
        'tools/call': ({params}) => (params?.['task'] ? {task: {taskId: 't'}} : {content: []}),
      },
    })
    const {link, news} = linkTo(server)
    const ask = (id: Id, params: JsonObject) =>
      link.request(
        request(id, 'tools/call', {...params, _meta: {progressToken: id}}),
        asking(id).for,
      )
    await Promise.all([ask('plain', {}), ask('', {task: {ttl: 1}})])
    const [upstream] = server.starts
    for (const progressToken of [2, 3]) {
      upstream?.say(notification('notifications/progress', {progressToken, progress: 1}))
    }
    const {message, about} = await news.find(({kind}) => kind === 'notification')
    expect({message, about}).toEqual({
      message: notification('notifications/progress', {progressToken: '', progress: 1}),
      about: undefined,
    })
    expect(news.items.filter(({kind}) => kind === 'notification')).toHaveLength(1)
  })

  test('are answered after the progress that came before the answer', async () => {
    const order: string[] = []
    const server = fakeServer(silent)
    const {link, news} = linkTo(server)
    const call = link
      .request(request(0, 'tools/call', {_meta: {progressToken: 0}}), asking(0).for)
      .then(() => order.push(`answer after ${news.items.length - 1}`))
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    const progress = (value: number) =>
      upstream.say(notification('notifications/progress', {progressToken: id, progress: value}))
    progress(1)
    progress(2)
    upstream.say(result(id, {}))
    progress(3)
    await call
    expect(order).toEqual(['answer after 2'])
  })

  test('get error answers to the letter', async () => {
    const server = fakeServer(silent)
    const {link} = linkTo(server)
    const call = link.request(request('a', 'tools/call'))
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    const error = {code: -32042, message: 'open this', data: {elicitations: [{url: 'x'}]}, more: 1}
    upstream.say({jsonrpc: '2.0', id, error, vendor: true})
    expect(await call).toEqual({jsonrpc: '2.0', id: 'a', error, vendor: true})
  })

  test('reject with the exit code and the last words when the server dies, and then it is started again', async () => {
    const server = fakeServer(silent)
    const {link, news} = linkTo(server)
    const calls = ['a', 'b'].map(id => link.request(request(id, 'tools/call'), asking(id).for))
    const upstream = await server.start()
    await upstream.request('tools/call', 1)
    upstream.end({what: 'ended with exit code 137', stderr: ['one', 'two']})
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({
        code: 'SERVER_ENDED',
        message: 'server demo ended with exit code 137; its last words: one | two',
      })
    }
    expect(link.isOpen).toBe(false)
    const again = link.request(request('c', 'tools/call'))
    const second = await server.start(1)
    second.say(result((await second.request('tools/call')).id, {}))
    expect(isResult(await again)).toBe(true)
    expect(news.items.map(({kind}) => kind)).toEqual([
      'opened',
      'ended',
      'failed',
      'opened',
      'reopened',
    ])
  })

  test('are not answered by what an ended server still sends', async () => {
    const server = fakeServer(silent)
    const {link} = linkTo(server)
    await link.ready()
    const first = await server.start()
    first.end()
    await vi.waitFor(() => expect(link.isOpen).toBe(false))
    const call = link.request(request('c', 'tools/call'))
    const second = await server.start(1)
    const {id} = await second.request('tools/call')
    first.say(result(id, {from: 'the dead'}))
    second.say(result(id, {from: 'the living'}))
    expect(await call).toMatchObject({result: {from: 'the living'}})
  })

  test('answers to which nobody asked are dropped', async () => {
    const server = fakeServer()
    const {link, news} = linkTo(server)
    await link.ready()
    const upstream = await server.start()
    for (const id of [99, '1', 'constructor']) upstream.say(result(id, {}))
    upstream.say(notification('notifications/progress', {progressToken: 99}))
    upstream.say(notification('notifications/progress'))
    expect(news.items.map(({kind}) => kind)).toEqual(['opened'])
  })
})

describe('cancelling', () => {
  test('tells the server its own id and the reason, and drops the late answer', async () => {
    const server = fakeServer(silent)
    const {link} = linkTo(server)
    const {for: call, cancel} = asking('a')
    const answer = link.request(request('a', 'tools/call'), call)
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    cancel({reason: 'too slow', vendor: 1})
    await expect(answer).rejects.toBeInstanceOf(Cancelled)
    const {params} = await upstream.call('notifications/cancelled')
    expect(params).toEqual({requestId: id, reason: 'too slow', vendor: 1})
    upstream.say(result(id, {}))
    cancel()
    expect(upstream.methods.filter(method => method === 'notifications/cancelled')).toHaveLength(1)
  })

  test('keeps a request from a server that is still starting', async () => {
    const gate = Promise.withResolvers<void>()
    const server = fakeServer({...silent, beforeOpen: () => gate.promise})
    const {link} = linkTo(server)
    const {for: call, cancel} = asking(1)
    const answer = link.request(request(1, 'tools/call'), call)
    cancel()
    gate.resolve()
    await expect(answer).rejects.toBeInstanceOf(Cancelled)
    expect(server.starts[0]?.methods).toEqual(['initialize', 'notifications/initialized'])
  })

  test('says nothing about a request that has its answer', async () => {
    const server = fakeServer({answers: {'tools/call': {}}})
    const {link} = linkTo(server)
    const {for: call, cancel} = asking(1)
    await link.request(request(1, 'tools/call'), call)
    cancel()
    expect(server.starts[0]?.methods).not.toContain('notifications/cancelled')
  })
})

describe('what a server says of its own accord', () => {
  test('belongs to the newest request that is in flight, and to none when there is none', async () => {
    const server = fakeServer(silent)
    const {link, news} = linkTo(server)
    await link.ready()
    const upstream = await server.start()
    const seen = async (): Promise<Id | undefined> => {
      upstream.say(notification('notifications/message'))
      return news.items.at(-1)?.about
    }
    const ids: Id[] = []
    const call = async (about: Id, own = false): Promise<void> => {
      const answer = link.request(request(about, 'tools/call'), own ? undefined : asking(about).for)
      answer.catch(() => undefined)
      ids.push((await upstream.request('tools/call', ids.length)).id)
    }
    const answer = (nth: number) => upstream.say(result(ids[nth] ?? 0, {}))
    expect(await seen()).toBeUndefined()
    await call('first')
    await call('second')
    await call('the gateway itself', true)
    expect(await seen()).toBe('second')
    answer(1)
    expect(await seen()).toBe('first')
    await call('third')
    expect(await seen()).toBe('third')
    answer(0)
    answer(3)
    expect(await seen()).toBeUndefined()
  })

  test('belongs to the request on whose stream it comes, and to none on the stream for the rest', async () => {
    const {say, upstream, ids, news} = await twoCalls()
    for (const make of [() => notification('notifications/message'), () => request('q', 'ask')]) {
      expect(say(make(), {request: ids.older})).toBe('older')
      expect(say(make(), {request: ids.newer})).toBe('newer')
      expect(say(make(), 'alone')).toBeUndefined()
    }
    upstream.say(result(ids.older, {}))
    const before = news.items.length
    expect(say(notification('late'), {request: ids.older})).toBeUndefined()
    expect(news.items).toHaveLength(before + 1)
  })

  test('about a task belongs to the request that waits for its result', async () => {
    const {link, upstream, say} = await twoCalls('tasks/result')
    expect(say(askAbout('task of older'))).toBe('older')
    expect(say(askAbout('task of newer'))).toBe('newer')
    // A look at a task is answered at once, and waits for nothing.
    void refusalOf(
      link.request(request('look', 'tasks/get', {taskId: 'task of older'}), asking('look').for),
    )
    await upstream.request('tasks/get')
    expect(say(askAbout('task of older'))).toBe('older')
    expect(say(askAbout('task of nobody'))).toBe('look')
  })

  test('is a sign of the request on whose stream it comes, and of no other', async () => {
    const {say, ids, signs} = await twoCalls()
    for (const message of [
      notification('notifications/message'),
      notification('notifications/progress', {progressToken: 'unknown'}),
      request('p', 'ping'),
    ]) {
      signs.length = 0
      say(message, {request: ids.older})
      expect(signs).toEqual(['older'])
      say(message, 'alone')
      expect(signs).toEqual(['older'])
    }
  })

  test('is a sign of a request, where streams are not told apart, only as a log line while it is the only one', async () => {
    const {say, upstream, ids, signs} = await twoCalls()
    signs.length = 0
    say(notification('notifications/message'))
    expect(signs).toEqual([])
    upstream.say(result(ids.newer, {}))
    say(notification('notifications/resources/updated', {uri: 'x:1'}))
    say(request('p', 'ping'))
    expect(signs).toEqual([])
    say(notification('notifications/message'))
    expect(signs).toEqual(['older'])
  })

  test('a ping is answered here', async () => {
    const server = fakeServer()
    const {link, news} = linkTo(server)
    await link.ready()
    const upstream = await server.start()
    upstream.say(request('p', 'ping'))
    expect(await upstream.answerTo('p')).toEqual(result('p', {}))
    expect(news.items.map(({kind}) => kind)).toEqual(['opened'])
  })
})

describe('closing', () => {
  test('ends the server, its requests, and every later one', async () => {
    const server = fakeServer(silent)
    const {link, news} = linkTo(server)
    const call = refusalOf(link.request(request(1, 'tools/call')))
    const upstream = await server.start()
    await upstream.request('tools/call')
    await link.close()
    expect(await call).toMatchObject({message: expect.stringContaining('was stopped')})
    expect(upstream.isOpen).toBe(false)
    await expect(link.ready()).rejects.toThrow('the session has ended')
    expect(server.attempts).toBe(1)
    expect(news.items.map(({kind}) => kind)).not.toContain('failed')
  })

  test('during a start waits for the server that arrives late, and ends it', async () => {
    const gate = Promise.withResolvers<void>()
    const server = fakeServer({beforeOpen: () => gate.promise})
    const {link, news} = linkTo(server)
    const ready = refusalOf(link.ready())
    const closing = link.close()
    gate.resolve()
    await closing
    expect(await ready).toMatchObject({message: expect.stringContaining('the session has ended')})
    expect(server.starts[0]?.isOpen).toBe(false)
    expect(server.starts[0]?.methods).toEqual([])
    expect(news.items).toEqual([])
  })

  test('during a start tells the start to stop', async () => {
    const server = fakeServer({
      beforeOpen: signal =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')))
        }),
    })
    const {link} = linkTo(server)
    const ready = refusalOf(link.ready())
    await link.close()
    expect(await ready).toMatchObject({message: expect.stringContaining('the session has ended')})
    expect(server.starts).toEqual([])
  })

  test('does not wait for an answer to initialize', async () => {
    const server = fakeServer({hello: undefined})
    const {link} = linkTo(server)
    const ready = refusalOf(link.ready())
    const upstream = await server.start()
    await upstream.call('initialize')
    await link.close()
    expect(await ready).toMatchObject({message: expect.stringContaining('the session has ended')})
    expect(upstream.disposals).toBe(1)
  })

  test('of a link that was never used does nothing', async () => {
    const server = fakeServer()
    await linkTo(server).link.close()
    expect(server.attempts).toBe(0)
  })
})
