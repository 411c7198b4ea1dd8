import * as fc from 'fast-check'
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest'
import type {Json, JsonObject} from '../../src/lib/base/json.ts'
import {RPC} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../src/lib/gateway/wire/meta.ts'
import {fakeServer, toolScript} from '../support/fake-upstream.ts'
import {modernServer} from '../support/modern-server.ts'
import {fetchRaw} from '../support/raw-http.ts'
import {expectUnpolluted, INHERITED} from './hostile.ts'
import {
  ask,
  askRaw,
  LARGEST_BYTES,
  objectOf,
  posted,
  startWorld,
  VERSION,
  type Heard,
  type World,
} from './modern-world.ts'

/** Every kind of JSON value, those that programs trip over most of all. */
const anyJson: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, -1, 1.5, 1e21, '', 'x', VERSION, '__proto__'),
  fc.constantFrom<Json>([], [[]], {}, {a: {b: []}}),
  fc.constantFrom<Json>(...INHERITED.map(name => Object.fromEntries([[name, {polluted: 1}]]))),
)

/** A member that may be missing, in an object. */
const member = (name: string, value: fc.Arbitrary<Json | undefined>) =>
  value.map((own): JsonObject => (own === undefined ? {} : Object.fromEntries([[name, own]])))
const mostly = <T>(usual: T, others: fc.Arbitrary<T>) =>
  fc.oneof({weight: 12, arbitrary: fc.constant(usual)}, {weight: 1, arbitrary: others})
const merged = (...parts: readonly fc.Arbitrary<JsonObject>[]) =>
  fc.tuple(...parts).map((all): JsonObject => Object.assign({}, ...all))

/** What a client puts into a header, and what that says; undefined: nothing, or nothing that can be read. */
interface Put {
  readonly values: readonly string[]
  readonly says: string | undefined
}

const nothing: Put = {values: [], says: undefined}
const plain = (text: string): Put => ({values: [text], says: text})
const encoded = (text: string): Put => ({
  values: [`=?base64?${Buffer.from(text).toString('base64')}?=`],
  says: text,
})
const broken = fc
  .constantFrom('=?base64?YQ?=', '=?base64?YQ=?=', '=?base64?!!!!?=', '=?base64?/w==?=', '\u00e9')
  .map((text): Put => ({values: [text], says: undefined}))

const METHODS = [
  'tools/call',
  'tools/call',
  'tools/call',
  'tools/list',
  'prompts/get',
  'resources/read',
  'server/discover',
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'tasks/list',
  'vendor/do',
  '',
  ...INHERITED,
] as const
/** Names of the specification for what a method's header `Mcp-Name` repeats. */
const NAMED = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
])

const version = mostly<Json | undefined>(
  VERSION,
  fc.oneof(anyJson, fc.constantFrom(undefined, '2025-11-25', '2099-01-01', '2026-07-29')),
)
const meta = merged(
  member(META.version, version),
  member(META.capabilities, mostly<Json | undefined>({}, fc.option(anyJson, {nil: undefined}))),
  member('__proto__', mostly<Json | undefined>(undefined, anyJson)),
)
const name = fc.oneof(fc.constantFrom<Json>('ok', 'ok', 'nobody', 'caf\u00e9 \u2693'), anyJson)
const params = merged(
  member('_meta', mostly<Json | undefined>(undefined, anyJson)),
  member('name', name),
  member('uri', name),
  member('arguments', fc.option(anyJson, {nil: undefined})),
  member('inputResponses', fc.option(anyJson, {nil: undefined})),
  member('requestState', fc.option(anyJson, {nil: undefined})),
  ...INHERITED.map(key => member(key, mostly<Json | undefined>(undefined, anyJson))),
)

/** Everything that one client sends. */
const anyPost = fc
  .record({
    method: fc.constantFrom(...METHODS),
    id: mostly<Json | undefined>('own', fc.oneof(anyJson, fc.constant(undefined))),
    jsonrpc: mostly<Json | undefined>('2.0', anyJson),
    meta,
    params,
    odd: mostly<Json | undefined>(undefined, anyJson),
  })
  .chain(body => {
    const own = body.params[NAMED.get(body.method) ?? '']
    const right = typeof own === 'string' && NAMED.has(body.method) ? encoded(own) : nothing
    const said = body.meta[META.version]
    const headers = fc.record({
      version: mostly(
        typeof said === 'string' ? plain(said) : plain(VERSION),
        fc.constantFrom(nothing, plain('2025-11-25'), plain('2099-01-01'), twice(VERSION)),
      ),
      method: mostly(
        body.method === '' ? nothing : plain(body.method),
        fc.constantFrom(nothing, plain('tools/list'), plain('TOOLS/CALL'), twice(body.method)),
      ),
      name: mostly(right, fc.oneof(broken, fc.constantFrom(nothing, plain('other'), twice('ok')))),
    })
    return headers.map(all => ({...body, headers: all}))
  })

function twice(text: string): Put {
  return {values: [text, text], says: undefined}
}

type Post = typeof anyPost extends fc.Arbitrary<infer T> ? T : never

/** The params as they go out. */
function paramsOf({params: own, meta: _meta, odd}: Post): Json {
  return odd === undefined ? {_meta, ...own} : odd
}

/** An error of the specification, with its HTTP status. */
type Fault = readonly [status: number, code: number | undefined]

/**
 * Every error that the specification has for what is wrong with a post: of several, any may be the answer. Written
 * from the text of streamable HTTP, versioning and the base protocol alone.
 */
function faultsOf(post: Post): readonly Fault[] {
  const {id, jsonrpc, method, headers} = post
  const own = paramsOf(post)
  const isObject = typeof own === 'object' && own !== null && !Array.isArray(own)
  const isMessage =
    jsonrpc === '2.0' &&
    (isObject || own === null) &&
    (id === undefined || typeof id === 'string' || typeof id === 'number')
  if (!isMessage) return [[400, RPC.invalidRequest]]
  const _meta = objectOf(objectOf(own)['_meta'])
  const said = Object.hasOwn(_meta, META.version) ? _meta[META.version] : undefined
  const faults: Fault[] = []
  if (typeof said !== 'string' || !isOwnObject(_meta, META.capabilities)) {
    faults.push([400, RPC.invalidParams])
  }
  if (headers.version.says !== said) faults.push([400, RPC.headerMismatch])
  if (said !== VERSION && (said !== undefined || headers.version.says !== VERSION)) {
    faults.push([400, RPC.unsupportedVersion])
    // A session is meant, or nothing says that none is.
    faults.push([400, RPC.invalidRequest])
  }
  // A session is opened by whoever does not say that none is meant.
  if (method === 'initialize' && said !== VERSION) faults.push([200, undefined])
  // Of a notice only the revision counts, and no answer is made.
  if (id === undefined) return faults.length === 0 ? [] : [...faults, [202, undefined]]
  if (headers.method.says !== method) faults.push([400, RPC.headerMismatch])
  const named = NAMED.get(method)
  if (named === undefined) {
    if (headers.name.values.length > 1) faults.push([400, RPC.headerMismatch])
    return faults
  }
  const repeated = isObject && Object.hasOwn(own, named) ? own[named] : undefined
  const isWrong =
    headers.name.says !== (typeof repeated === 'string' ? repeated : undefined) ||
    (headers.name.values.length > 0 && headers.name.says === undefined)
  if (isWrong) faults.push([400, RPC.headerMismatch])
  return faults
}

function isOwnObject(value: JsonObject, key: string): boolean {
  const own = Object.hasOwn(value, key) ? value[key] : undefined
  return typeof own === 'object' && own !== null && !Array.isArray(own)
}

/** Methods that the revision has; all others have no handler. */
const KNOWN: ReadonlySet<string> = new Set([
  'tools/call',
  'tools/list',
  'prompts/get',
  'resources/read',
  'server/discover',
])

/** Every status and code that a post may be answered with. */
function outcomesOf(post: Post): readonly Fault[] {
  const faults = faultsOf(post)
  if (faults.length > 0) return faults
  if (post.id === undefined) return [[202, undefined]]
  const unknown: Fault = [404, RPC.methodNotFound]
  if (!KNOWN.has(post.method)) return [unknown]
  return [[200, undefined], [200, RPC.invalidParams], unknown]
}

/** Whether an error says which revision would have been right. */
function namesVersion({answer}: Heard): boolean {
  const {supported} = objectOf(objectOf(answer['error'])['data'])
  return Array.isArray(supported) && supported.includes(VERSION)
}

async function postTo({port}: World, post: Post): Promise<Heard> {
  const {jsonrpc, id, method, headers} = post
  const message = {jsonrpc, id, method, params: paramsOf(post)}
  const own = {
    'mcp-protocol-version': headers.version.values,
    'mcp-method': headers.method.values,
    'mcp-name': headers.name.values,
  }
  const present = Object.entries(own).filter(([, values]) => values.length > 0)
  return askRaw({
    port,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...Object.fromEntries(present.map(([key, values]) => [key, [...values]])),
    },
    body: JSON.stringify(message),
  })
}

const legacyOk = () =>
  fakeServer({...toolScript('ok'), hello: {capabilities: {tools: {}, prompts: {}, resources: {}}}})
const modernOk = () =>
  modernServer({
    answers: {
      'tools/list': {resultType: 'complete', tools: [{name: 'ok', inputSchema: {type: 'object'}}]},
      'tools/call': ({params: own}) => ({
        resultType: 'complete',
        content: [],
        structuredContent: {called: own ?? {}},
      }),
    },
  })

afterEach(expectUnpolluted)

describe.each([
  ['a legacy server', () => ({old: legacyOk()})],
  ['a modern server', () => ({new: modernOk()})],
  ['servers of both eras', () => ({old: legacyOk(), new: modernOk()})],
])('whatever is posted without a session to a gateway with %s', (_, servers) => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({servers: servers()})
  })
  afterAll(() => world.stop())

  test('is answered once, as the specification says, and others are served', async () => {
    await fc.assert(
      fc.asyncProperty(anyPost, async post => {
        const heard = await postTo(world, post)
        expect(outcomesOf(post)).toContainEqual([heard.status, heard.code])
        expect(heard.messages).toHaveLength(heard.status === 202 ? 0 : 1)
        const isServed = faultsOf(post).length === 0
        expect(isServed ? [post.id] : [post.id, null]).toContainEqual(heard.answer['id'])
        expect(namesVersion(heard)).toBe(heard.code === RPC.unsupportedVersion)
      }),
      {numRuns: 400, timeout: 60_000},
    )
    const told = await ask(world, 'tools/call', {params: {name: 'ok', arguments: {text: 'otter'}}})
    expect(JSON.stringify(told.result)).toContain('otter')
    expect(world.warnings).toEqual([])
  })

  test('and is too large is refused by HTTP, and others are served', async () => {
    const large = {name: 'ok', arguments: {text: 'x'.repeat(LARGEST_BYTES)}}
    expect(await ask(world, 'tools/call', {params: large})).toMatchObject({
      status: 413,
      code: RPC.invalidRequest,
    })
    const {status} = await fetchRaw(
      posted(world.port, 'tools/call', {params: {name: 'x'.repeat(20_000)}}),
    )
    expect(status).toBe(431)
    expect((await ask(world, 'tools/list')).status).toBe(200)
  })
})
