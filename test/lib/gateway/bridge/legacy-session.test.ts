import {afterEach, describe, expect, test, vi} from 'vitest'
import {notification, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {
  askedBy,
  DONE,
  elicit,
  SILENT,
  viewOf,
  withCall,
  YES,
} from '../../../support/legacy-server.ts'

afterEach(() => {
  vi.useRealTimers()
})

const progress = (token: unknown, done: number) =>
  notification('notifications/progress', {progressToken: Number(token), progress: done})
const log = (level: string, data = level) => notification('notifications/message', {level, data})

describe('what the server says about a call', () => {
  test('reaches the exchange that waits, under its own token, and nobody in between', async () => {
    const view = viewOf()
    const call = view.make({name: 't', _meta: {progressToken: 'one', [META.logLevel]: 'info'}})
    const upstream = await view.server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say(progress(id, 1))
    upstream.say(log('info'))
    upstream.say(elicit('q'))
    const asked = await askedBy(call)
    upstream.say(progress(id, 2))
    upstream.say(log('error'))
    const _meta = {progressToken: 0, [META.logLevel]: 'error'}
    const again = view.retry(call, asked, {1: YES}, {_meta})
    upstream.say(progress(id, 3))
    upstream.say(log('info'))
    upstream.say(log('alert'))
    upstream.say(result(id, DONE))
    await again.answer
    upstream.say(progress(id, 4))
    upstream.say(log('alert'))
    expect(view.news.items.map(({message, about}) => [about, message.params])).toEqual([
      ['k1', {progressToken: 'one', progress: 1}],
      ['k1', {level: 'info', data: 'info'}],
      ['k2', {progressToken: 0, progress: 3}],
      ['k2', {level: 'alert', data: 'alert'}],
    ])
  })

  test('reaches no exchange that has not asked for it', async () => {
    const view = viewOf()
    const call = view.make({name: 't', _meta: {progressToken: 'one'}})
    const upstream = await view.server.start()
    const {id} = await upstream.request('tools/call')
    upstream.say(log('alert'))
    upstream.say(elicit('q'))
    const again = view.retry(call, await askedBy(call), {1: YES}, {_meta: {}})
    upstream.say(progress(id, 1))
    upstream.say(result(id, DONE))
    await again.answer
    expect(view.news.items).toEqual([])
  })

  test('reaches nobody when it may belong to either of two', async () => {
    const view = viewOf({capabilities: {}})
    const _meta = {[META.logLevel]: 'debug'}
    view.make({name: 'a', _meta})
    view.make({name: 'b'})
    const upstream = await view.server.start()
    await upstream.request('tools/call', 1)
    upstream.say(log('alert'))
    upstream.say(notification('notifications/vendor'))
    expect(view.news.items).toEqual([])
  })

  test('reaches the right one of two when the server says whose it is', async () => {
    const view = viewOf({tellsOrigin: true, capabilities: {}})
    const _meta = {[META.logLevel]: 'debug'}
    view.make({name: 'a', _meta})
    view.make({name: 'b', _meta})
    const upstream = await view.server.start()
    const first = await upstream.request('tools/call')
    const second = await upstream.request('tools/call', 1)
    upstream.say(log('info', 'of b'), {request: second.id})
    upstream.say(log('info', 'of nobody'), 'alone')
    upstream.say(log('info', 'of a'), {request: first.id})
    expect(view.news.items.map(({message, about}) => [about, message.params?.['data']])).toEqual([
      ['k2', 'of b'],
      ['k1', 'of a'],
    ])
  })

  test('reaches nobody while the server is at anything else, or may be', async () => {
    const script = {...SILENT, answers: {...SILENT.answers, 'tools/list': () => undefined}}
    const view = viewOf({script})
    view.make({name: 'a', _meta: {[META.logLevel]: 'debug'}})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    upstream.say(log('info', 'alone'))
    const list = view.make({}, {method: 'tools/list'})
    const {id} = await upstream.request('tools/list')
    upstream.say(log('info', 'of either'))
    list.cancel()
    await list.refusal
    upstream.say(log('info', 'of what was given up'))
    upstream.say(result(id, {tools: []}))
    upstream.say(log('info', 'alone again'))
    expect(view.news.items.map(({message}) => message.params?.['data'])).toEqual([
      'alone',
      'alone again',
    ])
  })

  test('reaches nobody while a call that was given up is not answered, however long ago that was', async () => {
    let ms = 0
    const view = viewOf({capabilities: {}, now: () => ms})
    const gone = view.make({name: 'gone'})
    const upstream = await view.server.start()
    const {id} = await upstream.request('tools/call')
    gone.cancel()
    await gone.refusal
    ms = 3_600_000
    view.make({name: 'a', _meta: {[META.logLevel]: 'debug'}})
    await upstream.request('tools/call', 1)
    upstream.say(log('info', 'of either'))
    upstream.say(result(id, DONE))
    upstream.say(log('info', 'alone'))
    expect(view.news.items.map(({message}) => message.params?.['data'])).toEqual(['alone'])
  })

  test('reaches nobody who has not asked for it, when a server logs all the same', async () => {
    const view = viewOf({capabilities: {}})
    const first = view.make({name: 'a', _meta: {[META.logLevel]: 'debug'}})
    const upstream = await view.server.start()
    const {id} = await upstream.request('tools/call')
    view.make({name: 'b'})
    await upstream.request('tools/call', 1)
    upstream.say(result(id, DONE))
    await first.answer
    upstream.say(log('alert'))
    expect(view.news.items).toEqual([])
  })

  test('is at the right level from the start: the call is sent when the level is set', async () => {
    const answers = {...SILENT.answers, 'logging/setLevel': () => undefined}
    const view = viewOf({script: {...SILENT, answers}})
    view.make({name: 'a', _meta: {[META.logLevel]: 'debug'}})
    const upstream = await view.server.start()
    const {id} = await upstream.request('logging/setLevel')
    expect(upstream.methods).not.toContain('tools/call')
    upstream.say(result(id, {}))
    await upstream.request('tools/call')
  })

  test('is at any level when the server does not answer how it logs: the call is sent', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    const answers = {...SILENT.answers, 'logging/setLevel': () => undefined}
    const view = viewOf({script: {...SILENT, answers}})
    view.make({name: 'a', _meta: {[META.logLevel]: 'debug'}})
    const upstream = await view.server.start()
    await upstream.request('logging/setLevel')
    await vi.advanceTimersByTimeAsync(5000)
    await upstream.request('tools/call')
  })

  test('is logged at the level of the one who wants most', async () => {
    const view = viewOf({capabilities: {}})
    const call = (level: string) => view.make({name: level, _meta: {[META.logLevel]: level}})
    const first = call('error')
    const upstream = await view.server.start()
    const error = await upstream.request('tools/call')
    const second = call('debug')
    const debug = await upstream.request('tools/call', 1)
    call('warning')
    await upstream.request('tools/call', 2)
    const levels = () =>
      upstream.received.items
        .filter(({method}) => method === 'logging/setLevel')
        .map(message => message['params'])
    expect(levels()).toEqual([{level: 'error'}, {level: 'debug'}])
    upstream.say(result(error.id, DONE))
    upstream.say(result(debug.id, DONE))
    await Promise.all([first.answer, second.answer])
    const last = call('critical')
    await upstream.request('tools/call', 3)
    expect(levels()).toEqual([{level: 'error'}, {level: 'debug'}, {level: 'warning'}])
    last.cancel()
  })

  test('is not asked for when nobody wants it, or the server has no log', async () => {
    const quiet = await withCall({}, {name: 't'})
    expect(quiet.upstream.methods).not.toContain('logging/setLevel')
    const view = viewOf({script: {...SILENT, hello: {capabilities: {}}}})
    view.make({name: 't', _meta: {[META.logLevel]: 'info'}})
    const upstream = await view.server.start()
    await upstream.request('tools/call')
    expect(upstream.methods).not.toContain('logging/setLevel')
  })
})
