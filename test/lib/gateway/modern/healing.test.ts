import {describe, expect, test} from 'vitest'
import {RemoteModern} from '../../../../src/lib/gateway/upstream/remote-modern.ts'
import {RemoteUpstream} from '../../../../src/lib/gateway/upstream/remote.ts'
import type {RemoteInput} from '../../../../src/lib/gateway/upstream/remote-wire.ts'
import type {Openers} from '../../../../src/lib/gateway/upstream/upstream.ts'
import type {Notification} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {startFixtureServer, type FixtureEra} from '../../../support/fixture-server.ts'
import {Inbox} from '../../../support/inbox.ts'
import {ModernGateway} from '../../../support/modern-caller.ts'

function openersOf(url: string): Openers {
  const input = (onMessage: RemoteInput['onMessage']): RemoteInput => ({
    server: 'one',
    url,
    headers: [],
    maxMessageBytes: 1024 * 1024,
    onMessage,
    redact: text => text,
    warn: () => undefined,
  })
  return {
    legacy: async ({onMessage}) => new RemoteUpstream(input(onMessage)),
    modern: async ({onMessage}) => new RemoteModern(input(onMessage)),
    tellsOrigin: true,
  }
}

/** A gateway in front of a server, in whose place another one is put while the gateway runs. */
async function replaced(
  eras: readonly [FixtureEra, FixtureEra],
  between: (gateway: ModernGateway) => Promise<void>,
) {
  const first = await startFixtureServer('conformance', eras[0])
  const gateway = new ModernGateway({servers: {one: openersOf(first.url)}})
  try {
    await between(gateway)
  } finally {
    await first[Symbol.asyncDispose]()
  }
  const second = await startFixtureServer('conformance', eras[1], Number(new URL(first.url).port))
  return {gateway, second}
}

const eraOf = async (gateway: ModernGateway) => {
  const {content} = await gateway.ask('tools/call', {name: 'test_show_client'})
  return /"era":"(\w+)"/.exec(JSON.stringify(content).replaceAll('\\', ''))?.[1]
}

describe.for([
  ['modern', 'legacy'],
  ['legacy', 'modern'],
] as const)('an HTTP server that was %s and is %s now', ([before, after]) => {
  test('is found out by the first call, which it answers', async () => {
    const {gateway, second} = await replaced([before, after], async one => {
      expect(await eraOf(one)).toBe(before)
    })
    await using _second = second
    expect(await eraOf(gateway)).toBe(after)
    expect(gateway.eras.get('one modern')).toBe(after === 'modern')
  })

  test('goes on telling who listens', async () => {
    const leaving = new AbortController()
    const notices = new Inbox<Notification>()
    const {gateway, second} = await replaced([before, after], async one => {
      const notifications = {toolsListChanged: true}
      one
        .call('subscriptions/listen', {notifications}, {signal: leaving.signal}, notices)
        .catch(() => undefined)
      await notices.find(({method}) => method === 'notifications/subscriptions/acknowledged')
    })
    await using _second = second
    expect(await eraOf(gateway)).toBe(after)
    // Nobody here sees when the new one is listened to: what it tells before is lost.
    await expect
      .poll(async () => {
        await gateway.ask('tools/call', {name: 'test_trigger_tool_change', arguments: {}})
        return notices.items.map(({method}) => method)
      })
      .toContain('notifications/tools/list_changed')
    leaving.abort()
  })
})
