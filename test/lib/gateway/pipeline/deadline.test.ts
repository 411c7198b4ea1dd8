import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import type {Call, Handler} from '../../../../src/lib/gateway/pipeline/call.ts'
import {limitTime} from '../../../../src/lib/gateway/pipeline/deadline.ts'
import {compose} from '../../../../src/lib/gateway/pipeline/call.ts'
import {explainFailures} from '../../../../src/lib/gateway/pipeline/explain.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {answering, callOf, hanging} from '../../../support/calls.ts'
import {connectedClient} from '../../../support/fake-client.ts'
import {fakeServer, toolScript, type FakeScript} from '../../../support/fake-upstream.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Makes a call with a limit of two seconds; `outcome` is what became of it. */
function limited(next: Handler, more: Partial<Call> = {}) {
  const outcome = vi.fn<(value: unknown) => void>()
  void limitTime(() => 2000)(next)({...callOf('tool'), ...more}).then(outcome, outcome)
  return outcome
}

/** A handler that hangs and keeps its calls, so that a test can tell of what happens to them. */
function live() {
  const calls: Call[] = []
  const next: Handler = call => {
    calls.push(call)
    return hanging(call)
  }
  return {next, sign: (isUserAsked = false) => calls[0]?.onProgress?.(isUserAsked)}
}

const govern = (send: Handler) => compose([explainFailures(), limitTime(() => 2000)], send)

describe('limitTime', () => {
  test('fails a call of which its server gives no sign, with server, tool, limit and next step', async () => {
    const outcome = limited(hanging)
    await vi.advanceTimersByTimeAsync(1999)
    expect(outcome).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(outcome).toHaveBeenCalledWith(
      expect.objectContaining({
        code: 'CALL_TIMEOUT',
        message: 'tool thing of server demo gave no sign for 2 s',
        hint: expect.stringContaining('callTimeout'),
      }),
    )
  })

  test('starts the time anew with each sign, and passes the sign on', async () => {
    const onProgress = vi.fn<(isUserAsked: boolean) => void>()
    const {next, sign} = live()
    const outcome = limited(next, {onProgress})
    for (let i = 0; i < 5; i += 1) {
      await vi.advanceTimersByTimeAsync(1500)
      sign()
    }
    expect(outcome).not.toHaveBeenCalled()
    expect(onProgress).toHaveBeenCalledTimes(6)
    await vi.advanceTimersByTimeAsync(2000)
    expect(outcome).toHaveBeenCalledOnce()
  })

  test('gives the user an hour to answer, and then the server its limit', async () => {
    const {next, sign} = live()
    const outcome = limited(next)
    sign(true)
    await vi.advanceTimersByTimeAsync(3_599_999)
    sign(false)
    await vi.advanceTimersByTimeAsync(1999)
    expect(outcome).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(outcome).toHaveBeenCalledOnce()
  })

  test('does not wait for ever for the user', async () => {
    const {next, sign} = live()
    const outcome = limited(next)
    sign(true)
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(outcome).toHaveBeenCalledWith(
      expect.objectContaining({message: expect.stringContaining('3600 s')}),
    )
  })

  test('counts no time before the call is sent', async () => {
    const outcome = limited(() => new Promise(() => undefined))
    await vi.advanceTimersByTimeAsync(1_000_000)
    expect(outcome).not.toHaveBeenCalled()
  })

  test('leaves the reason to the client when it is the client that gives up', async () => {
    const client = new AbortController()
    const reason = new Error('the client cancelled the request')
    const outcome = limited(hanging, {signal: client.signal})
    client.abort(reason)
    await vi.advanceTimersByTimeAsync(0)
    expect(outcome).toHaveBeenCalledWith(reason)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('hands on a call that was given up before', async () => {
    const reason = new Error('gone')
    const outcome = limited(
      async ({signal}) => {
        signal.throwIfAborted()
        throw new Error('it was sent')
      },
      {signal: AbortSignal.abort(reason)},
    )
    await vi.advanceTimersByTimeAsync(0)
    expect(outcome).toHaveBeenCalledWith(reason)
  })

  test('leaves no timer behind', async () => {
    const outcome = limited(call => {
      call.onProgress?.(false)
      return answering({done: true})(call)
    })
    await vi.advanceTimersByTimeAsync(0)
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({result: {done: true}}))
    expect(vi.getTimerCount()).toBe(0)
  })

  test('has nothing to do with a server without a limit', async () => {
    const next = vi.fn<Handler>(answering({}))
    const call = callOf('tool')
    await limitTime(() => undefined)(next)(call)
    expect(next).toHaveBeenCalledWith(call)
  })
})

describe('a session whose calls have a limit', () => {
  const silent: FakeScript = {
    ...toolScript('think'),
    answers: {...toolScript('think').answers, 'tools/call': () => undefined},
  }

  /** A client with a call under way at a server that does not answer it. */
  async function calling(script: FakeScript = silent) {
    const server = fakeServer(script)
    const client = await connectedClient(
      {servers: {demo: server}, govern},
      {capabilities: {elicitation: {}}},
    )
    const params = {name: 'think', _meta: {progressToken: 'p'}}
    const answer = client.send(request('call', 'tools/call', params))
    const upstream = await server.start()
    const call = await upstream.request('tools/call')
    return {client, upstream, call, answer}
  }

  test('tells the server that it gave up, answers the client, and drops what comes late', async () => {
    const {client, upstream, call, answer} = await calling()
    await vi.advanceTimersByTimeAsync(2000)
    expect((await upstream.call('notifications/cancelled')).params).toEqual({
      requestId: call.id,
      reason: 'tool think of server demo gave no sign for 2 s',
    })
    expect(await answer).toMatchObject({id: 'call', result: {isError: true}})
    const before = client.arrived.items.length
    upstream.say(result(call.id, {content: []}))
    await client.ask('ping')
    expect(client.arrived.items.length).toBe(before + 1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('waits on while the server reports progress', async () => {
    const {upstream, call, answer} = await calling()
    for (let progress = 0; progress < 3; progress += 1) {
      await vi.advanceTimersByTimeAsync(1500)
      upstream.say(notification('notifications/progress', {progressToken: call.id, progress}))
    }
    upstream.say(result(call.id, {content: []}))
    expect(await answer).toEqual(result('call', {content: []}))
  })

  test.each([
    ['answered', 'g-1'],
    ['withdrawn', undefined],
  ])('waits on while the user is asked something, until that is %s', async (_, id) => {
    const {client, upstream, answer} = await calling()
    upstream.say(request(7, 'elicitation/create', {message: 'which one?'}))
    await client.asked('elicitation/create')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(upstream.methods).not.toContain('notifications/cancelled')
    if (id) client.session.receive(result(id, {action: 'cancel'}))
    else upstream.say(notification('notifications/cancelled', {requestId: 7}))
    await vi.advanceTimersByTimeAsync(2000)
    expect(await answer).toMatchObject({result: {isError: true}})
  })

  test('gives a slow start its own time', async () => {
    const server = fakeServer({
      ...silent,
      beforeOpen: () => new Promise(resolve => void setTimeout(resolve, 50_000)),
    })
    const client = await connectedClient({servers: {demo: server}, govern: limitTime(() => 2000)})
    const answer = client.send(request('call', 'tools/call', {name: 'think'}))
    await vi.advanceTimersByTimeAsync(50_000)
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say(result(id, {content: []}))
    expect(await answer).toEqual(result('call', {content: []}))
  })
})
