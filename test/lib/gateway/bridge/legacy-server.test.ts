import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {Cancelled} from '../../../../src/lib/gateway/relay/connection.ts'
import {failure, notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {askedBy, DONE, elicit, viewOf, withCall, YES} from '../../../support/legacy-server.ts'

describe('a plain request', () => {
  test('reaches the server without what only modern servers know, and else as it is', async () => {
    const view = viewOf({capabilities: {}})
    const {answer} = view.make({
      name: 't',
      arguments: {a: [1, null]},
      vendor: true,
      inputResponses: {},
      _meta: {
        [META.version]: '2026-07-28',
        [META.client]: {name: 'c', version: '1'},
        [META.capabilities]: {},
        [META.logLevel]: 'info',
        traceparent: '00-1',
        progressToken: 'mine',
      },
    })
    const upstream = await view.server.start()
    const {id, params} = await upstream.request('tools/call')
    expect(params).toEqual({
      name: 't',
      arguments: {a: [1, null]},
      vendor: true,
      _meta: {traceparent: '00-1', progressToken: id},
    })
    upstream.say(result(id, {...DONE, extra: 1}))
    expect(await answer).toEqual(result(1, {...DONE, extra: 1}))
  })

  test('has no `_meta` left when all of it was for modern servers', async () => {
    const view = viewOf()
    view.make({cursor: 'c', _meta: {[META.version]: '2026-07-28'}}, {method: 'prompts/list'})
    const upstream = await view.server.start()
    expect((await upstream.request('prompts/list')).params).toEqual({cursor: 'c'})
  })

  test('is answered without the error for missing resources that later revisions do not have', async () => {
    const {call, upstream, id} = await withCall()
    upstream.say(failure(id, -32_002, 'Resource not found', {uri: 'a:b'}))
    expect(await call.answer).toEqual(failure(1, -32_602, 'Resource not found', {uri: 'a:b'}))
  })

  test('of the gateway itself needs nobody who asks', async () => {
    const view = viewOf({script: {answers: {'tools/list': {tools: []}}}})
    const answer = await view.link.request(request('own', 'tools/list'))
    expect(answer).toEqual(result('own', {tools: []}))
    expect(view.opened).toEqual([{capabilities: {}}])
    expect(view.link.hello).toEqual({capabilities: {}})
    expect(view.link.isOpen).toBe(true)
  })

  test('is cancelled at the server when its client leaves', async () => {
    const {call, upstream, id} = await withCall({capabilities: {}})
    call.cancel()
    expect(await call.refusal).toBeInstanceOf(Cancelled)
    const {params} = await upstream.call('notifications/cancelled')
    expect(params).toEqual({reason: 'the client cancelled', requestId: id})
  })

  test('fails with the reason when the server cannot be started', async () => {
    const script = {
      beforeOpen: () => {
        throw new PluginError('IMAGE_MISSING', 'no image')
      },
    }
    const {make, failures} = viewOf({script})
    expect(await make({name: 't'}).refusal).toMatchObject({code: 'IMAGE_MISSING'})
    expect(failures.items).toHaveLength(1)
  })
})

describe('a server that wants URLs opened first', () => {
  const data = {
    elicitations: [
      {mode: 'url', url: 'https://a.test/', message: 'Log in', elicitationId: 'e'},
      'no question',
      {mode: 'url', message: 'nowhere'},
    ],
  }

  test('has its client asked, and gets the same request once more', async () => {
    const {call, upstream, id, retry} = await withCall()
    upstream.say(failure(id, -32_042, 'URL elicitation required', data))
    const asked = await askedBy(call)
    expect(asked.questions).toEqual({
      1: {
        method: 'elicitation/create',
        params: {mode: 'url', url: 'https://a.test/', message: 'Log in'},
      },
    })
    const again = retry(call, asked, {1: {action: 'accept'}})
    const next = await upstream.request('tools/call', 1)
    expect(next.params).toEqual({name: 't'})
    upstream.say(result(next.id, DONE))
    expect(await again.answer).toEqual(result(2, DONE))
  })

  test('decides itself what becomes of a user who declines', async () => {
    const {call, upstream, id, retry} = await withCall({tellsOrigin: true})
    upstream.say(failure(id, -32_042, 'URL elicitation required', data))
    const again = retry(call, await askedBy(call), {1: {action: 'decline'}})
    const next = await upstream.request('tools/call', 1)
    upstream.say(failure(next.id, -32_042, 'URL elicitation required', data))
    await askedBy(again)
  })

  test('is not asked for with other arguments than those that it refused', async () => {
    const {call, upstream, id, retry} = await withCall()
    upstream.say(failure(id, -32_042, 'URL elicitation required', data))
    const again = retry(call, await askedBy(call), {1: YES}, {arguments: {a: 1}})
    expect(await again.answer).toMatchObject({error: {code: -32_602}})
  })

  test('cannot be served for a client that opens no URLs', async () => {
    const {call, upstream, id} = await withCall({capabilities: {elicitation: {}}})
    upstream.say(failure(id, -32_042, 'URL elicitation required', data))
    expect(await call.answer).toMatchObject({
      error: {code: -32_021, data: {requiredCapabilities: {elicitation: {url: {}}}}},
    })
  })

  test.for([
    undefined,
    {},
    {elicitations: []},
    {elicitations: [{url: 1}]},
    {elicitations: [{url: 'a:b', message: 'x'.repeat(1024 * 1024)}]},
  ])('fails when it does not say which: case %#', async bad => {
    const {call, upstream, id} = await withCall()
    upstream.say(failure(id, -32_042, 'URL elicitation required', bad))
    expect(await call.answer).toMatchObject({
      error: {code: -32_603, message: 'URL elicitation required'},
    })
  })
})

describe('whether a client may still come back', () => {
  test('is known: while a call waits for it, and neither before nor after', async () => {
    const {call, upstream, id, retry, link} = await withCall()
    expect(link.isWaiting).toBe(false)
    upstream.say(elicit('q'))
    const asked = await askedBy(call)
    expect(link.isWaiting).toBe(true)
    const again = retry(call, asked, {1: YES})
    expect(link.isWaiting).toBe(false)
    upstream.say(result(id, DONE))
    await again.answer
    expect(link.isWaiting).toBe(false)
  })
})

describe('a notification of the client', () => {
  test('is for a server that is there', async () => {
    const view = viewOf()
    view.link.notify(notification('notifications/vendor'))
    expect(view.server.attempts).toBe(0)
    await view.link.ready()
    view.link.notify(notification('notifications/vendor'))
    const upstream = await view.server.start()
    expect(upstream.methods.filter(method => method === 'notifications/vendor')).toHaveLength(1)
  })
})

describe('after the view was closed', () => {
  test('nothing starts a server', async () => {
    const view = viewOf()
    await view.link.close()
    expect(await view.make({name: 't'}).refusal).toBeInstanceOf(PluginError)
    expect(await view.make({}, {method: 'tools/list'}).refusal).toBeInstanceOf(PluginError)
    await expect(view.link.ready()).rejects.toBeInstanceOf(PluginError)
    expect(view.server.attempts).toBe(0)
  })
})
