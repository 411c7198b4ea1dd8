import {text} from 'node:stream/consumers'
import {describe, expect, test} from 'vitest'
import {startHttpEndpoint} from '../../../support/http-endpoint.ts'
import {all, events, fetchRaw, rawEvents, RawClient} from '../../../support/raw-http.ts'

const EVENTS = {accept: 'text/event-stream'}
const JSON_ONLY = {accept: 'application/json'}

function call(name: string, id: number, args: object = {}): object {
  return {jsonrpc: '2.0', id, method: 'tools/call', params: {name, arguments: args}}
}

/** A client whose server runs, so that its calls are answered at once. */
async function warmClient(port: number, version?: string) {
  const client = await RawClient.open(port, {}, version)
  await client.call('warm', 'echo')
  return client
}

describe('a call that is answered at once', () => {
  test('gets one JSON body', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const {incoming} = await client.post(call('echo', 1, {}))
    const body = await text(incoming)
    expect(incoming.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'mcp-session-id': client.id,
    })
    expect(JSON.parse(body)).toMatchObject({jsonrpc: '2.0', id: 1, result: {}})
  })

  test('is no list, which comes as a stream that can be resumed', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const {incoming} = await client.post({jsonrpc: '2.0', id: 1, method: 'tools/list'})
    expect(incoming.headers['content-type']).toBe('text/event-stream')
    const [primer, answer] = await all(rawEvents(incoming))
    expect(primer).toMatchObject({id: expect.stringMatching(/-0$/), data: ''})
    expect(JSON.parse(answer?.data ?? '')).toMatchObject({id: 1})
  })

  test('has its length in bytes', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const {incoming} = await client.post(call('echo', 1, {text: 'é ⚓ \u{1f433}'}), JSON_ONLY)
    const body = await text(incoming)
    expect(incoming.headers['content-length']).toBe(String(Buffer.byteLength(body)))
    expect(body).toContain('é ⚓ \u{1f433}')
  })

  test('leaves nothing behind that a session is ended or resumed with', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    await client.post(call('echo', 1, {}))
    // The same id is free again.
    expect(await client.call(1, 'echo')).toMatchObject([{id: 1}])
  })
})

describe('a call with more than an answer', () => {
  test('gets a stream, which clients of 2025-11-25 can come back to from its first byte', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const {incoming} = await client.startCall(1, 'notify', {count: 1})
    const [primer, ...rest] = await all(rawEvents(incoming))
    expect(primer).toEqual({id: expect.stringMatching(/-0$/), retry: '1000', data: ''})
    expect(rest).toMatchObject([
      {id: expect.stringMatching(/-1$/)},
      {id: expect.stringMatching(/-2$/)},
    ])
  })

  test.each(['2024-11-05', '2025-03-26', '2025-06-18'])(
    'gets no event without data in %s',
    async version => {
      await using endpoint = await startHttpEndpoint()
      const client = await warmClient(endpoint.port, version)
      const {incoming} = await client.startCall(1, 'notify', {count: 1})
      expect(await all(rawEvents(incoming))).toMatchObject([
        {event: 'message', data: expect.stringContaining('notifications/message')},
        {event: 'message', data: expect.stringContaining('told')},
      ])
    },
  )

  test('gets its stream before the answer is there', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const {incoming} = await client.startCall(1, 'wait')
    expect(incoming.headers['content-type']).toBe('text/event-stream')
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    endpoint.ends.get(client.id)?.release('slowly')
    expect(await all(events(incoming))).toMatchObject([{id: 1}])
  })
})

describe('a client that takes only', () => {
  test('streams gets one at once', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const {incoming} = await client.post({jsonrpc: '2.0', id: 1, method: 'ping'}, EVENTS)
    expect(await all(rawEvents(incoming))).toMatchObject([{data: ''}, {event: 'message'}])
  })

  test('JSON gets the answer alone, and the rest where it listens', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const listening = await client.listen()
    const {incoming} = await client.post(call('notify', 1, {count: 1}), JSON_ONLY)
    expect(await all(events(incoming))).toMatchObject([{id: 1, result: {}}])
    expect(await events(listening.incoming).next()).toMatchObject({
      value: {method: 'notifications/message'},
    })
  })

  test('JSON waits as long as it takes', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const answer = client.post(call('wait', 1), JSON_ONLY)
    // A second call that is slow enough for a stream says that the first could have had one long ago.
    const {incoming} = await client.startCall(2, 'wait')
    expect(incoming.headers['content-type']).toBe('text/event-stream')
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(2)
    endpoint.ends.get(client.id)?.release('one')
    endpoint.ends.get(client.id)?.release('two')
    expect(await all(events((await answer).incoming))).toMatchObject([{id: 1}])
  })

  test('other things is refused, and opens no session', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const {incoming} = await client.post(call('echo', 1), {accept: 'text/html'})
    expect(incoming.statusCode).toBe(406)
    const headers = {'content-type': 'application/json', accept: 'image/png'}
    const body = JSON.stringify({jsonrpc: '2.0', id: 1, method: 'initialize', params: {}})
    const {port} = endpoint
    const refused = await fetchRaw({port, method: 'POST', headers, body})
    expect(refused).toMatchObject({status: 406, body: expect.stringContaining('Accept')})
    expect(refused.headers['mcp-session-id']).toBeUndefined()
  })
})

describe('a call that is cancelled', () => {
  test.each([
    ['application/json, text/event-stream', 200, 'text/event-stream'],
    ['application/json', 202, undefined],
  ])('ends without an answer for a client that takes %s', async (accept, status, type) => {
    await using endpoint = await startHttpEndpoint()
    const client = await warmClient(endpoint.port)
    const answer = client.post(call('wait', 1), {accept})
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    const params = {requestId: 1}
    await client.post({jsonrpc: '2.0', method: 'notifications/cancelled', params})
    const {incoming} = await answer
    expect({status: incoming.statusCode, type: incoming.headers['content-type']}).toEqual({
      status,
      type,
    })
    expect(await all(events(incoming))).toEqual([])
  })
})

test('requests that nobody waits for any more are not endless in number', async () => {
  await using endpoint = await startHttpEndpoint()
  const client = await RawClient.open(endpoint.port, {}, '2025-03-26')
  await client.call('warm', 'echo')
  const many = Array.from({length: 1000}, (_, id) => call('wait', id))
  const {outgoing} = await client.post(many)
  outgoing.destroy()
  const refused = await client.post(call('echo', 2000))
  expect(refused.incoming.statusCode).toBe(503)
  await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1000)
  endpoint.ends.get(client.id)?.release('one')
  await expect.poll(() => client.call(2001, 'echo')).toMatchObject([{id: 2001}])
})
