import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isJsonObject, type Json, type JsonObject} from '../../src/lib/base/json.ts'
import {
  isResult,
  notification,
  request,
  result,
  type Id,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {connectedClient, type FakeClient} from '../support/fake-client.ts'
import {fakeServer, type FakeScript} from '../support/fake-upstream.ts'

/** Any id or token of JSON: texts that look like numbers, numbers that look like texts, and names that mean something. */
const anyId: fc.Arbitrary<Id> = fc.oneof(
  fc.string({unit: 'binary', maxLength: 20}),
  fc.constantFrom('', '0', '1', '-1', '0.5', '1e21', 'g-1', 'null', '__proto__', 'constructor'),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, 0.5, 1e21, Number.MIN_VALUE, Number.MAX_VALUE),
  fc
    .double({noNaN: true, noDefaultInfinity: true})
    .map(value => (Object.is(value, -0) ? 0 : value)),
)
const anyIds = fc.uniqueArray(anyId, {minLength: 1, maxLength: 8, comparator: 'SameValue'})

/** A call of the tool `go`. */
const call = (id: Id, params: JsonObject = {}) => request(id, 'tools/call', {name: 'go', ...params})

/** A server with the tool `go`, whose calls the test answers. */
const PATIENT: FakeScript = {
  hello: {capabilities: {tools: {}}},
  answers: {
    'tools/list': {tools: [{name: 'go', inputSchema: {type: 'object'}}]},
    'tools/call': () => undefined,
  },
}

/** The server's own ids of the calls that it has got, in the order of the client's. */
async function receivedIds(server: ReturnType<typeof fakeServer>, count: number): Promise<Id[]> {
  const upstream = await server.start()
  const ids: Id[] = []
  for (let nth = 0; nth < count; nth += 1) ids.push((await upstream.request('tools/call', nth)).id)
  return ids
}

function metaOf(params: JsonObject | undefined): JsonObject {
  const meta = params?.['_meta']
  return isJsonObject(meta) ? meta : {}
}

describe('any client and server', () => {
  test('get every answer under the id of its request, in whatever order answers come', async () => {
    await fc.assert(
      fc.asyncProperty(anyIds, fc.infiniteStream(fc.nat()), async (ids, order) => {
        const server = fakeServer(PATIENT)
        const client = await connectedClient({servers: {demo: server}})
        const answers = ids.map(id => client.send(call(id)))
        const upstream = await server.start()
        const waiting = await receivedIds(server, ids.length)
        const texts = new Map(waiting.map((own, index) => [own, index]))
        expect(texts.size).toBe(ids.length)
        while (waiting.length > 0) {
          const [own = ''] = waiting.splice((order.next().value ?? 0) % waiting.length, 1)
          upstream.say(result(own, {content: [], about: texts.get(own)}))
        }
        const given = await Promise.all(answers)
        expect(given).toEqual(ids.map((id, about) => result(id, {content: [], about})))
        await client.session.close()
      }),
    )
  })

  test('get progress under the token of the request, and about this request', async () => {
    await fc.assert(
      fc.asyncProperty(anyIds, async tokens => {
        const server = fakeServer(PATIENT)
        const client = await connectedClient({servers: {demo: server}})
        const answers = tokens.map((progressToken, index) =>
          client.send(call(`call ${index}`, {_meta: {progressToken}})),
        )
        const upstream = await server.start()
        const ids = await receivedIds(server, tokens.length)
        for (const [index, id] of ids.entries()) {
          const {params} = await upstream.request('tools/call', index)
          const {progressToken} = metaOf(params)
          upstream.say(notification('notifications/progress', {progressToken, progress: index}))
          upstream.say(result(id, {content: []}))
        }
        await Promise.all(answers)
        const seen = client.arrived.items.filter(({message}) => message['method'])
        expect(seen.map(({about}) => about)).toEqual(tokens.map((_, index) => `call ${index}`))
        expect(seen.map(({message}) => message['params'])).toEqual(
          tokens.map((progressToken, progress) => ({progressToken, progress})),
        )
        await client.session.close()
      }),
    )
  })

  test('get each other’s answers and progress when the server asks, from two servers at once', async () => {
    await fc.assert(
      fc.asyncProperty(anyIds, async ids => {
        const servers = {one: fakeServer(PATIENT), two: fakeServer(PATIENT)}
        const client = await connectedClient({servers}, {capabilities: {roots: {}}})
        await client.ask('tools/list')
        for (const [name, server] of Object.entries(servers)) {
          const upstream = await server.start()
          for (const id of ids) {
            const params = {_meta: {progressToken: id}, about: [name, id]}
            upstream.say(request(id, 'roots/list', params))
          }
        }
        for (let nth = 0; nth < 2 * ids.length; nth += 1) {
          const {id, params} = await client.asked('roots/list', nth)
          const {progressToken} = metaOf(params)
          const about: Json = params?.['about'] ?? null
          client.session.receive(
            notification('notifications/progress', {progressToken, progress: 1, about}),
          )
          client.session.receive(result(id, {roots: [], about}))
        }
        for (const [name, server] of Object.entries(servers)) {
          const {items} = (await server.start()).received
          const reports = items.filter(({method}) => method === 'notifications/progress')
          expect(reports.map(({params}) => params)).toEqual(
            ids.map(progressToken => ({progressToken, progress: 1, about: [name, progressToken]})),
          )
          const answers = items.filter(message => 'result' in message)
          expect(answers).toEqual(ids.map(id => result(id, {roots: [], about: [name, id]})))
        }
        await client.session.close()
      }),
    )
  })
})

/** Lists of two servers, each cut into pages by cursors of its own. */
const anyPages = fc.uniqueArray(fc.string({unit: 'binary', maxLength: 8}), {maxLength: 6})

/** Follows the cursors to the end. */
async function everyItem(client: FakeClient, method: string, key: string): Promise<Json[]> {
  const items: Json[] = []
  for (let params: JsonObject | undefined; ; ) {
    const page = await client.ask(method, params)
    const listed = page[key]
    items.push(...(Array.isArray(listed) ? listed : []))
    if (page['nextCursor'] === undefined) return items
    params = {cursor: page['nextCursor']}
  }
}

/** A server whose resources come in one page for each cursor. */
const paged = (name: string, cursors: readonly string[]): FakeScript => ({
  hello: {capabilities: {resources: {}}},
  answers: {
    'resources/list': ({params}) => {
      const cursor = params?.['cursor']
      const page = typeof cursor === 'string' ? cursors.indexOf(cursor) + 1 : 0
      const nextCursor = cursors[page]
      return {
        resources: [{uri: `${name}:${page}`, name}],
        ...(nextCursor !== undefined && {nextCursor}),
      }
    },
  },
})

/** What it then lists. */
const listedBy = (name: string, cursors: readonly string[]) =>
  ['', ...cursors].map((_, page) => ({uri: `${name}:${page}`, name}))

describe('lists', () => {
  test('hold all pages, whatever the cursors are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.tuple(anyPages, anyPages), async pages => {
        const [one, two] = pages
        const client = await connectedClient({
          servers: {one: fakeServer(paged('one', one)), two: fakeServer(paged('two', two))},
        })
        const items = await everyItem(client, 'resources/list', 'resources')
        expect(items).toEqual([...listedBy('one', one), ...listedBy('two', two)])
        await client.session.close()
      }),
    )
  })
})

/** Names that meet, that look as if they were made, and that no model API takes. */
const anyName = fc.oneof(
  fc.constantFrom('a', 'b', 'a__a', 'b__a', 'a.b', 'a_b', '__proto__', 'constructor', 'ä', ' '),
  fc.constantFrom('x'.repeat(64), 'x'.repeat(65), `${'x'.repeat(64)}y`),
  fc.string({unit: 'binary', minLength: 1, maxLength: 80}),
)
const anyNames = fc.uniqueArray(anyName, {maxLength: 6})

/** A server with tools that tell what they were called. */
const named = (server: string, names: readonly string[]): FakeScript => ({
  hello: {capabilities: {tools: {}}},
  answers: {
    'tools/list': {tools: names.map(name => ({name, inputSchema: {type: 'object'}}))},
    'tools/call': ({params}) => ({content: [], called: [server, params?.['name'] ?? null]}),
  },
})

describe('names', () => {
  test('are unique, fit model APIs, and lead back to their server and its own name', async () => {
    await fc.assert(
      fc.asyncProperty(anyNames, anyNames, async (one, two) => {
        const client = await connectedClient({
          servers: {a: fakeServer(named('a', one)), b: fakeServer(named('b', two))},
        })
        const shown: string[] = []
        const reached: Json[] = []
        for (const item of await everyItem(client, 'tools/list', 'tools')) {
          const name = isJsonObject(item) ? item['name'] : undefined
          if (typeof name !== 'string') continue
          shown.push(name)
          const answer = await client.send(call(`call ${name}`, {name}))
          reached.push(isResult(answer) ? (answer.result['called'] ?? null) : null)
        }
        expect(new Set(shown).size).toBe(shown.length)
        for (const name of shown) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/)
        expect(reached).toEqual([...one.map(name => ['a', name]), ...two.map(name => ['b', name])])
        await client.session.close()
      }),
    )
  })

  test('are the server’s own when there is only one server', async () => {
    await fc.assert(
      fc.asyncProperty(anyNames, async names => {
        const tools = names.map(name => ({name, inputSchema: {type: 'object'}}))
        const server = fakeServer({
          hello: {capabilities: {tools: {}}},
          answers: {'tools/list': {tools}},
        })
        const client = await connectedClient({servers: {demo: server}})
        expect(await client.ask('tools/list')).toEqual({tools})
        await client.session.close()
      }),
    )
  })
})
