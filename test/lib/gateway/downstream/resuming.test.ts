import {text} from 'node:stream/consumers'
import {promisify} from 'node:util'
import {CallToolResultSchema} from '@modelcontextprotocol/sdk/types.js'
import {describe, expect, test} from 'vitest'
import {notification, request} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {
  startHttpEndpoint,
  type HttpEndpoint,
  type ServerEnd,
} from '../../../support/http-endpoint.ts'
import {all, cut, events, rawEvents, RawClient, type RawEvent} from '../../../support/raw-http.ts'
import {sdkClient} from '../../../support/sdk-http.ts'

/** A client with a call that its server has and does not answer, its stream open. */
async function waitingCall(endpoint: HttpEndpoint, version?: string) {
  const client = await RawClient.open(endpoint.port, {}, version)
  await client.call('warm', 'echo')
  const end = endpoint.ends.get(client.id)
  if (!end) throw new Error('no server')
  const call = await client.startCall(7, 'wait')
  await expect.poll(() => end.waiting).toHaveLength(1)
  return {client, end, call, stream: rawEvents(call.incoming)}
}

async function next(stream: AsyncGenerator<RawEvent>): Promise<RawEvent> {
  const {value} = await stream.next()
  return value
}

function say(end: ServerEnd, data: unknown): void {
  end.send(notification('notifications/message', {level: 'info', data: String(data)}))
}

function connections({server}: HttpEndpoint): Promise<number> {
  return promisify(server.getConnections.bind(server))()
}

/** Cuts a connection; resolves when the gateway has seen it, with so many others left. */
async function lose(
  endpoint: HttpEndpoint,
  call: Parameters<typeof cut>[0],
  left: number,
): Promise<void> {
  await cut(call)
  await expect.poll(() => connections(endpoint)).toBe(left)
}

describe('a call whose connection is lost', () => {
  test('goes on, and its client gets what it missed and the answer where it left off', async () => {
    await using endpoint = await startHttpEndpoint()
    const {client, end, call, stream} = await waitingCall(endpoint)
    expect(await next(stream)).toMatchObject({data: '', retry: '1000'})
    say(end, 'seen')
    const seen = await next(stream)
    await lose(endpoint, call, 0)
    say(end, 'missed')
    const back = await client.listen(seen.id)
    expect(back.incoming.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'mcp-session-id': client.id,
    })
    const rest = events(back.incoming)
    expect(await rest.next()).toMatchObject({value: {params: {data: 'missed'}}})
    say(end, 'live')
    expect(await rest.next()).toMatchObject({value: {params: {data: 'live'}}})
    end.release('done')
    expect(await rest.next()).toMatchObject({value: {id: 7, result: {content: [{text: 'done'}]}}})
    expect(await rest.next()).toMatchObject({done: true})
    expect(end.received.filter(({method}) => method === 'notifications/cancelled')).toEqual([])
  })

  test('that ends meanwhile is answered when its client comes back, from its first event on', async () => {
    await using endpoint = await startHttpEndpoint()
    const {client, end, call, stream} = await waitingCall(endpoint)
    const primer = await next(stream)
    await lose(endpoint, call, 0)
    say(end, 'late')
    end.release('later')
    const {incoming} = await client.listen(primer.id)
    const seen = await all(rawEvents(incoming))
    expect(seen.map(({data = ''}) => JSON.parse(data))).toMatchObject([
      {params: {data: 'late'}},
      {id: 7, result: {}},
    ])
    // Again, and from the middle: an id is a place, not a ticket.
    const again = await client.listen(seen[0]?.id)
    expect(await all(events(again.incoming))).toMatchObject([{id: 7}])
    // At its end there is nothing to come back for.
    const over = await client.listen(seen[1]?.id)
    expect({status: over.incoming.statusCode, body: await text(over.incoming)}).toEqual({
      status: 204,
      body: '',
    })
  })

  test('sends nothing of it on the stream that the client listens on', async () => {
    await using endpoint = await startHttpEndpoint()
    const {client, end, call, stream} = await waitingCall(endpoint)
    const listening = await client.listen()
    const primer = await next(stream)
    await lose(endpoint, call, 1)
    say(end, 'of the call')
    end.release('done')
    say(end, 'of no call')
    expect(await events(listening.incoming).next()).toMatchObject({
      value: {params: {data: 'of no call'}},
    })
    const {incoming} = await client.listen(primer.id)
    expect(await all(events(incoming))).toMatchObject([{params: {data: 'of the call'}}, {id: 7}])
  })

  test('passes a question of its server to a client that listens, though it never comes back', async () => {
    await using endpoint = await startHttpEndpoint()
    const {client, end, call, stream} = await waitingCall(endpoint)
    const listening = await client.listen()
    await next(stream)
    await lose(endpoint, call, 1)
    end.send(request('q', 'roots/list'))
    const {value} = await events(listening.incoming).next()
    expect(value).toMatchObject({method: 'roots/list'})
    await client.post({jsonrpc: '2.0', id: Object(value)['id'], result: {roots: []}})
    await expect.poll(() => end.received.at(-1)).toMatchObject({id: 'q', result: {roots: []}})
  })

  test('keeps a question of its server for a client that never listened', async () => {
    await using endpoint = await startHttpEndpoint()
    const {client, end, call, stream} = await waitingCall(endpoint)
    const primer = await next(stream)
    await lose(endpoint, call, 0)
    end.send(request('q', 'roots/list'))
    const {incoming} = await client.listen(primer.id)
    expect(await events(incoming).next()).toMatchObject({value: {method: 'roots/list'}})
  })

  test.each(['2024-11-05', '2025-03-26', '2025-06-18'])(
    'and whose client of %s has no id to come back with, goes on where that client listens',
    async version => {
      await using endpoint = await startHttpEndpoint()
      const {client, end, call} = await waitingCall(endpoint, version)
      const listening = await client.listen()
      await lose(endpoint, call, 1)
      say(end, 'progress')
      end.release('nevertheless')
      const heard = events(listening.incoming)
      expect(await heard.next()).toMatchObject({value: {params: {data: 'progress'}}})
      expect(await heard.next()).toMatchObject({value: {id: 7, result: {}}})
    },
  )

  test('can be taken over by a second connection while the first still seems to live', async () => {
    await using endpoint = await startHttpEndpoint()
    const {client, end, call, stream} = await waitingCall(endpoint)
    const primer = await next(stream)
    const {incoming} = await client.listen(primer.id)
    expect(await next(stream)).toBeUndefined()
    end.release('to the second')
    expect(await all(events(incoming))).toMatchObject([{id: 7}])
    call.outgoing.destroy()
  })
})

describe('a stream of no call that is lost', () => {
  test('goes on after the last event that the client saw', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    await client.call(1, 'echo')
    const end = endpoint.ends.get(client.id)
    if (!end) throw new Error('no server')
    const first = await client.listen()
    const stream = rawEvents(first.incoming)
    say(end, 1)
    const seen = await next(stream)
    say(end, 2)
    expect(await next(stream)).toMatchObject({data: expect.stringContaining('"2"')})
    await lose(endpoint, first, 0)
    say(end, 3)
    // A client that does not say where it was gets each message once.
    const plain = await client.listen()
    expect(await events(plain.incoming).next()).toMatchObject({value: {params: {data: '3'}}})
    const again = events((await client.listen(seen.id)).incoming)
    expect(await again.next()).toMatchObject({value: {params: {data: '2'}}})
    expect(await again.next()).toMatchObject({value: {params: {data: '3'}}})
    say(end, 4)
    expect(await again.next()).toMatchObject({value: {params: {data: '4'}}})
  })
})

describe('a client that comes back with an id', () => {
  test.each([
    ['junk', () => 'junk'],
    ['of an event that is still to come', (id: string) => id.replace(/\d+$/, '99')],
    ['of a stream that never was', (id: string) => id.replace(/-\d+-\d+$/, '-99-0')],
    ['of another session', (_: string, other: string) => other],
  ])('that is %s is refused', async (_, change) => {
    await using endpoint = await startHttpEndpoint()
    const {client, stream} = await waitingCall(endpoint)
    const other = await waitingCall(endpoint)
    const {id = ''} = await next(stream)
    const {id: foreign = ''} = await next(other.stream)
    const {incoming} = await client.listen(change(id, foreign))
    expect(incoming.statusCode).toBe(400)
    expect(JSON.parse(await text(incoming))).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: {code: -32600, message: expect.stringContaining('Last-Event-ID')},
    })
  })

  test('too late is refused, and can begin anew', async () => {
    let now = 0
    await using endpoint = await startHttpEndpoint({now: () => now})
    const {client, end, call, stream} = await waitingCall(endpoint)
    const {id} = await next(stream)
    await lose(endpoint, call, 0)
    end.release('too late')
    const inTime = await client.listen(id)
    expect(await all(events(inTime.incoming))).toMatchObject([{id: 7}])
    now = 5 * 60_000 + 1
    expect((await client.listen(id)).incoming.statusCode).toBe(400)
    expect((await client.listen()).incoming.statusCode).toBe(200)
    expect(await client.call(8, 'echo')).toMatchObject([{id: 8}])
  })

  test('that is empty just listens', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await RawClient.open(endpoint.port)
    expect((await client.listen('')).incoming.statusCode).toBe(200)
  })
})

test('a client of the SDK gets the answer to a call whose connection broke', async () => {
  await using endpoint = await startHttpEndpoint()
  await using sdk = await sdkClient(endpoint)
  const tokens: string[] = []
  const params = {name: 'wait', arguments: {}}
  const answer = sdk.client.request({method: 'tools/call', params}, CallToolResultSchema, {
    onresumptiontoken: token => tokens.push(token),
  })
  await expect.poll(() => tokens).toHaveLength(1)
  await expect.poll(() => [...endpoint.ends.values()][0]?.waiting).toHaveLength(1)
  // Every connection of this client, the one of the call too.
  endpoint.server.closeAllConnections()
  for (const end of endpoint.ends.values()) end.release('after all')
  expect(await answer).toMatchObject({content: [{text: 'after all'}]})
})
