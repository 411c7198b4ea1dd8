import {describe, expect, test} from 'vitest'
import {notification} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {viewOf} from '../../../support/legacy-server.ts'

const updated = (uri: string) => notification('notifications/resources/updated', {uri})
const toolsChanged = notification('notifications/tools/list_changed')

/** Watches with a filter, and keeps what is told. */
async function watching(view: ReturnType<typeof viewOf>, filter: object) {
  const told: unknown[] = []
  const controller = new AbortController()
  const watch = await view.link.watch(
    {...filter},
    notice => void told.push(notice.params?.['uri'] ?? notice.method),
    controller.signal,
  )
  return {...watch, told, stop: () => controller.abort()}
}

describe('watching', () => {
  const changing = {tools: {listChanged: true}, prompts: {}, resources: {subscribe: true}}
  const script = {
    hello: {capabilities: changing},
    answers: {'resources/subscribe': {}, 'resources/unsubscribe': {}},
  }
  test('honours what the server has said that it does', async () => {
    const view = viewOf({script})
    const all = {
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
      resourceSubscriptions: ['a:1', 'a:1', 7],
      taskIds: ['t'],
    }
    const {honoured} = await watching(view, all)
    expect(honoured).toEqual({toolsListChanged: true, resourceSubscriptions: ['a:1']})
    const none = viewOf({script: {hello: {capabilities: {resources: {}}}}})
    expect((await watching(none, all)).honoured).toEqual({})
  })

  test('leaves out resources that the server refuses', async () => {
    const refusing = {...script, answers: {}}
    const {honoured} = await watching(viewOf({script: refusing}), {resourceSubscriptions: ['a:1']})
    expect(honoured).toEqual({})
  })

  test('tells each of its own, and the view of all lists', async () => {
    const view = viewOf({script})
    const one = await watching(view, {toolsListChanged: true, resourceSubscriptions: ['a:1']})
    const two = await watching(view, {resourceSubscriptions: ['a:1', 'a:2']})
    const upstream = await view.server.start()
    for (const uri of ['a:1', 'a:2', 'a:3']) upstream.say(updated(uri))
    upstream.say(toolsChanged)
    upstream.say(notification('notifications/prompts/list_changed'))
    expect(one.told).toEqual(['a:1', 'notifications/tools/list_changed'])
    expect(two.told).toEqual(['a:1', 'a:2'])
    expect(view.news.items.map(({message, about}) => [message.method, about])).toEqual([
      ['notifications/tools/list_changed', undefined],
      ['notifications/prompts/list_changed', undefined],
    ])
  })

  test('subscribes once for all, and unsubscribes with the last', async () => {
    const view = viewOf({script})
    const one = await watching(view, {resourceSubscriptions: ['a:1']})
    const two = await watching(view, {resourceSubscriptions: ['a:1']})
    const upstream = await view.server.start()
    one.stop()
    await one.ended
    upstream.say(updated('a:1'))
    expect(one.told).toEqual([])
    expect(two.told).toEqual(['a:1'])
    expect(upstream.methods).not.toContain('resources/unsubscribe')
    two.stop()
    expect((await upstream.request('resources/unsubscribe')).params).toEqual({uri: 'a:1'})
    expect(upstream.methods.filter(method => method === 'resources/subscribe')).toHaveLength(1)
    expect(upstream.methods.filter(method => method === 'resources/unsubscribe')).toHaveLength(1)
  })

  test('ends with the session, and may begin again', async () => {
    const view = viewOf({script})
    const first = await watching(view, {resourceSubscriptions: ['a:1']})
    const upstream = await view.server.start()
    upstream.end()
    await first.ended
    first.stop()
    const second = await watching(view, {resourceSubscriptions: ['a:1']})
    const next = await view.server.start(1)
    next.say(updated('a:1'))
    expect(second.told).toEqual(['a:1'])
    expect(first.told).toEqual([])
    expect(next.methods).not.toContain('resources/unsubscribe')
  })

  test('ends when the view is closed', async () => {
    const view = viewOf({script})
    const {ended} = await watching(view, {toolsListChanged: true})
    await view.link.close()
    await ended
    expect(view.link.isOpen).toBe(false)
  })

  test('keeps a thousand resources at most', async () => {
    const view = viewOf({script})
    const uris = Array.from({length: 1001}, (_, index) => `a:${index}`)
    const {honoured} = await watching(view, {resourceSubscriptions: uris})
    expect(honoured['resourceSubscriptions']).toEqual(uris.slice(0, 1000))
  })

  test('does not begin for one who has left', async () => {
    const view = viewOf({script})
    const left = view.link.watch({toolsListChanged: true}, () => undefined, AbortSignal.abort())
    await expect(left).rejects.toThrow('aborted')
  })
})
