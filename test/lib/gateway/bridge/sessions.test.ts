import {setImmediate as turn} from 'node:timers/promises'
import {afterEach, describe, expect, test, vi} from 'vitest'
import {Cancelled} from '../../../../src/lib/gateway/relay/connection.ts'
import {Parking} from '../../../../src/lib/gateway/bridge/parking.ts'
import {Seal} from '../../../../src/lib/gateway/bridge/seal.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
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

  test('over HTTP get questions that say nothing of any call, too, each in a session of its own', async () => {
    const view = viewOf({tellsOrigin: true})
    const calls = [view.make({name: 'a'}), view.make({name: 'b'})]
    for (const [index, call] of calls.entries()) {
      const upstream = await view.server.start(index)
      expect((await upstream.request('tools/call')).params).toEqual(call.message.params)
      upstream.say(elicit('q', `number ${index}`), 'alone')
      const {questions} = await askedBy(call)
      expect(questions).toMatchObject({1: {params: {message: `number ${index}`}}})
    }
  })

  test('over HTTP are not asked what comes when no call runs, or belongs to one that was given up', async () => {
    const view = viewOf({tellsOrigin: true})
    await view.link.ready()
    const upstream = await view.server.start()
    upstream.say(request('early', 'roots/list'), 'alone')
    expect(await upstream.answerTo('early')).toMatchObject({error: {code: -32_603}})
    const call = view.make({name: 'a'})
    const {id} = await upstream.request('tools/call')
    call.cancel()
    await call.refusal
    view.make({name: 'b'})
    await (await view.server.start(1)).request('tools/call')
    upstream.say(elicit('late'), 'alone')
    upstream.say(elicit('of it'), {request: id})
    expect(await upstream.answerTo('late')).toMatchObject({error: {code: -32_603}})
    expect(await upstream.answerTo('of it')).toMatchObject({error: {code: -32_603}})
  })

  test('over HTTP are asked nothing that belongs to another request, but what can only be theirs', async () => {
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

  test('is waited for by a thousand, with true words on who has them', async () => {
    const view = viewOf()
    for (let count = 0; count < 1008; count++) view.make({name: 't'})
    expect(await view.make({name: 'one more'}).refusal).toMatchObject({
      code: 'SERVER_BUSY',
      message: expect.stringContaining('wait for the answers of users: 0; at work: 8'),
      hint: 'try again when other calls are done',
    })
  })

  test('is waited for by all calls of a burst', async () => {
    const view = viewOf({script: {...SILENT, answers: {'tools/call': DONE}}})
    const calls = Array.from({length: 130}, () => view.make({name: 't'}).answer)
    expect(await Promise.all(calls)).toEqual(calls.map(() => result(1, DONE)))
    expect(view.server.attempts).toBe(8)
  })

  test('is waited for as long as others are at work, and else for a minute', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval']})
    const parking = new Parking({seal: new Seal(), now: () => 0})
    while (parking.places.take());
    const view = viewOf({parking})
    const call = view.make({name: 't'})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    const waits = view.make({name: 'waits'})
    await vi.advanceTimersByTimeAsync(600_000)
    upstream.say(elicit('q'))
    await vi.advanceTimersByTimeAsync(20)
    await askedBy(call)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await waits.refusal).toMatchObject({
      code: 'SERVER_BUSY',
      message: expect.stringContaining('wait for the answers of users: 1; at work: 0'),
      hint: 'answer what was asked, or cancel it',
    })
  })

  test('beyond the first has one of 32 places that all servers and views share', async () => {
    const parking = new Parking({seal: new Seal(), now: () => 0})
    const views = Array.from({length: 6}, (_, index) => viewOf({parking, view: `view ${index}`}))
    const calls = views.map(view => Array.from({length: 8}, () => view.make({name: 't'})))
    await Promise.all(views.map(async ({server}) => (await server.start()).request('tools/call')))
    expect(views.map(({server}) => server.attempts)).toEqual([8, 8, 8, 8, 5, 1])
    await views[0]?.link.close()
    expect(await calls[0]?.[7]?.refusal).toBeInstanceOf(Cancelled)
    await views[5]?.server.start(4)
    await views[4]?.server.start(7)
    expect(views.map(({server}) => server.attempts)).toEqual([8, 8, 8, 8, 8, 5])
  })

  test('beyond the first gives its place back when it is closed', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const parking = new Parking({seal: new Seal(), now: () => 0})
    while (parking.places.take());
    parking.places.give()
    const script = {...SILENT, answers: {'tools/call': DONE}}
    const view = viewOf({parking, script})
    await Promise.all([view.make({name: 'a'}).answer, view.make({name: 'b'}).answer])
    expect(view.server.attempts).toBe(2)
    expect(parking.places.take()).toBe(false)
    await vi.advanceTimersByTimeAsync(60_000)
    await turn()
    expect(parking.places.take()).toBe(true)
    expect(parking.places.take()).toBe(false)
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

  test('is replaced after a call that was cancelled and not answered, whatever it has asked', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const {call, make, server, upstream} = await withCall()
    call.cancel()
    await call.refusal
    make({name: 'next'})
    const second = await server.start(1)
    expect((await second.request('tools/call')).params?.['name']).toBe('next')
    await vi.advanceTimersByTimeAsync(1999)
    // It may be the cancelled call that asks.
    upstream.say(elicit('q'))
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
    expect(upstream.isOpen).toBe(true)
    await vi.advanceTimersByTimeAsync(1)
    expect(upstream.isOpen).toBe(false)
  })

  test('is kept when a list was cancelled and not answered: nobody can be asked anything for it', async () => {
    const script = {...SILENT, answers: {...SILENT.answers, 'tools/list': () => undefined}}
    const view = viewOf({script})
    const list = view.make({}, {method: 'tools/list'})
    const upstream = await view.server.start()
    await upstream.request('tools/list')
    list.cancel()
    await list.refusal
    const call = view.make({name: 't'})
    await upstream.request('tools/call')
    upstream.say(elicit('q'))
    await askedBy(call)
    expect(view.server.attempts).toBe(1)
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

  test('that is replaced takes nobody with it who watches the next one', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const hello = {capabilities: {tools: {listChanged: true}}}
    const answers = {...SILENT.answers, 'tools/list': () => undefined}
    const view = viewOf({script: {hello, answers}})
    const call = view.make({name: 't'})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    const list = view.make({}, {method: 'tools/list'})
    const {id} = await upstream.request('tools/list')
    call.cancel()
    await vi.advanceTimersByTimeAsync(2000)
    const told: string[] = []
    const {signal} = new AbortController()
    const watch = await view.link.watch(
      {toolsListChanged: true},
      ({method}) => void told.push(method),
      signal,
    )
    const ended = vi.fn<() => void>()
    void watch.ended.then(ended)
    const changed = notification('notifications/tools/list_changed')
    upstream.say(changed)
    upstream.say(result(id, {tools: []}))
    await list.answer
    await turn()
    expect(upstream.isOpen).toBe(false)
    expect(ended).not.toHaveBeenCalled()
    ;(await view.server.start(1)).say(changed)
    expect(told).toEqual([changed.method])
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
    expect(await list.refusal).toMatchObject({code: 'SERVER_ENDED'})
  })
})
