import {describe, expect, test, vi} from 'vitest'
import {follow, listFilter} from '../../../../src/lib/gateway/modern/follow.ts'
import type {Watch} from '../../../../src/lib/gateway/modern/view-link.ts'
import {notification, type Notification} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {Inbox} from '../../../support/inbox.ts'

const FILTER = {toolsListChanged: true}

/** A server whose watches and whose opening the test holds in its hands. */
function followed() {
  const watches = new Inbox<{tell: (notice: Notification) => void; end: () => void}>()
  const waits = new Inbox<() => void>()
  const changes: string[] = []
  const stop = new AbortController()
  const link = {
    watch: async (
      honoured: typeof FILTER | object,
      tell: (notice: Notification) => void,
    ): Promise<Watch> => {
      const {promise, resolve} = Promise.withResolvers<void>()
      watches.add({tell, end: resolve})
      return {honoured: {...honoured}, ended: promise}
    },
    whenOpen: (signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        waits.add(resolve)
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  }
  const changed = (kind: string) => void changes.push(kind)
  const over = follow(link, FILTER, {changed, signal: stop.signal})
  return {watches, waits, changes, stop, over}
}

describe('hearing of the changes of a modern server', () => {
  test('takes what may have changed while it was not heard for changed, as soon as it is there', async () => {
    const {watches, waits, changes, stop, over} = followed()
    const watch = await watches.find(() => true)
    watch.tell(notification('notifications/tools/list_changed'))
    expect(changes).toEqual(['tools'])
    watch.end()
    const opened = await waits.find(() => true)
    expect(changes).toEqual(['tools'])
    opened()
    await vi.waitFor(() => expect(changes).toEqual(['tools', 'tools']))
    stop.abort()
    await over
  })

  test('does not start a server that has ended, but goes on when it is open', async () => {
    const {watches, waits, stop, over} = followed()
    const watch = await watches.find(() => true)
    watch.end()
    const opened = await waits.find(() => true)
    expect(watches.items).toHaveLength(1)
    opened()
    await watches.find(() => true, 1)
    stop.abort()
    watches.items[1]?.end()
    expect(await over).toBeUndefined()
  })

  test('ends with its signal while the server is not there', async () => {
    const {watches, waits, stop, over} = followed()
    const watch = await watches.find(() => true)
    watch.end()
    await waits.find(() => true)
    stop.abort()
    expect(await over).toBeUndefined()
    expect(watches.items).toHaveLength(1)
  })

  test('asks for the lists that the server tells of', () => {
    const capabilities = {tools: {listChanged: true}, prompts: {}, resources: {listChanged: false}}
    expect(listFilter({capabilities})).toEqual(FILTER)
    expect(listFilter({})).toEqual({})
  })
})
