import {afterEach, beforeEach, describe, expect, onTestFinished, test, vi} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {Lives} from '../../../../src/lib/gateway/lives.ts'
import {Link} from '../../../../src/lib/gateway/relay/link.ts'
import type {WayPolicy} from '../../../../src/lib/gateway/relay/way-input.ts'
import {
  failure,
  isResult,
  notification,
  request,
  result,
  type Response,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {fakeServer, type FakeScript, type FakeServer} from '../../../support/fake-upstream.ts'

const IDLE_MS = 300_000
const ANSWERS = {
  'tools/call': {content: []},
  'tools/list': {tools: []},
  'resources/subscribe': {},
  'resources/unsubscribe': {},
  ping: {},
}

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'],
    }),
)
afterEach(() => void vi.useRealTimers())

const START = 'see its needs with: docker mcp server inspect demo'
const UNSURE = 'it may have done what it was asked: look, and then ask again'

interface World {
  readonly link: Link
  readonly lives: Lives
  readonly failed: PluginError[]
  readonly updated: string[]
}

/** A link to a server that may sleep, by a clock that the test turns on. */
function linkTo(
  server: FakeServer,
  {idleMs = IDLE_MS, isPinged = false, serves = 'session'}: Partial<WayPolicy> = {},
): World {
  const lives = new Lives(Date.now)
  const failed: PluginError[] = []
  const updated: string[] = []
  const link = new Link(
    {
      server: 'demo',
      session: 's',
      hello: {protocolVersion: '2025-11-25', params: {}},
      open: server.open,
      startTimeoutMs: 60_000,
      policy: {idleMs: idleMs === 0 ? undefined : idleMs, isPinged, serves},
      life: lives.of('demo'),
      now: () => performance.now(),
    },
    {
      onServerRequest: () => undefined,
      onNotification: () => undefined,
      onOpened: () => undefined,
      onReopened: (_from, uris) => void updated.push(...uris),
      onFailed: error => void failed.push(error),
      onEnded: () => undefined,
    },
  )
  onTestFinished(() => link.close())
  return {link, lives, failed, updated}
}

function answering(script: FakeScript = {}): FakeServer {
  return fakeServer({...script, answers: {...ANSWERS, ...script.answers}})
}

function call(link: Link, method = 'tools/call', params = {}): Promise<Response> {
  return link.request(request(1, method, params))
}

function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** The same server, which has said something on stderr before it ends. */
function wordy(server: FakeServer): FakeServer {
  return {
    ...server,
    open: async opening => {
      const upstream = await server.open(opening)
      const words = {stderr: ['listening'], junk: 'hello'}
      return {
        closed: upstream.closed.then(reason => ({...reason, ...words})),
        redact: text => upstream.redact(text),
        send: message => upstream.send(message),
        [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
      }
    },
  }
}

const RESTARTED = 'server demo was restarted'
const stateOf = (lives: Lives) => lives.report()[0]?.state

describe('a server that nobody uses', () => {
  test('is ended quietly, and opened again by the next request', async () => {
    const server = answering()
    const {link, lives, failed} = linkTo(server)
    await call(link)
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1)
    expect([server.starts[0]?.isOpen, stateOf(lives)]).toEqual([true, 'idle'])
    await vi.advanceTimersByTimeAsync(1)
    expect([server.starts[0]?.isOpen, stateOf(lives), link.isOpen]).toEqual([
      false,
      'sleeping',
      false,
    ])
    expect(isResult(await call(link))).toBe(true)
    expect(stateOf(lives)).toBe('ready')
    expect(server.attempts).toBe(2)
    expect(lives.report()[0]?.restarts).toBe(0)
    expect(failed).toEqual([])
  })

  test('is ended after 30 s when it was only asked what it can do', async () => {
    const server = answering()
    const {link} = linkTo(server)
    await call(link, 'tools/list')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(link.isOpen).toBe(false)
    await call(link)
    await call(link, 'tools/list')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(link.isOpen).toBe(true)
  })

  test('stays where that is said, also when it was only asked what it can do', async () => {
    const {link} = linkTo(answering(), {idleMs: 0})
    await call(link, 'tools/list')
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(link.isOpen).toBe(true)
  })

  test('is not ended while a request is in flight', async () => {
    const server = answering({answers: {'tools/call': () => undefined}})
    const {link, lives} = linkTo(server)
    const answer = call(link)
    const upstream = await server.start()
    const asked = await upstream.request('tools/call')
    await vi.advanceTimersByTimeAsync(IDLE_MS * 3)
    expect([link.isOpen, stateOf(lives)]).toEqual([true, 'ready'])
    upstream.say(result(asked.id, {}))
    await answer
    await vi.advanceTimersByTimeAsync(IDLE_MS)
    expect(link.isOpen).toBe(false)
  })

  test('is not ended while the client has a subscription', async () => {
    const {link} = linkTo(answering())
    await call(link, 'resources/subscribe', {uri: 'a:1'})
    await vi.advanceTimersByTimeAsync(IDLE_MS * 3)
    expect(link.isOpen).toBe(true)
    await call(link, 'resources/unsubscribe', {uri: 'a:1'})
    await vi.advanceTimersByTimeAsync(IDLE_MS)
    expect(link.isOpen).toBe(false)
  })

  test.each([
    ['tasks/get', {status: 'completed'}],
    ['tasks/get', undefined],
    ['tasks/result', {content: []}],
    ['tasks/cancel', {status: 'cancelled'}],
  ])('is not ended before %s tells that its task is over (%j)', async (method, end) => {
    const server = answering({
      answers: {
        'tools/call': {task: {taskId: 't1', status: 'working', ttl: null}},
        [method]: ({id, params}, upstream) => {
          if (end) return {taskId: params?.['taskId'], ...end}
          upstream.say(failure(id, -32602, 'no such task'))
          return undefined
        },
      },
    })
    const {link} = linkTo(server)
    await call(link)
    await vi.advanceTimersByTimeAsync(IDLE_MS * 3)
    expect(link.isOpen).toBe(true)
    await call(link, method, {taskId: 't1'})
    await vi.advanceTimersByTimeAsync(IDLE_MS)
    expect(link.isOpen).toBe(false)
  })

  test('is not kept by a task that it says is over, or may have forgotten', async () => {
    const server = answering({
      answers: {
        'tools/call': ({params}) => ({
          task: {taskId: params?.['name'], status: 'working', ttl: IDLE_MS * 2},
        }),
      },
    })
    const {link} = linkTo(server)
    await call(link, 'tools/call', {name: 't1'})
    const upstream = await server.start()
    upstream.say(notification('notifications/tasks/status', {taskId: 't1', status: 'failed'}))
    await vi.advanceTimersByTimeAsync(IDLE_MS)
    expect(link.isOpen).toBe(false)
    await call(link, 'tools/call', {name: 't2'})
    await vi.advanceTimersByTimeAsync(IDLE_MS)
    expect(link.isOpen).toBe(true)
    await vi.advanceTimersByTimeAsync(IDLE_MS * 2)
    expect(link.isOpen).toBe(false)
  })

  test('is not ended while it waits for the answer to a question', async () => {
    const server = answering()
    const {link} = linkTo(server)
    await call(link)
    const upstream = await server.start()
    upstream.say(request('q', 'elicitation/create', {}))
    await vi.advanceTimersByTimeAsync(IDLE_MS * 3)
    expect(link.isOpen).toBe(true)
  })

  test('that is just being ended has ended before the next one is opened, and nothing is sent twice', async () => {
    const ends = Promise.withResolvers<void>()
    const server = answering()
    const slow: FakeServer = {
      ...server,
      open: async opening => {
        const upstream = await server.open(opening)
        return {
          closed: upstream.closed,
          redact: text => upstream.redact(text),
          send: message => upstream.send(message),
          async [Symbol.asyncDispose]() {
            await ends.promise
            await upstream[Symbol.asyncDispose]()
          },
        }
      },
    }
    const {link} = linkTo(slow)
    await call(link)
    await vi.advanceTimersByTimeAsync(IDLE_MS)
    const answer = call(link)
    await vi.advanceTimersByTimeAsync(1000)
    expect([server.attempts, link.isOpen]).toEqual([1, false])
    ends.resolve()
    expect(isResult(await answer)).toBe(true)
    const calls = server.starts.map(({methods}) => methods.filter(m => m === 'tools/call').length)
    expect(calls).toEqual([1, 1])
  })
})

describe('a server that ends by itself', () => {
  test('is opened at once by the next request, and counted', async () => {
    const server = answering({answers: {'tools/call': () => undefined}})
    const {link, lives, failed} = linkTo(server)
    const lost = refusalOf(call(link))
    const first = await server.start()
    await first.request('tools/call')
    first.end({what: 'ended with exit code 137', stderr: ['out of luck']})
    expect(await lost).toMatchObject({
      code: 'SERVER_ENDED',
      message: 'server demo ended with exit code 137; its last words: out of luck',
      hint: UNSURE,
    })
    expect(stateOf(lives)).toBe('failed')
    expect(await refusalOf(link.ready())).toBeUndefined()
    expect(first.methods.filter(method => method === 'tools/call')).toHaveLength(1)
    expect(server.starts[1]?.methods).not.toContain('tools/call')
    expect(failed).toHaveLength(1)
    expect(lives.report()[0]).toMatchObject({restarts: 1, lastError: {code: 'SERVER_START_FAILED'}})
  })

  test('again and again is waited for up to 2 s, and then refused with the reason and the time', async () => {
    const server = answering()
    const {link, failed} = linkTo(server)
    const crash = async () => {
      await link.ready()
      server.starts.at(-1)?.end()
      await vi.advanceTimersByTimeAsync(0)
    }
    await crash()
    await crash()
    const soon = call(link)
    await vi.advanceTimersByTimeAsync(999)
    expect(server.attempts).toBe(2)
    await vi.advanceTimersByTimeAsync(1)
    expect(isResult(await soon)).toBe(true)
    await crash()
    expect(await refusalOf(call(link))).toMatchObject({
      code: 'SERVER_START_FAILED',
      hint: START,
      message: 'server demo ended with exit code 3; it is not started again before 2 s have passed',
    })
    expect(server.attempts).toBe(3)
    await vi.advanceTimersByTimeAsync(2000)
    await call(link)
    expect(server.attempts).toBe(4)
    // Who runs for 10 s is forgiven.
    await vi.advanceTimersByTimeAsync(10_000)
    await crash()
    await call(link)
    expect(server.attempts).toBe(5)
    expect(failed).toHaveLength(4)
  })

  test.each(['ENGINE_FAILED', 'ENGINE_UNREACHABLE', 'SECRET_MISSING'] as const)(
    'is tried again at once after %s, however often',
    async code => {
      let left = 20
      const server = answering({
        beforeOpen: () => {
          left -= 1
          if (left > 0) throw new PluginError(code, 'not there')
        },
      })
      const {link} = linkTo(server)
      for (let nth = 1; nth < 20; nth += 1) {
        expect(await refusalOf(call(link))).toMatchObject({code})
      }
      expect(isResult(await call(link))).toBe(true)
    },
  )

  test('is told with the next step when it cannot be started', async () => {
    const server = answering({
      beforeOpen: () => {
        throw new Error('no such thing')
      },
    })
    expect(await refusalOf(call(linkTo(server).link))).toMatchObject({
      code: 'SERVER_START_FAILED',
      message: 'server demo: no such thing',
      hint: START,
    })
  })

  test('before it has answered initialize was never asked anything', async () => {
    const server = answering({answers: {initialize: () => undefined}})
    const lost = refusalOf(call(linkTo(server).link))
    const upstream = await server.start()
    await upstream.request('initialize')
    upstream.end()
    expect(await lost).toMatchObject({code: 'SERVER_START_FAILED', hint: START})
  })

  test('is opened again in the background while the client has a subscription', async () => {
    const server = answering()
    const {link, updated} = linkTo(server)
    await call(link, 'resources/subscribe', {uri: 'a:1'})
    server.starts[0]?.end()
    await vi.advanceTimersByTimeAsync(1500)
    expect(link.isOpen).toBe(true)
    expect(updated).toEqual(['a:1'])
    expect((await server.starts[1]?.call('resources/subscribe'))?.params).toEqual({uri: 'a:1'})
  })

  test('is left alone when nobody asks', async () => {
    const server = answering()
    const {link} = linkTo(server)
    await call(link)
    server.starts[0]?.end()
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(server.attempts).toBe(1)
  })
})

describe('a server that hangs', () => {
  test('is found by a ping and ended, and the next request opens it again', async () => {
    const server = answering({answers: {ping: () => undefined}})
    const {link, lives, failed} = linkTo(server, {isPinged: true})
    await call(link)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(server.starts[0]?.methods).toContain('ping')
    await vi.advanceTimersByTimeAsync(14_999)
    expect(link.isOpen).toBe(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(link.isOpen).toBe(false)
    expect(failed.map(({message}) => message)).toEqual([
      'server demo did not answer a ping within 15 s',
    ])
    expect([stateOf(lives), server.starts[0]?.disposals]).toEqual(['failed', 1])
    expect(isResult(await call(link))).toBe(true)
    expect(lives.report()[0]?.restarts).toBe(1)
  })

  test('is one that says nothing, not one that knows no ping', async () => {
    const {ping: _, ...answers} = ANSWERS
    const server = fakeServer({answers})
    const {link, failed} = linkTo(server, {isPinged: true, idleMs: 0})
    await call(link)
    await vi.advanceTimersByTimeAsync(600_000)
    expect(link.isOpen).toBe(true)
    expect(failed).toEqual([])
    expect(server.starts[0]?.methods.filter(method => method === 'ping').length).toBe(10)
  })

  test('is not one that was asked something else meanwhile', async () => {
    const server = answering({answers: {ping: () => undefined, 'tools/call': () => undefined}})
    const {link, failed} = linkTo(server, {isPinged: true, idleMs: 0})
    const answer = call(link)
    const upstream = await server.start()
    const asked = await upstream.request('tools/call')
    await vi.advanceTimersByTimeAsync(600_000)
    // Whoever is at work is not asked.
    expect(upstream.methods).not.toContain('ping')
    upstream.say(result(asked.id, {}))
    expect(isResult(await answer)).toBe(true)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(upstream.methods).toContain('ping')
    await call(link, 'tools/list')
    await vi.advanceTimersByTimeAsync(15_000)
    expect(link.isOpen).toBe(true)
    expect(failed).toEqual([])
    // The first ping is still without an answer.
    await vi.advanceTimersByTimeAsync(60_000)
    expect(link.isOpen).toBe(false)
    expect(upstream.methods.filter(method => method === 'ping')).toHaveLength(1)
  })

  test('does not count as used for being asked', async () => {
    const {link} = linkTo(answering(), {isPinged: true, idleMs: 120_000})
    await call(link)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(link.isOpen).toBe(false)
  })
})

describe('a server that somebody starts anew', () => {
  test('fails what is in flight with that reason, and is opened again', async () => {
    const server = answering({answers: {'tools/call': () => undefined}})
    const {link, lives, failed} = linkTo(server)
    const lost = refusalOf(call(link))
    await (await server.start()).request('tools/call')
    const reopen = await lives.of('demo').stop('was restarted')
    expect(await lost).toMatchObject({message: 'server demo was restarted'})
    expect([reopen.length, stateOf(lives)]).toEqual([1, 'sleeping'])
    await reopen[0]?.()
    expect([link.isOpen, server.attempts]).toEqual([true, 2])
    expect(failed).toEqual([])
  })

  test('while it starts is given up, and opened again', async () => {
    const gate = Promise.withResolvers<void>()
    const server = answering({beforeOpen: () => gate.promise})
    const {link, lives, failed} = linkTo(server)
    const lost = refusalOf(call(link))
    const stopping = lives.of('demo').stop('was restarted')
    gate.resolve()
    const reopen = await stopping
    expect(await lost).toMatchObject({message: 'server demo was restarted'})
    expect(server.starts.map(({isOpen}) => isOpen)).toEqual([false])
    await reopen[0]?.()
    expect([link.isOpen, failed]).toEqual([true, []])
  })

  test('while it shakes hands is given up, and the call is not sent to what ends', async () => {
    const server = answering({answers: {initialize: () => undefined}})
    const {link, lives, failed} = linkTo(server)
    const lost = refusalOf(call(link))
    const upstream = await server.start()
    const hello = await upstream.request('initialize')
    // The answer is there, and so is the wish to end it, before anybody has looked at either.
    upstream.say(result(hello.id, {capabilities: {}}))
    const reopen = await lives.of('demo').stop('was restarted')
    expect(await lost).toMatchObject({code: 'SERVER_START_FAILED', message: RESTARTED})
    expect([upstream.methods.includes('tools/call'), upstream.isOpen]).toEqual([false, false])
    expect([failed, lives.report()[0]?.lastError, stateOf(lives)]).toEqual([
      [],
      undefined,
      'sleeping',
    ])
    expect(reopen).toHaveLength(1)
  })

  test('is not blamed for it: its last words have nothing to do with the end', async () => {
    const server = answering({answers: {'tools/call': () => undefined}})
    const {link, lives} = linkTo(wordy(server))
    const lost = refusalOf(call(link))
    await (await server.start()).request('tools/call')
    await lives.of('demo').stop('was restarted')
    expect(await lost).toMatchObject({code: 'SERVER_ENDED', message: RESTARTED, hint: UNSURE})
  })

  test.each(['before', 'after'])(
    'is not opened when its session ends %s the end of what ran',
    async when => {
      const server = answering()
      const {link, lives} = linkTo(server)
      await call(link)
      const stopping = lives.of('demo').stop('was restarted')
      if (when === 'before') await link.close()
      const reopen = await stopping
      expect(reopen).toHaveLength(when === 'before' ? 0 : 1)
      await link.close()
      expect(await Promise.all(reopen.map(open => open()))).toEqual(reopen.map(() => false))
      expect(server.attempts).toBe(1)
    },
  )

  test('is not opened before it is needed when each call has a container', async () => {
    const server = answering({answers: {'tools/call': () => undefined}})
    const {link, lives} = linkTo(server, {serves: 'call'})
    const lost = refusalOf(call(link))
    await (await server.start()).request('tools/call')
    expect(await lives.of('demo').stop('was restarted')).toEqual([])
    expect(await lost).toMatchObject({code: 'SERVER_ENDED', message: RESTARTED})
  })

  test('need not wait any more for what it did wrong', async () => {
    const server = answering()
    const {link, lives} = linkTo(server)
    for (let crash = 0; crash < 3; crash += 1) {
      await vi.advanceTimersByTimeAsync(1999)
      await link.ready()
      server.starts.at(-1)?.end()
      await vi.advanceTimersByTimeAsync(0)
    }
    expect(await refusalOf(call(link))).toBeInstanceOf(PluginError)
    expect(await lives.of('demo').stop('was restarted')).toEqual([])
    expect(isResult(await call(link))).toBe(true)
  })
})
