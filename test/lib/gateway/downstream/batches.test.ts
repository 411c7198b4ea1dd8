import {text} from 'node:stream/consumers'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {startHttpEndpoint} from '../../../support/http-endpoint.ts'
import {all, events, RawClient} from '../../../support/raw-http.ts'

const ping = (id: unknown) => ({jsonrpc: '2.0', id, method: 'ping'})
const notice = {jsonrpc: '2.0', method: 'notifications/initialized'}
const call = (id: number, name: string, args: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: {name, arguments: args},
})

async function oldClient(port: number): Promise<RawClient> {
  const client = await RawClient.open(port, {}, '2025-03-26')
  await client.call('warm', 'echo')
  return client
}

describe('a batch over HTTP', () => {
  test('is answered by one that is JSON when all answers come at once', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    const {incoming} = await client.post([ping(1), notice, ping('two')])
    expect(incoming.headers['content-type']).toBe('application/json')
    expect(JSON.parse(await text(incoming))).toEqual([
      {jsonrpc: '2.0', id: 1, result: {}},
      {jsonrpc: '2.0', id: 'two', result: {}},
    ])
  })

  test('of one request is answered by an array of one', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    const {incoming} = await client.post([ping(1)])
    expect(JSON.parse(await text(incoming))).toEqual([{jsonrpc: '2.0', id: 1, result: {}}])
  })

  test('becomes a stream when one of its calls takes its time, and ends with the last answer', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    const {incoming} = await client.post([call(1, 'wait'), ping(2), call(3, 'notify', {count: 1})])
    expect(incoming.headers['content-type']).toBe('text/event-stream')
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    endpoint.ends.get(client.id)?.release('last')
    const messages = await all(events(incoming))
    expect(new Set(messages.map(({id}) => id))).toEqual(new Set([1, 2, 3, undefined]))
    expect(messages.at(-1)).toMatchObject({id: 1, result: {content: [{text: 'last'}]}})
  })

  test('has each request answered once, whatever is in it', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    const part = fc.constantFrom('ping', 'echo', 'notify', 'notice', 'junk')
    await fc.assert(
      fc.asyncProperty(fc.array(part, {minLength: 1, maxLength: 12}), async parts => {
        const batch = parts.map((kind, id) => {
          if (kind === 'ping') return ping(id)
          if (kind === 'notice') return notice
          return kind === 'junk' ? {junk: id} : call(id, kind, {count: 1})
        })
        const {incoming} = await client.post(batch)
        expect(incoming.statusCode).toBe(parts.every(kind => kind === 'notice') ? 202 : 200)
        const answers = (await all(events(incoming))).filter(({method}) => method === undefined)
        const ids = parts.flatMap((kind, id) => (kind === 'notice' || kind === 'junk' ? [] : [id]))
        const given = answers.map(({id}) => id)
        expect(given.filter(id => id !== null).toSorted((a, b) => Number(a) - Number(b))).toEqual(
          ids,
        )
        expect(given.filter(id => id === null)).toHaveLength(
          parts.filter(kind => kind === 'junk').length,
        )
      }),
      {numRuns: 30},
    )
  })

  test('of nothing but notices and answers is taken without a word', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    const {incoming} = await client.post([notice, {jsonrpc: '2.0', id: 'g-1', result: {}}])
    expect({status: incoming.statusCode, body: await text(incoming)}).toEqual({
      status: 202,
      body: '',
    })
  })

  test('with a request that is cancelled is answered for the others', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    const answer = client.post([call(1, 'wait'), ping(2)], {accept: 'application/json'})
    await expect.poll(() => endpoint.ends.get(client.id)?.waiting).toHaveLength(1)
    await client.post({jsonrpc: '2.0', method: 'notifications/cancelled', params: {requestId: 1}})
    expect(JSON.parse(await text((await answer).incoming))).toMatchObject([{id: 2}])
  })

  test.each([
    ['is empty', [], 'the batch is empty'],
    ['opens a session', [{...ping(1), method: 'initialize'}], 'initialize is sent by itself'],
    ['uses an id twice', [ping(1), ping(1)], 'the same id'],
    ['is too long', Array.from({length: 1001}, () => notice), 'at most 1000 messages'],
  ])('is refused when it %s', async (_, batch, why) => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    const {incoming} = await client.post(batch)
    expect(incoming.statusCode).toBe(400)
    expect(JSON.parse(await text(incoming))).toMatchObject({
      id: null,
      error: {code: -32600, message: expect.stringContaining(why)},
    })
  })

  test('is refused when an id in it is in use', async () => {
    await using endpoint = await startHttpEndpoint()
    const client = await oldClient(endpoint.port)
    await client.startCall(1, 'wait')
    const {incoming} = await client.post([ping(2), ping(1)])
    expect(incoming.statusCode).toBe(400)
    expect(await text(incoming)).toContain('already in use')
  })

  test.each(['2024-11-05', '2025-06-18', '2025-11-25'])(
    'is refused in %s, in words that say so',
    async version => {
      await using endpoint = await startHttpEndpoint()
      const client = await RawClient.open(endpoint.port, {}, version)
      const {incoming} = await client.post([ping(1), ping(2)])
      expect(incoming.statusCode).toBe(400)
      expect(JSON.parse(await text(incoming))).toMatchObject({
        error: {code: -32600, message: 'batches are not taken: send one message at a time'},
      })
    },
  )
})
