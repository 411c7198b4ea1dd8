import {setImmediate as turn} from 'node:timers/promises'
import {afterEach, describe, expect, test, vi} from 'vitest'
import {Cancelled} from '../../../../src/lib/gateway/relay/connection.ts'
import {request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {
  askedBy,
  DONE,
  elicit,
  SILENT,
  never,
  viewOf,
  withCall,
  withParked,
} from '../../../support/legacy-server.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('several callers', () => {
  test('with equal ids get their own questions and answers', async () => {
    const view = viewOf()
    const calls = Array.from({length: 5}, (_, index) => view.make({name: `t${index}`}))
    const asked = await Promise.all(
      calls.map(async (call, index) => {
        const upstream = await view.server.start(index)
        const {params} = await upstream.request('tools/call')
        upstream.say(elicit('q', `for ${JSON.stringify(params?.['name'])}`))
        return askedBy(call)
      }),
    )
    expect(asked.map(({questions}) => questions['1'])).toEqual(
      calls
        .map((_, index) => elicit('q', `for "t${index}"`))
        .map(({method, params}) => ({method, params})),
    )
    // In another order than they came.
    const answers = calls
      .map((call, index) => view.retry(call, asked[index] ?? never(), {1: {content: {index}}}))
      .toReversed()
    for (const [index, upstream] of view.server.starts.entries()) {
      expect(await upstream.answerTo('q')).toEqual(result('q', {content: {index}}))
      upstream.say(result((await upstream.request('tools/call')).id, {index}))
    }
    const found = await Promise.all(answers.map(({answer}) => answer))
    expect(found).toEqual([4, 3, 2, 1, 0].map(index => result(2, {index})))
  })

  test('one after the other are all in the same session', async () => {
    const view = viewOf({script: {...SILENT, answers: {'tools/call': DONE}}})
    for (let count = 0; count < 5; count++) await view.make({name: 't'}).answer
    expect(view.server.attempts).toBe(1)
  })

  test('who cannot be asked anything share a session', async () => {
    const view = viewOf({capabilities: {vendor: {}}})
    for (let count = 0; count < 20; count++) view.make({name: 't'})
    const upstream = await view.server.start()
    await upstream.request('tools/call', 19)
    expect(view.server.attempts).toBe(1)
    upstream.say(elicit('q'))
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
  })

  test('of a server that says whose a question is share a session', async () => {
    const view = viewOf({tellsOrigin: true})
    const first = view.make({name: 'a'})
    const second = view.make({name: 'b'})
    const upstream = await view.server.start()
    const a = await upstream.request('tools/call')
    const b = await upstream.request('tools/call', 1)
    upstream.say(elicit('nobody'), 'alone')
    expect(await upstream.answerTo('nobody')).toMatchObject({error: {code: -32_603}})
    upstream.say(elicit('b', 'for b'), {request: b.id})
    upstream.say(elicit('a', 'for a'), {request: a.id})
    expect((await askedBy(first)).questions).toMatchObject({1: {params: {message: 'for a'}}})
    expect((await askedBy(second)).questions).toMatchObject({1: {params: {message: 'for b'}}})
    expect(view.server.attempts).toBe(1)
  })

  test('of such a server are asked nothing that belongs to another request, but what can only be theirs', async () => {
    const script = {...SILENT, answers: {...SILENT.answers, 'tools/list': () => undefined}}
    const view = viewOf({script, tellsOrigin: true})
    const call = view.make({name: 'a'})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    view.make({}, {method: 'tools/list'})
    const own = request('own', 'tools/list')
    view.link.request(own).catch(() => undefined)
    const lists = [await upstream.request('tools/list'), await upstream.request('tools/list', 1)]
    for (const {id} of lists) {
      upstream.say(elicit(`of ${id}`), {request: id})
      expect(await upstream.answerTo(`of ${id}`)).toMatchObject({error: {code: -32_603}})
    }
    upstream.say(elicit('q'), 'alone')
    expect((await askedBy(call)).questions).toMatchObject({1: {method: 'elicitation/create'}})
  })

  test('do not share a session with a call that waits for its client, but for lists', async () => {
    const view = await withParked({
      script: {...SILENT, answers: {...SILENT.answers, 'tools/list': {tools: []}}},
    })
    view.make({name: 'other'})
    await (await view.server.start(1)).request('tools/call')
    expect(await view.make({}, {method: 'tools/list'}).answer).toEqual(result(1, {tools: []}))
    expect(view.upstream.methods).toContain('tools/list')
  })
})

describe('a session', () => {
  test('that others have is waited for, in the order of the calls', async () => {
    const view = viewOf()
    const calls = Array.from({length: 10}, (_, index) => view.make({name: `t${index}`}))
    const eighth = await view.server.start(7)
    const {id} = await eighth.request('tools/call')
    expect(view.server.attempts).toBe(8)
    eighth.say(result(id, DONE))
    expect(await calls[7]?.answer).toEqual(result(1, DONE))
    const next = await eighth.request('tools/call', 1)
    expect(next.params?.['name']).toBe('t8')
    expect(view.server.attempts).toBe(8)
  })

  test('is waited for no longer by a client that leaves', async () => {
    const view = viewOf()
    for (let count = 0; count < 8; count++) view.make({name: 't'})
    const gone = view.make({name: 'gone'})
    view.make({name: 'stays'})
    gone.cancel()
    expect(await gone.refusal).toBeInstanceOf(Cancelled)
    const upstream = await view.server.start(3)
    upstream.say(result((await upstream.request('tools/call')).id, DONE))
    expect((await upstream.request('tools/call', 1)).params?.['name']).toBe('stays')
  })

  test('is waited for by a hundred, and for a minute, with words on who has them', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const view = viewOf()
    const calls = Array.from({length: 108}, () => view.make({name: 't'}))
    const upstream = await view.server.start(0)
    await upstream.request('tools/call')
    upstream.say(elicit('q'))
    await vi.advanceTimersByTimeAsync(20)
    await askedBy(calls[0] ?? never())
    expect(await view.make({name: 'one more'}).refusal).toMatchObject({
      code: 'SERVER_BUSY',
      message: expect.stringContaining('of its 8 sessions 1 wait for the answers of users, and 7'),
    })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await calls[8]?.refusal).toMatchObject({code: 'SERVER_BUSY'})
    expect(await calls[107]?.refusal).toMatchObject({code: 'SERVER_BUSY'})
  })

  test('beyond the first is closed after a minute without calls', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const view = viewOf({script: {...SILENT, answers: {'tools/call': DONE}}})
    await Promise.all([view.make({name: 'a'}).answer, view.make({name: 'b'}).answer])
    const [first, second] = view.server.starts
    await vi.advanceTimersByTimeAsync(59_999)
    expect(second?.isOpen).toBe(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(second?.isOpen).toBe(false)
    expect(first?.isOpen).toBe(true)
    expect(view.failures.items).toEqual([])
  })

  test('is kept when a server that never asks anything does not answer a cancelled call', async () => {
    const {call, make, server, upstream} = await withCall()
    call.cancel()
    await call.refusal
    make({name: 'next'})
    expect((await upstream.request('tools/call', 1)).params?.['name']).toBe('next')
    expect(server.attempts).toBe(1)
    // It may be the cancelled call that asks.
    upstream.say(elicit('q'))
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
  })

  test('is kept when the server answers a call that was cancelled at a question', async () => {
    const {call, upstream, id, retry, asked, make, server} = await withParked()
    const again = retry(call, asked, {})
    again.cancel()
    await again.refusal
    upstream.say(result(id, {isError: true}))
    await turn()
    make({name: 'next'})
    expect((await upstream.request('tools/call', 1)).params?.['name']).toBe('next')
    expect(server.attempts).toBe(1)
  })

  test('is replaced when it does not, so that nobody else is asked', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const view = viewOf()
    const call = view.make({name: 't'})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    upstream.say(elicit('q'))
    call.cancel()
    await call.refusal
    const next = view.make({name: 'next'})
    await (await view.server.start(1)).request('tools/call')
    upstream.say(elicit('again'))
    expect(await upstream.answerTo('again')).toMatchObject({error: {code: -32_603}})
    await vi.advanceTimersByTimeAsync(2000)
    expect(upstream.isOpen).toBe(false)
    view.make({name: 'last'})
    await (await view.server.start(2)).request('tools/call')
    next.cancel()
  })

  test('that is replaced answers what it was asked before, and those who watch it begin anew', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const hello = {capabilities: {tools: {listChanged: true}}}
    const answers = {...SILENT.answers, 'tools/list': () => undefined}
    const view = viewOf({script: {hello, answers}})
    const call = view.make({name: 't'})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    const list = view.make({}, {method: 'tools/list'})
    const {id} = await upstream.request('tools/list')
    const {signal} = new AbortController()
    const watch = await view.link.watch({toolsListChanged: true}, () => undefined, signal)
    upstream.say(elicit('q'))
    call.cancel()
    await call.refusal
    await vi.advanceTimersByTimeAsync(2000)
    expect(view.link.isOpen).toBe(false)
    expect(upstream.isOpen).toBe(true)
    upstream.say(result(id, {tools: []}))
    expect(await list.answer).toEqual(result(1, {tools: []}))
    await watch.ended
    expect(upstream.isOpen).toBe(false)
    view.make({}, {method: 'tools/list'})
    await (await view.server.start(1)).request('tools/list')
  })

  test('that is replaced is closed in the end although the server owes answers', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const view = viewOf({
      script: {...SILENT, answers: {...SILENT.answers, 'tools/list': () => undefined}},
    })
    const call = view.make({name: 't'})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    const list = view.make({}, {method: 'tools/list'})
    await upstream.request('tools/list')
    upstream.say(elicit('q'))
    call.cancel()
    await vi.advanceTimersByTimeAsync(61_999)
    expect(upstream.isOpen).toBe(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(upstream.isOpen).toBe(false)
    expect(await list.refusal).toMatchObject({code: 'SERVER_START_FAILED'})
  })
})
