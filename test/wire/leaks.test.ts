import {Clients} from '../../src/lib/gateway/clients.ts'
import {Lives} from '../../src/lib/gateway/lives.ts'
import {getEventListeners} from 'node:events'
import {expect, test} from 'vitest'
import {Gateway} from '../../src/lib/gateway/gateway.ts'
import {Memory} from '../../src/lib/gateway/memory.ts'
import {notification, request} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {bindServer} from '../../src/lib/model/server.ts'
import {fakeServer, type FakeServer} from '../support/fake-upstream.ts'
import {startHttpEndpoint, type HttpEndpoint} from '../support/http-endpoint.ts'
import {TestClient} from '../support/in-process-gateway.ts'
import {cut, RawClient} from '../support/raw-http.ts'
import {active, expectActive} from './active.ts'
import {middlewares} from './governed.ts'
import {fakeFleet} from '../support/fake-fleet.ts'

const SESSIONS = 200

/** A gateway with one server in memory, which answers no call. */
function gatewayWith(server: FakeServer, stop: AbortController): Gateway {
  const start = bindServer({name: 'demo', image: 'none'}, {}, '/home/me')
  if (start.kind !== 'container') throw new Error(start.kind)
  return new Gateway({
    limits: {tools: undefined, tokens: undefined},
    version: '1',
    clients: new Clients(undefined, []),
    lives: new Lives(Date.now),
    housekeeping: {[Symbol.asyncDispose]: async () => undefined},
    life: {idleMs: undefined, longLived: false, standby: {min: 0, max: 0}},
    plan: {
      servers: [
        {
          name: 'demo',
          prefix: undefined,
          tools: undefined,
          startTimeoutMs: 60_000,
          callTimeoutMs: 60_000,
          start,
        },
      ],
    },
    fleet: fakeFleet(() => ({legacy: server.open, modern: undefined, tellsOrigin: false})),
    status: {
      read: async () => new Map(),
      ready: async () => undefined,
      failed: async () => undefined,
    },
    memory: new Memory({
      dir: '/nowhere',
      warn: () => undefined,
      redact: text => text,
      now: () => 0,
    }),
    redact: text => text,
    showRemembered: true,
    middlewares,
    patienceMs: 60_000,
    now: () => 0,
    log: () => undefined,
    notify: () => undefined,
    stop,
  })
}

/** Uses a session in every way that leaves something to be tidied up, and ends it in the middle of all that. */
async function useAndLeave(gateway: Gateway, server: FakeServer, nth: number): Promise<void> {
  const client = new TestClient(gateway, `session-${nth}`)
  await client.initialize()
  await client.request('tools/list')
  client.session.receive(request('kept', 'tools/call', {name: 'wait', _meta: {progressToken: 0}}))
  client.session.receive(request('given up', 'tools/call', {name: 'wait'}))
  // The list of prompts is never answered: its patience is still running at the end.
  client.session.receive(request('slow', 'prompts/list'))
  const upstream = await server.start(nth)
  await upstream.request('tools/call', 1)
  await upstream.request('prompts/list')
  client.session.receive(notification('notifications/cancelled', {requestId: 'given up'}))
  upstream.say(request('asked', 'vendor/ask'))
  upstream.say(notification('notifications/tools/list_changed'))
  await client.session.close()
}

test('two hundred sessions that end in the middle of their work leave no timer, listener or server', async () => {
  const server = fakeServer({
    hello: {capabilities: {tools: {}, prompts: {}}},
    answers: {
      'tools/list': {tools: [{name: 'wait'}]},
      'tools/call': () => undefined,
      'prompts/list': () => undefined,
    },
  })
  const stop = new AbortController()
  await using gateway = gatewayWith(server, stop)
  const before = active()
  for (let nth = 0; nth < SESSIONS; nth += 1) await useAndLeave(gateway, server, nth)
  await expectActive(before)
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  expect(server.starts.map(({disposals}) => disposals)).toEqual(Array(SESSIONS).fill(1))
})

const AT_ONCE = 20

/** Leaves a stream and a call open, one way or another. Gives what ending the session twice is answered with. */
async function comeAndGo({port}: HttpEndpoint, nth: number): Promise<number[]> {
  const client = await RawClient.open(port)
  const stream = await client.listen()
  const call = await client.startCall('kept', 'wait')
  // The client's connections may be gone before its session is, or go with it.
  if (nth % 2 === 0) await Promise.all([cut(stream), cut(call)])
  return [(await client.delete()).status, (await client.delete()).status]
}

test('two hundred clients that leave over HTTP, one way or another, leave no socket, timer or session', async () => {
  await using endpoint = await startHttpEndpoint()
  const before = active()
  for (let nth = 0; nth < SESSIONS; nth += AT_ONCE) {
    const clients = Array.from({length: AT_ONCE}, (_, at) => comeAndGo(endpoint, nth + at))
    expect(await Promise.all(clients)).toEqual(clients.map(() => [204, 404]))
  }
  expect(endpoint.closed).toHaveLength(SESSIONS)
  expect(endpoint.warnings).toEqual([])
  await expectActive(before)
})
