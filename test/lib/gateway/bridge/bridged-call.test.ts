import {setImmediate as turn} from 'node:timers/promises'
import {afterEach, describe, expect, test, vi} from 'vitest'
import {Cancelled} from '../../../../src/lib/gateway/relay/connection.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {
  askedBy,
  DONE,
  elicit,
  viewOf,
  withCall,
  withParked,
  YES,
} from '../../../support/legacy-server.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('a question of the server', () => {
  test('is what the client gets, and its answer is what the server gets', async () => {
    const {call, upstream, id, retry, asked} = await withParked()
    const {method, params} = elicit('q')
    expect(asked.questions).toEqual({1: {method, params}})
    const again = retry(call, asked, {1: YES})
    expect(await upstream.answerTo('q')).toEqual(result('q', YES))
    upstream.say(result(id, DONE))
    expect(await again.answer).toEqual(result(2, DONE))
    expect(upstream.methods.filter(one => one === 'tools/call')).toHaveLength(1)
  })

  test('goes to the client together with others of the same moment', async () => {
    const {call, upstream, id, retry} = await withCall()
    upstream.say(elicit(0))
    upstream.say(request('0', 'roots/list'))
    upstream.say(request('s', 'sampling/createMessage', {messages: [], maxTokens: 1}))
    const asked = await askedBy(call)
    expect(asked.questions).toMatchObject({
      1: {method: 'elicitation/create'},
      2: {method: 'roots/list'},
      3: {method: 'sampling/createMessage', params: {messages: [], maxTokens: 1}},
    })
    const again = retry(call, asked, {3: {role: 'assistant'}, 2: {roots: []}, 1: YES, 9: {}})
    expect(await upstream.answerTo(0)).toEqual(result(0, YES))
    expect(await upstream.answerTo('0')).toEqual(result('0', {roots: []}))
    expect(await upstream.answerTo('s')).toEqual(result('s', {role: 'assistant'}))
    upstream.say(result(id, DONE))
    expect(await again.answer).toEqual(result(2, DONE))
  })

  test('may follow another one, round after round', async () => {
    const {call, upstream, id, retry, asked} = await withParked()
    let state = asked
    let made = call
    for (let round = 2; round <= 5; round++) {
      const [key = ''] = Object.keys(state.questions)
      made = retry(call, state, {[key]: YES})
      upstream.say(elicit(`q${round}`))
      state = await askedBy(made)
      expect(Object.keys(state.questions)).toEqual([String(round)])
    }
    made = retry(call, state, {5: YES})
    await upstream.answerTo('q5')
    upstream.say(result(id, DONE))
    expect(await made.answer).toEqual(result(2, DONE))
  })

  test('is asked again, with a new state, when the client did not answer it', async () => {
    const {call, upstream, id, retry} = await withCall()
    upstream.say(elicit('a'))
    upstream.say(elicit('b'))
    const first = await askedBy(call)
    const second = await askedBy(retry(call, first, {1: YES, 2: 'no object'}))
    expect(Object.keys(second.questions)).toEqual(['2'])
    const third = await askedBy(retry(call, second, {}))
    expect(Object.keys(third.questions)).toEqual(['2'])
    expect(new Set([first, second, third].map(({requestState}) => requestState)).size).toBe(3)
    const last = retry(call, third, {2: YES})
    await upstream.answerTo('b')
    upstream.say(result(id, DONE))
    expect(await last.answer).toEqual(result(2, DONE))
  })

  test('that comes while the client is away is part of what it is asked next', async () => {
    const {call, upstream, retry, asked} = await withParked()
    upstream.say(elicit('late', 'And then?'))
    const next = await askedBy(retry(call, asked, {1: YES, 2: YES}))
    expect(next.questions).toMatchObject({2: {params: {message: 'And then?'}}})
    expect(upstream.received.items).not.toContainEqual(result('late', YES))
  })

  test('is forgotten when the server withdraws it', async () => {
    const {call, upstream, id, retry} = await withCall()
    upstream.say(elicit('a'))
    upstream.say(elicit('b'))
    upstream.say(notification('notifications/cancelled', {requestId: 'a'}))
    const asked = await askedBy(call)
    expect(Object.keys(asked.questions)).toEqual(['2'])
    upstream.say(notification('notifications/cancelled', {requestId: 'b'}))
    const again = retry(call, asked, {2: YES})
    upstream.say(result(id, DONE))
    expect(await again.answer).toEqual(result(2, DONE))
    expect(upstream.received.items).not.toContainEqual(result('b', YES))
  })

  test('is of no use to anybody when the answer comes right after it', async () => {
    const {call, upstream, id} = await withCall()
    upstream.say(elicit('q'))
    upstream.say(result(id, DONE))
    expect(await call.answer).toEqual(result(1, DONE))
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
  })

  test('is refused when it comes after the answer', async () => {
    const {call, upstream, id} = await withCall()
    upstream.say(result(id, DONE))
    upstream.say(elicit('at once'))
    await call.answer
    upstream.say(elicit('later'))
    expect(await upstream.answerTo('at once')).toMatchObject({error: {code: -32_603}})
    expect(await upstream.answerTo('later')).toMatchObject({error: {code: -32_603}})
  })

  test('for roots is asked once: the same answer is given to the server again', async () => {
    const {call, upstream, id, retry} = await withCall()
    upstream.say(request('r1', 'roots/list'))
    upstream.say(elicit('q'))
    const asked = await askedBy(call)
    upstream.say(request('r2', 'roots/list'))
    const roots = {roots: [{uri: 'file:///a'}]}
    const again = retry(call, asked, {1: roots, 2: YES})
    upstream.say(request('r3', 'roots/list'))
    for (const one of ['r1', 'r2', 'r3']) {
      expect(await upstream.answerTo(one)).toEqual(result(one, roots))
    }
    upstream.say(result(id, DONE))
    expect(await again.answer).toEqual(result(2, DONE))
  })

  test('for roots is asked anew for the next call', async () => {
    const {call, upstream, id, retry, make} = await withCall()
    upstream.say(request('r1', 'roots/list'))
    const again = retry(call, await askedBy(call), {1: {roots: []}})
    await upstream.answerTo('r1')
    upstream.say(result(id, DONE))
    await again.answer
    const next = make({name: 'next'})
    await upstream.request('tools/call', 1)
    upstream.say(request('r2', 'roots/list'))
    expect((await askedBy(next)).questions).toEqual({1: {method: 'roots/list'}})
  })

  test('is refused when no call is there', async () => {
    const view = viewOf()
    await view.link.ready()
    const upstream = await view.server.start()
    upstream.say(request('r', 'roots/list'))
    expect(await upstream.answerTo('r')).toMatchObject({error: {code: -32_603}})
  })

  test('is refused when clients have no such method', async () => {
    const {upstream} = await withCall()
    upstream.say(request('t', 'tasks/list'))
    expect(await upstream.answerTo('t')).toMatchObject({error: {code: -32_601}})
  })

  test('has no id of the elicitation any more', async () => {
    const {call, upstream} = await withCall()
    const params = {mode: 'url', url: 'https://a.test/', message: 'Log in', elicitationId: 'e'}
    upstream.say(request('q', 'elicitation/create', params))
    upstream.say(notification('notifications/elicitation/complete', {elicitationId: 'e'}))
    const {elicitationId: _, ...rest} = params
    expect((await askedBy(call)).questions).toEqual({
      1: {method: 'elicitation/create', params: rest},
    })
  })

  test('can belong to a prompt', async () => {
    const view = viewOf()
    const call = view.make({name: 'p'}, {method: 'prompts/get'})
    const upstream = await view.server.start()
    const {id} = await upstream.request('prompts/get')
    upstream.say(elicit('q'))
    const again = view.retry(call, await askedBy(call), {1: YES})
    await upstream.answerTo('q')
    upstream.say(result(id, {messages: []}))
    expect(await again.answer).toEqual(result(2, {messages: []}))
  })

  test('lets the pipeline know that a user is asked, and that the server goes on', async () => {
    const {call, upstream, retry, asked} = await withParked()
    expect(call.signs).toEqual([false, true])
    const again = retry(call, asked, {1: YES})
    await upstream.answerTo('q')
    expect(again.signs).toEqual([false, false])
  })
})

describe('what a client lacks', () => {
  const form = elicit('q')
  const url = request('q', 'elicitation/create', {mode: 'url', url: 'https://a.test/', message: ''})
  const sampling = request('q', 'sampling/createMessage', {messages: []})
  const roots = request('q', 'roots/list')
  const withTools = request('q', 'sampling/createMessage', {messages: [], tools: []})

  test.for([
    ['elicitation in form mode', {roots: {}}, form, {elicitation: {}}],
    ['elicitation in form mode', {elicitation: {url: {}}}, form, {elicitation: {}}],
    ['elicitation in url mode', {elicitation: {}}, url, {elicitation: {url: {}}}],
    ['elicitation in url mode', {elicitation: {form: {}}}, url, {elicitation: {url: {}}}],
    ['sampling', {elicitation: {}}, sampling, {sampling: {}}],
    ['sampling with tools', {sampling: {}}, withTools, {sampling: {tools: {}}}],
    ['roots', {sampling: {}}, roots, {roots: {}}],
    ['elicitation in form mode', {}, form, {elicitation: {}}],
  ] as const)(
    'is what it is told: %s, with %j',
    async ([words, capabilities, question, needed]) => {
      const {call, upstream, id} = await withCall({capabilities})
      upstream.say(question)
      expect(await call.answer).toMatchObject({
        id: 1,
        error: {
          code: -32_021,
          message: expect.stringMatching(new RegExp(` has not declared ${words}$`)),
          data: {requiredCapabilities: needed},
        },
      })
      expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_601}})
      expect((await upstream.call('notifications/cancelled')).params['requestId']).toBe(id)
    },
  )

  test.for([
    [{elicitation: {}}, form],
    [{elicitation: {form: {}}}, form],
    [{elicitation: {url: {}}}, url],
    [{sampling: {}}, sampling],
    [{sampling: {tools: {}}}, withTools],
    [{roots: {}}, roots],
  ] as const)('is nothing with %j', async ([capabilities, question]) => {
    const {call, upstream} = await withCall({capabilities})
    upstream.say(question)
    const {questions} = await askedBy(call)
    expect(questions).toMatchObject({1: {method: question.method}})
  })
})

describe('a client that comes back', () => {
  const REFUSED = {error: {code: -32_602, message: expect.stringContaining('requestState')}}

  test('with a state that it has used is refused, while the call runs and after', async () => {
    const {call, upstream, id, retry, asked} = await withParked()
    const again = retry(call, asked, {1: YES})
    expect(await retry(call, asked, {1: YES}).answer).toMatchObject(REFUSED)
    upstream.say(result(id, DONE))
    expect(await again.answer).toEqual(result(2, DONE))
    expect(await retry(call, asked, {1: YES}).answer).toMatchObject(REFUSED)
  })

  test('with the state of an earlier round is refused', async () => {
    const {call, upstream, retry, asked} = await withParked()
    const again = retry(call, asked, {1: YES})
    upstream.say(elicit('q2'))
    const next = await askedBy(again)
    expect(await retry(call, asked, {2: YES}).answer).toMatchObject(REFUSED)
    retry(call, next, {2: YES})
    expect(await upstream.answerTo('q2')).toEqual(result('q2', YES))
  })

  test('with other arguments, or another tool, is refused, and the call stays', async () => {
    const {call, upstream, retry, asked} = await withParked()
    for (const more of [{arguments: {a: 1}}, {name: 'u'}]) {
      expect(await retry(call, asked, {1: YES}, more).answer).toMatchObject(REFUSED)
    }
    retry(call, asked, {1: YES})
    expect(await upstream.answerTo('q')).toEqual(result('q', YES))
  })

  test('from another view is refused, although it knows the state', async () => {
    const {call, server, parking, asked, upstream} = await withParked()
    const other = viewOf({server, parking, view: 'other'})
    expect(await other.retry(call, asked, {1: YES}).answer).toMatchObject(REFUSED)
    const elsewhere = viewOf({server, parking, name: 'else'})
    expect(await elsewhere.retry(call, asked, {1: YES}).answer).toMatchObject(REFUSED)
    expect(upstream.received.items).not.toContainEqual(result('q', YES))
  })

  test.for(['', 'v1.', 'made up', 7, null, {}, 'x'.repeat(100_000)])(
    'with a state that nobody made is refused: %j',
    async requestState => {
      const {server, make} = viewOf()
      expect(await make({name: 't', requestState}).answer).toMatchObject(REFUSED)
      expect(server.attempts).toBe(0)
    },
  )

  test('gets the answer that came while it was away, and only once', async () => {
    const {call, upstream, id, retry, asked} = await withParked()
    upstream.say(result(id, DONE))
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
    expect(await retry(call, asked, {1: YES}).answer).toEqual(result(2, DONE))
    expect(await retry(call, asked, {1: YES}).answer).toMatchObject(REFUSED)
  })

  test('hears how the server has ended meanwhile, and the next call starts it again', async () => {
    const {call, upstream, retry, asked, server, make, failures} = await withParked()
    upstream.end()
    await failures.find(() => true)
    await turn()
    expect(await retry(call, asked, {1: YES}).answer).toMatchObject({
      id: 2,
      error: {
        code: -32_603,
        message: expect.stringMatching(/^server demo ended with exit code 3 .*may have done/),
        data: {server: 'demo', reason: 'SERVER_ENDED'},
      },
    })
    expect(await retry(call, asked, {1: YES}, {name: 'u'}).answer).toMatchObject(REFUSED)
    make({name: 't'})
    await (await server.start(1)).request('tools/call')
  })

  test('hears after ten minutes that it took too long, when the server was told and the session is closed', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const view = viewOf()
    const call = view.make({name: 't'})
    const upstream = await view.server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say(elicit('q'))
    await vi.advanceTimersByTimeAsync(20)
    const asked = await askedBy(call)
    await vi.advanceTimersByTimeAsync(599_999)
    expect(upstream.methods).not.toContain('notifications/cancelled')
    await vi.advanceTimersByTimeAsync(1)
    expect((await upstream.call('notifications/cancelled')).params['requestId']).toBe(id)
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
    expect(await view.retry(call, asked, {1: YES}).answer).toMatchObject({
      error: {code: -32_602, message: expect.stringContaining('took too long')},
    })
    expect(await view.retry(call, asked, {1: YES}, {name: 'u'}).answer).toMatchObject(REFUSED)
    expect(upstream.isOpen).toBe(true)
    await vi.advanceTimersByTimeAsync(2000)
    expect(upstream.isOpen).toBe(false)
  })

  test('may leave while the server is at its call, which is cancelled then', async () => {
    const {call, upstream, id, retry, asked} = await withParked()
    const again = retry(call, asked, {1: YES})
    again.cancel()
    expect(await again.refusal).toBeInstanceOf(Cancelled)
    expect((await upstream.call('notifications/cancelled')).params['requestId']).toBe(id)
  })

  test('does so no more after the view was closed', async () => {
    const {call, upstream, id, retry, asked, link, parking} = await withParked()
    const running = viewOf({parking}).make({name: 't'})
    await link.close()
    expect((await upstream.call('notifications/cancelled')).params['requestId']).toBe(id)
    expect(upstream.isOpen).toBe(false)
    expect(await retry(call, asked, {1: YES}).answer).toMatchObject(REFUSED)
    running.cancel()
  })
})

describe('limits', () => {
  test('hold for a server that asks for ever', async () => {
    const {call, upstream} = await withCall()
    for (let count = 0; count < 1000; count++) upstream.say(elicit(count))
    const {questions} = await askedBy(call)
    expect(Object.keys(questions)).toHaveLength(32)
    expect(await upstream.answerTo(32)).toMatchObject({error: {code: -32_603}})
    for (let count = 1000; count < 2000; count++) upstream.say(elicit(count))
    expect(upstream.received.items.filter(message => 'error' in message)).toHaveLength(1968)
  })

  test('hold for a client that comes back without answers: 16 rounds', async () => {
    const {call, upstream, id, retry, asked} = await withParked()
    let state = asked
    for (let round = 2; round <= 16; round++) state = await askedBy(retry(call, state, {}))
    expect(await retry(call, state, {}).answer).toMatchObject({
      error: {code: -32_603, message: expect.stringContaining('16 rounds')},
    })
    expect((await upstream.call('notifications/cancelled')).params['requestId']).toBe(id)
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
  })

  test('hold for half an hour of questions', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    let ms = 0
    const pass = async (milliseconds: number) => {
      ms += milliseconds
      await vi.advanceTimersByTimeAsync(milliseconds)
    }
    const {make, retry, server} = viewOf({now: () => ms})
    const call = make({name: 't'})
    const upstream = await server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say(elicit('q'))
    await pass(20)
    let state = await askedBy(call)
    for (let round = 0; round < 3; round++) {
      await pass(599_000)
      const again = retry(call, state, {})
      await pass(20)
      state = await askedBy(again)
    }
    await pass(2900)
    expect(upstream.methods).not.toContain('notifications/cancelled')
    await pass(100)
    expect((await upstream.call('notifications/cancelled')).params['requestId']).toBe(id)
    expect(await retry(call, state, {1: YES}).answer).toMatchObject({
      error: {code: -32_602, message: expect.stringContaining('took too long')},
    })
  })

  test('hold for questions that come after half an hour', async () => {
    let ms = 0
    const {call, upstream, retry} = await withCall({now: () => ms})
    upstream.say(elicit('q'))
    const again = retry(call, await askedBy(call), {1: YES})
    ms = 1_800_000
    upstream.say(elicit('late'))
    expect(await again.answer).toMatchObject({
      error: {code: -32_603, message: expect.stringContaining('30 minutes')},
    })
  })

  test('hold for questions that are long: one answer to a client is 1 MiB at most', async () => {
    const {call, upstream, retry} = await withCall()
    upstream.say(elicit('too long', 'x'.repeat(1024 * 1024)))
    expect(await upstream.answerTo('too long')).toMatchObject({error: {code: -32_603}})
    for (const id of ['a', 'b', 'c']) upstream.say(elicit(id, id.repeat(400_000)))
    const first = await askedBy(call)
    expect(Object.keys(first.questions)).toEqual(['1', '2'])
    const next = await askedBy(retry(call, first, {1: YES, 2: YES, 3: YES}))
    expect(Object.keys(next.questions)).toEqual(['3'])
    expect(upstream.received.items).not.toContainEqual(result('c', YES))
  })

  test('leave one session to other calls, and the call that asks beyond them is refused', async () => {
    const view = viewOf()
    const ask = async (index: number) => {
      const call = view.make({name: 't'})
      const upstream = await view.server.start(index)
      await upstream.request('tools/call')
      upstream.say(elicit('q'))
      return {call, upstream}
    }
    for (let index = 0; index < 7; index++) await askedBy((await ask(index)).call)
    const {call, upstream} = await ask(7)
    expect(await call.answer).toMatchObject({
      error: {code: -32_603, message: expect.stringContaining('7 calls')},
    })
    expect(await upstream.answerTo('q')).toMatchObject({error: {code: -32_603}})
    await upstream.call('notifications/cancelled')
  })

  test('are free again when clients never come back', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const view = viewOf()
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({length: 7}, () => view.make({name: 't'}))
      for (const [index, call] of calls.entries()) {
        const upstream = await view.server.start(round * 7 + index)
        await upstream.request('tools/call')
        upstream.say(elicit('q'))
        await vi.advanceTimersByTimeAsync(20)
        await askedBy(call)
      }
      await vi.advanceTimersByTimeAsync(602_000)
      expect(view.server.starts.filter(({isOpen}) => isOpen)).toEqual([])
    }
    expect(view.parking.take(16 * 1024 * 1024)).toBe(true)
  })

  test('hold for what is kept in all, requests and answers included', async () => {
    const view = viewOf()
    expect(view.parking.take(15 * 1024 * 1024)).toBe(true)
    const long = view.make({name: 't', arguments: {text: 'x'.repeat(1024 * 1024)}})
    const upstream = await view.server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say(elicit('q'))
    expect(await long.answer).toMatchObject({
      error: {code: -32_603, message: expect.stringContaining('too much is kept')},
    })
    upstream.say(result(id, DONE))
    await turn()
    const short = view.make({name: 't'})
    const next = await upstream.request('tools/call', 1)
    upstream.say(elicit('q'))
    const asked = await askedBy(short)
    upstream.say(result(next.id, {text: 'x'.repeat(1024 * 1024)}))
    await turn()
    const {error} = await view.retry(short, asked, {1: YES}).answer
    expect(error).toMatchObject({code: -32_602})
    expect(view.parking.take(1024 * 1024)).toBe(true)
  })

  test('are free again after a view was closed, also those for answers that nobody has fetched', async () => {
    const {call, upstream, id, retry, asked, parking, link} = await withParked()
    upstream.say(result(id, DONE))
    await turn()
    await link.close()
    expect(parking.take(16 * 1024 * 1024)).toBe(true)
    expect(await retry(call, asked, {1: YES}).answer).toMatchObject({error: {code: -32_602}})
  })

  test('are free again after each call, however it ends', async () => {
    const {call, upstream, id, retry, asked, parking} = await withParked()
    const again = retry(call, asked, {1: YES})
    upstream.say(elicit('q2', 'x'.repeat(1000)))
    const next = await askedBy(again)
    const last = retry(call, next, {2: YES})
    upstream.say(result(id, DONE))
    await last.answer
    expect(parking.take(16 * 1024 * 1024)).toBe(true)
  })
})
