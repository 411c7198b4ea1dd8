import {describe, expect, onTestFinished, test, vi} from 'vitest'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {Link} from '../../../../src/lib/gateway/relay/link.ts'
import {Lists} from '../../../../src/lib/gateway/relay/lists.ts'
import type {ListsByKind} from '../../../../src/lib/gateway/relay/list-state.ts'
import type {Kind} from '../../../../src/lib/gateway/relay/pages.ts'
import {defining} from '../../../../src/lib/gateway/relay/request-router.ts'
import {failure, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {
  fakeServer,
  toolScript,
  type FakeAnswer,
  type FakeServer,
} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {lasting} from '../../../support/server-life.ts'

interface Setup {
  readonly lists: Lists
  readonly late: Inbox<Kind>
  readonly listed: string[]
  readonly refused: Inbox<unknown>
  /** Milliseconds. */
  now: number
}

function listsOf(
  servers: Readonly<Record<string, FakeServer>>,
  options: {
    patienceMs?: number
    allows?: (tool: string) => boolean
    guesses?: ListsByKind
    isTrusted?: boolean
  } = {},
): Setup {
  const late = new Inbox<Kind>()
  const listed: string[] = []
  const refused = new Inbox<unknown>()
  const links = Object.entries(servers).map(
    ([server, {open}]) =>
      new Link(
        {
          server,
          session: 's',
          hello: {protocolVersion: '2025-11-25', params: {}},
          open,
          startTimeoutMs: 60_000,
          ...lasting(),
          now: () => setup.now,
        },
        {
          onServerRequest: () => undefined,
          onNotification: () => undefined,
          onOpened: () => undefined,
          onReopened: () => undefined,
          onFailed: () => undefined,
          onEnded: () => undefined,
        },
      ),
  )
  const lists = new Lists(
    links.map(link => ({
      link,
      prefix: undefined,
      allows: options.allows ?? (() => true),
      guesses: options.guesses,
      isTrusted: options.isTrusted,
    })),
    {
      patienceMs: options.patienceMs ?? 60_000,
      onChange: kind => late.add(kind),
      onTools: () => undefined,
      onListed: (server, {kind, shown}) => void listed.push(`${server}: ${shown} ${kind}`),
      nameOf: () => undefined,
      onNamed: () => undefined,
      onRefused: error => refused.add(error),
      now: () => setup.now,
    },
  )
  const setup = {lists, late, listed, refused, now: 0}
  onTestFinished(async () => {
    await Promise.all(links.map(link => link.close()))
  })
  return setup
}

const isShown = (tool: string) => tool !== 'hidden'

/** Names of what each server lists. */
async function collect(lists: Lists, kind: Kind): Promise<Record<string, unknown[]>> {
  const listed = await lists.collect(kind, {isShown: true})
  return Object.fromEntries(listed.map(({server, items}) => [server, items.map(({name}) => name)]))
}

/** Answers `tools/list` by the cursor; no cursor is under `start`. */
function pages(byCursor: Readonly<Record<string, JsonObject>>, asked: unknown[] = []): FakeServer {
  const answer: FakeAnswer = ({params}) => {
    asked.push(params?.['cursor'])
    const cursor = params?.['cursor']
    return byCursor[typeof cursor === 'string' ? `at ${cursor}` : 'start'] ?? {}
  }
  return fakeServer({hello: {capabilities: {tools: {}}}, answers: {'tools/list': answer}})
}

const tools = (...names: string[]) => ({tools: names.map(name => ({name}))})

describe('defining', () => {
  const inquiry = {
    caller: {session: 's', client: 'c'},
    signal: new AbortController().signal,
  }

  test('starts the server when nobody has listed its tools, and asks again when that is old', async () => {
    const asked: unknown[] = []
    const setup = listsOf({one: pages({start: {...tools('a'), ttlMs: 1000}}, asked)})
    const {lists} = setup
    const define = (name: string) => defining(lists, {server: 'one', name}, inquiry)()
    expect(await define('a')).toEqual({name: 'a'})
    expect(await define('b')).toBeUndefined()
    expect(asked).toHaveLength(1)
    setup.now = 60_000
    expect(lists.definition('one', 'a')).toBeUndefined()
    expect(await define('a')).toEqual({name: 'a'})
    expect(asked).toHaveLength(2)
  })

  test('is over when the client gives up', async () => {
    const {lists} = listsOf({one: fakeServer({answers: {'tools/list': () => undefined}})})
    const gone = AbortSignal.abort(new Error('enough'))
    const define = defining(lists, {server: 'one', name: 'a'}, {...inquiry, signal: gone})
    await expect(define()).rejects.toThrow('enough')
  })
})

describe('Lists', () => {
  test('reads all pages, one with an empty cursor included', async () => {
    const asked: unknown[] = []
    const server = pages(
      {
        start: {...tools('a'), nextCursor: ''},
        'at ': {...tools(), nextCursor: 'p3'},
        'at p3': tools('b', 'c'),
      },
      asked,
    )
    expect(await collect(listsOf({one: server}).lists, 'tools')).toEqual({one: ['a', 'b', 'c']})
    expect(asked).toEqual([undefined, '', 'p3'])
  })

  test('stops at a cursor that comes a second time', async () => {
    const asked: unknown[] = []
    const server = pages(
      {
        start: {...tools('a'), nextCursor: 'x'},
        'at x': {...tools('b'), nextCursor: 'y'},
        'at y': {...tools('c'), nextCursor: 'x'},
      },
      asked,
    )
    expect(await collect(listsOf({one: server}).lists, 'tools')).toEqual({one: ['a', 'b', 'c']})
    expect(asked).toHaveLength(3)
  })

  test('reads a list of a hundred thousand', async () => {
    const many = Array.from({length: 150_000}, (_, index) => ({name: `t${index}`}))
    const server = pages({start: {tools: many, nextCursor: 'x'}, 'at x': {tools: many}})
    const [listed] = await listsOf({one: server}).lists.collect('tools', {isShown: true})
    expect(listed?.items).toHaveLength(300_000)
  })

  test.each([{}, {tools: null}, {tools: {a: 1}}, {tools: [null, 'x', ['y']], nextCursor: 5}])(
    'takes what is no list for an empty one: %j',
    async answer => {
      expect(await collect(listsOf({one: pages({start: answer})}).lists, 'tools')).toEqual({
        one: [],
      })
    },
  )

  test('asks once for several at the same time, and keeps the answer', async () => {
    const asked: unknown[] = []
    const {lists, listed} = listsOf({one: pages({start: tools('a')}, asked)})
    await Promise.all([
      lists.collect('tools', {isShown: true}),
      lists.collect('tools', {isShown: true}),
    ])
    await lists.collect('tools', {isShown: true})
    expect(asked).toHaveLength(1)
    expect(listed).toEqual(['one: 1 tools'])
  })

  test('does not ask a server for what it has not', async () => {
    const server = fakeServer(toolScript('a'))
    const {lists} = listsOf({one: server})
    for (const kind of ['prompts', 'resources', 'templates'] as const) {
      expect(await collect(lists, kind)).toEqual({one: []})
    }
    expect(server.starts[0]?.methods).toEqual(['initialize', 'notifications/initialized'])
    expect(lists.unanswered('prompts')).toEqual([])
  })

  test('takes a server that does not know the method for one that has nothing to list', async () => {
    const server = fakeServer({
      hello: {capabilities: {resources: {}}},
      answers: {'resources/list': {resources: [{name: 'r'}]}},
    })
    const {lists} = listsOf({one: server})
    expect(await collect(lists, 'resources')).toEqual({one: ['r']})
    expect(await collect(lists, 'templates')).toEqual({one: []})
    expect(lists.unanswered('templates')).toEqual([])
  })

  test('leaves out a server that cannot be started, and asks it again when it can', async () => {
    let broken = true
    const failing = fakeServer({
      ...toolScript('f'),
      beforeOpen: () => {
        if (broken) throw new Error('no')
      },
    })
    const setup = listsOf({failing, good: fakeServer(toolScript('g'))})
    expect(await collect(setup.lists, 'tools')).toEqual({failing: [], good: ['g']})
    expect(setup.lists.unanswered('tools')).toEqual(['failing'])
    broken = false
    setup.now = 5000
    expect(await collect(setup.lists, 'tools')).toEqual({failing: ['f'], good: ['g']})
    expect(setup.lists.unanswered('tools')).toEqual([])
  })

  test('asks a server again that answered a list with an error', async () => {
    let count = 0
    const server = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {
        'tools/list': ({id}, upstream) => {
          count += 1
          if (count > 1) return tools('a')
          upstream.say(failure(id, -32603, 'still indexing'))
          return undefined
        },
      },
    })
    const {lists} = listsOf({one: server})
    expect(await collect(lists, 'tools')).toEqual({one: []})
    expect(lists.unanswered('tools')).toEqual(['one'])
    expect(await collect(lists, 'tools')).toEqual({one: ['a']})
  })

  test('does not wait for a slow server longer than its patience, and tells when it answers', async () => {
    const gate = Promise.withResolvers<void>()
    const slow = fakeServer({...toolScript('s'), beforeOpen: () => gate.promise})
    const {lists, late} = listsOf({slow, good: fakeServer(toolScript('g'))}, {patienceMs: 1})
    expect(await collect(lists, 'tools')).toEqual({slow: [], good: ['g']})
    expect(late.items).toEqual([])
    gate.resolve()
    expect(await late.find(() => true)).toBe('tools')
    expect(await collect(lists, 'tools')).toEqual({slow: ['s'], good: ['g']})
    expect(late.items).toHaveLength(1)
  })

  test('shows what a slow server listed to other clients rather than nothing, and tells when it answers', async () => {
    const gate = Promise.withResolvers<void>()
    const slow = fakeServer({...toolScript('s'), beforeOpen: () => gate.promise})
    const guesses = {tools: [{name: 'g'}, {name: 'hidden'}]}
    const {lists, late} = listsOf({slow}, {patienceMs: 1, guesses, allows: isShown})
    expect(lists.claimed('tools', 'g')).toBeUndefined()
    expect(await collect(lists, 'tools')).toEqual({slow: ['g']})
    expect(await collect(lists, 'prompts')).toEqual({slow: []})
    expect(lists.isConfirmed('slow', 'tools')).toBe(false)
    expect(lists.unanswered('tools')).toEqual(['slow'])
    gate.resolve()
    expect(await late.find(() => true)).toBe('tools')
    expect(await collect(lists, 'tools')).toEqual({slow: ['s']})
    expect(late.items).toHaveLength(1)
  })

  test('shows what a server that fails listed to others, and asks it again until it has answered', async () => {
    let broken = true
    const failing = fakeServer({
      ...toolScript('g'),
      beforeOpen: () => {
        if (broken) throw new Error('no')
      },
    })
    const guesses = {tools: [{name: 'g'}]}
    const setup = listsOf({failing}, {guesses, isTrusted: true})
    const {lists} = setup
    expect(await collect(lists, 'tools')).toEqual({failing: ['g']})
    expect(lists.unanswered('tools')).toEqual(['failing'])
    lists.replace(lists.servers)
    expect(lists.unanswered('tools')).toEqual(['failing'])
    broken = false
    setup.now = 5000
    await collect(lists, 'tools')
    await expect.poll(() => setup.listed).toEqual(['failing: 1 tools'])
    expect(await collect(lists, 'tools')).toEqual({failing: ['g']})
    expect(lists.unanswered('tools')).toEqual([])
  })

  test('keeps to what a server answers in time, whatever it listed to other clients', async () => {
    const {lists, late} = listsOf(
      {one: fakeServer(toolScript('s'))},
      {guesses: {tools: [{name: 'g'}]}},
    )
    expect(await collect(lists, 'tools')).toEqual({one: ['s']})
    expect(late.items).toEqual([])
  })

  test('shows only the tools that are allowed, and all prompts', async () => {
    const server = fakeServer({
      hello: {capabilities: {tools: {}, prompts: {}}},
      answers: {
        'tools/list': {tools: [{name: 'a'}, {name: 'b'}, {}]},
        'prompts/list': {prompts: [{name: 'b'}]},
      },
    })
    const {lists} = listsOf({one: server}, {allows: tool => tool === 'a'})
    expect(await collect(lists, 'tools')).toEqual({one: ['a']})
    expect(await collect(lists, 'prompts')).toEqual({one: ['b']})
  })

  test('asks again after a change, and shows the last answer until then', async () => {
    let names = ['old']
    const server = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {'tools/list': () => tools(...names)},
    })
    const {lists} = listsOf({one: server, two: fakeServer(toolScript('t'))})
    await lists.table('tools', {isShown: true})
    names = ['new']
    lists.forget('one', 'tools')
    lists.forget('one', 'prompts')
    lists.forget('unknown', 'tools')
    expect([...(lists.shown('tools')?.owners.keys() ?? [])]).toEqual(['old', 't'])
    expect(await collect(lists, 'tools')).toEqual({one: ['new'], two: ['t']})
  })

  test('is not misled by an old answer that comes after a newer one', async () => {
    const server = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {'tools/list': () => undefined},
    })
    const {lists} = listsOf({one: server})
    const first = collect(lists, 'tools')
    const upstream = await server.start()
    const before = await upstream.request('tools/list', 0)
    lists.forget('one', 'tools')
    const second = collect(lists, 'tools')
    const after = await upstream.request('tools/list', 1)
    upstream.say(result(after.id, tools('new')))
    expect(await second).toEqual({one: ['new']})
    upstream.say(result(before.id, tools('old')))
    expect(await first).toEqual({one: ['new']})
    expect(await collect(lists, 'tools')).toEqual({one: ['new']})
  })

  test('shows a list whose server says at every asking that it has changed', async () => {
    const setup: {lists?: Lists} = {}
    const server = fakeServer({
      hello: {capabilities: {tools: {}}},
      answers: {
        'tools/list': () => {
          setup.lists?.forget('one', 'tools')
          return tools('a')
        },
      },
    })
    setup.lists = listsOf({one: server}).lists
    expect(await collect(setup.lists, 'tools')).toEqual({one: ['a']})
  })

  test('leaves no timer behind', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    const broken = fakeServer({
      beforeOpen: () => {
        throw new Error('no')
      },
    })
    await listsOf({one: fakeServer(toolScript('a')), broken}).lists.collect('tools', {
      isShown: true,
    })
    expect(vi.getTimerCount()).toBe(0)
  })
})
