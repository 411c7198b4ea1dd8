import {describe, expect, test, vi} from 'vitest'
import {isJsonObject, type Json, type JsonObject} from '../../../../src/lib/base/json.ts'
import type {OpenUpstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {
  isRequest,
  notification,
  RPC,
  type Notification,
} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../../../src/lib/gateway/wire/meta.ts'
import {
  fakeServer,
  type FakeAnswer,
  type FakeScript,
  type FakeUpstream,
} from '../../../support/fake-upstream.ts'
import {Inbox} from '../../../support/inbox.ts'
import {ModernGateway} from '../../../support/modern-caller.ts'
import {modernServer, refuse} from '../../../support/modern-server.ts'

type Answers = NonNullable<FakeScript['answers']>
/** What a server says of itself. */
type Hello = JsonObject & {capabilities?: JsonObject}

const ALL = {tools: {}, prompts: {}, resources: {subscribe: true}, completions: {}, logging: {}}
const KEPT = {resultType: 'complete', ttlMs: 5000, cacheScope: 'public'}
const LISTS: Answers = {
  'tools/list': {tools: []},
  'prompts/list': {prompts: []},
  'resources/list': {resources: []},
  'resources/templates/list': {resourceTemplates: []},
}

/** A server of the era with `initialize`. */
const legacy = (answers: Answers = {}, hello: Hello = {}) =>
  fakeServer({
    hello: {capabilities: ALL, ...hello},
    answers: {...LISTS, 'resources/subscribe': {}, 'resources/unsubscribe': {}, ...answers},
  })

/** A server of the era without it, which honours all that a client wants to listen for. */
function modern(answers: Answers = {}, {capabilities = ALL, ...discovered}: Hello = {}) {
  const made = Object.entries({...LISTS, ...answers}).map(([method, answer]) => [
    method,
    typeof answer === 'function' ? answer : {...KEPT, ...answer},
  ])
  return modernServer({
    capabilities,
    discovered: {...KEPT, ...discovered},
    answers: Object.fromEntries(made),
  })
}

const missing = refuse(RPC.invalidParams, 'not here')

/** A method that answers with the params that it was given. */
const echo =
  (who: string): FakeAnswer =>
  ({params}) => {
    const {_meta, ...rest} = params ?? {}
    return {resultType: 'complete', content: [], from: who, got: rest}
  }

const read =
  (who: string, ...uris: readonly string[]): FakeAnswer =>
  (message, upstream) => {
    const uri = message.params?.['uri']
    if (typeof uri === 'string' && uris.includes(uri)) {
      return {resultType: 'complete', contents: [{uri, text: who}]}
    }
    return missing(message, upstream)
  }

const pluck = (list: Json | undefined, key: string) =>
  Array.isArray(list) ? list.map(item => (isJsonObject(item) ? item[key] : item)) : []

/** Settles with the end of a start. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))

/** The same server in both eras, and in front of it one of the other. */
const MIXES = [
  ['two modern servers', modern, modern],
  ['a modern and a legacy server', modern, legacy],
  ['a legacy and a modern server', legacy, modern],
  ['two legacy servers', legacy, legacy],
] as const

const goAndOnly = (who: string): Answers => ({
  'tools/list': {tools: [{name: 'go', title: 'Go'}, {name: `only_${who}`}]},
  'prompts/list': {prompts: [{name: 'go', arguments: [{name: 'x'}]}]},
  'tools/call': echo(who),
  'prompts/get': echo(who),
  'completion/complete': echo(who),
})

const twoPages: FakeAnswer = ({params}) =>
  params?.['cursor'] === ''
    ? {...KEPT, tools: [{name: 'last'}]}
    : {...KEPT, tools: [{name: 'first'}], nextCursor: ''}

const logging = (answers: Answers): Answers => ({
  'logging/setLevel': {},
  'tools/call': ({id}, upstream) => {
    const params = {level: 'error', logger: 'db', data: 'down'}
    upstream.say(notification('notifications/message', params), {request: id})
    return {resultType: 'complete', content: []}
  },
  ...answers,
})

describe.for(MIXES)('%s', ([, first, second]) => {
  test('keep tools and prompts of the same name apart, and get their calls', async () => {
    const gateway = new ModernGateway({
      servers: {a: first(goAndOnly('a')), b: second(goAndOnly('b'))},
    })
    const {tools} = await gateway.ask('tools/list')
    expect(tools).toEqual([
      {name: 'go', title: 'Go'},
      {name: 'only_a'},
      {name: 'b__go', title: 'Go'},
      {name: 'only_b'},
    ])
    const {prompts} = await gateway.ask('prompts/list')
    expect(pluck(prompts, 'name')).toEqual(['go', 'b__go'])
    const asked = {name: 'b__go', arguments: {x: 1}, more: 2}
    for (const method of ['tools/call', 'prompts/get']) {
      const got = {name: 'go', arguments: {x: 1}, more: 2}
      expect(await gateway.ask(method, asked)).toMatchObject({from: 'b', got})
      expect(await gateway.ask(method, {name: 'go'})).toMatchObject({from: 'a'})
    }
    const ref = {type: 'ref/prompt', name: 'b__go', title: 't'}
    const argument = {name: 'x', value: ''}
    expect(await gateway.ask('completion/complete', {ref, argument})).toMatchObject({
      from: 'b',
      got: {ref: {type: 'ref/prompt', name: 'go', title: 't'}, argument},
    })
  })

  test('tell who asks for an unknown tool or prompt what is near to it', async () => {
    const list = {'tools/list': {tools: [{name: 'search'}]}, 'prompts/list': {prompts: []}}
    const gateway = new ModernGateway({servers: {a: first(list), b: second(list)}})
    expect(await gateway.call('tools/call', {name: 'serch'})).toMatchObject({
      error: {code: RPC.invalidParams, message: 'Unknown tool: serch; near to it: search'},
    })
    expect(await gateway.call('prompts/get', {name: 'x'})).toMatchObject({
      error: {code: RPC.invalidParams},
    })
  })

  test('list in one page, and no cursor leads further', async () => {
    const servers = {a: first({'tools/list': twoPages}), b: second()}
    const gateway = new ModernGateway({servers})
    const list = await gateway.ask('tools/list')
    expect(pluck(list['tools'], 'name')).toEqual(['first', 'last'])
    expect(list).not.toHaveProperty('nextCursor')
    expect(await gateway.call('tools/list', {cursor: ''})).toMatchObject({
      error: {code: RPC.invalidParams},
    })
  })

  test('with the same URI and the same template are both read, and seen by their schemes', async () => {
    const uris = ['ui://app/main', 'x://same']
    const own = (who: string): Answers => ({
      'tools/list': {tools: [{name: `show_${who}`, _meta: {ui: {resourceUri: 'ui://app/main'}}}]},
      'tools/call': {
        content: [
          {type: 'resource_link', uri: 'x://same'},
          {type: 'resource', resource: {uri: 'ui://app/main', text: who}},
        ],
      },
      'resources/list': {resources: uris.map(uri => ({uri, name: who}))},
      'resources/templates/list': {resourceTemplates: [{uriTemplate: 't://{id}', name: who}]},
      'resources/read': read(who, ...uris, 't://7'),
      'completion/complete': echo(who),
    })
    const gateway = new ModernGateway({servers: {a: first(own('a')), b: second(own('b'))}})
    const {resources} = await gateway.ask('resources/list')
    expect(pluck(resources, 'uri')).toEqual([...uris, 'ui://b~app/main', 'x://b~same'])
    const {resourceTemplates} = await gateway.ask('resources/templates/list')
    expect(pluck(resourceTemplates, 'uriTemplate')).toEqual(['t://{id}', 't://b~{id}'])
    for (const [uri, who] of [
      ['x://same', 'a'],
      ['x://b~same', 'b'],
      ['ui://b~app/main', 'b'],
      ['t://7', 'a'],
      ['t://b~7', 'b'],
    ] as const) {
      const contents = [{uri, text: who}]
      expect(await gateway.ask('resources/read', {uri})).toMatchObject({contents})
    }
    const {tools} = await gateway.ask('tools/list')
    expect(pluck(tools, '_meta')).toEqual([
      {ui: {resourceUri: 'ui://app/main'}},
      {ui: {resourceUri: 'ui://b~app/main'}},
    ])
    expect(await gateway.ask('tools/call', {name: 'show_b'})).toMatchObject({
      content: [{uri: 'x://b~same'}, {resource: {uri: 'ui://b~app/main'}}],
    })
    const ref = {type: 'ref/resource', uri: 't://b~{id}'}
    const completed = await gateway.ask('completion/complete', {ref, argument: {name: 'id'}})
    expect(completed).toMatchObject({from: 'b', got: {ref: {uri: 't://{id}'}}})
  })

  test('are read by a mention, and else until one of them has it', async () => {
    const a = first({'tools/list': {tools: [{name: 'a'}]}, 'resources/read': read('a', 'x://two')})
    const b = second({
      'tools/list': {tools: [{name: 'b'}]},
      'tools/call': {content: [{type: 'resource_link', uri: 'x://two'}]},
      'resources/read': read('b', 'x://two', 'x://three'),
    })
    const gateway = new ModernGateway({servers: {a, b}})
    const textOf = async (uri: string) =>
      pluck((await gateway.ask('resources/read', {uri}))['contents'], 'text')
    expect(await textOf('x://two')).toEqual(['a'])
    const again = new ModernGateway({servers: {a, b}})
    await again.ask('tools/call', {name: 'b'})
    const {contents} = await again.ask('resources/read', {uri: 'x://two'})
    expect(pluck(contents, 'text')).toEqual(['b'])
    expect(await textOf('x://three')).toEqual(['b'])
    expect(await gateway.call('resources/read', {uri: 'x://none'})).toMatchObject({
      error: {code: RPC.invalidParams},
    })
  })

  test('tell of what is listened for under the names of the client', async () => {
    const resources = {'resources/list': {resources: [{uri: 'x://same'}]}}
    const servers = {a: first(resources), b: second(resources)}
    const gateway = new ModernGateway({servers})
    await gateway.ask('resources/list')
    const resourceSubscriptions = ['x://same', 'x://b~same', 'x://nobodys']
    const leaving = new AbortController()
    const told = new Inbox<Notification>()
    const listen = gateway.call(
      'subscriptions/listen',
      {notifications: {resourceSubscriptions}},
      {id: 'mine', signal: leaving.signal},
      told,
    )
    const _meta = {[META.subscription]: 'mine'}
    const acknowledged = await told.find(() => true)
    expect(acknowledged).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: {notifications: {resourceSubscriptions}, _meta},
    })
    const updates = [
      ['a', 'x://same', 'x://same'],
      ['b', 'x://same', 'x://b~same'],
      ['a', 'x://nobodys', 'x://nobodys'],
      ['b', 'x://nobodys', 'x://nobodys'],
    ] as const
    for (const [nth, [server, own, shown]] of updates.entries()) {
      const upstream = await servers[server].start(servers[server].starts.length - 1)
      const listening = upstream.received.items.find(
        message => isRequest(message) && message.method === 'subscriptions/listen',
      )
      const id = listening?.['id']
      const subscription = listening ? {_meta: {[META.subscription]: id ?? ''}} : {}
      upstream.say(notification('notifications/resources/updated', {uri: own, ...subscription}))
      const notice = await told.find(({method}) => method.endsWith('/updated'), nth)
      expect(notice.params).toEqual({uri: shown, _meta})
    }
    leaving.abort(new Error('gone'))
    await expect(listen).rejects.toThrow('gone')
  })

  test('have their log messages under their own names', async () => {
    const servers = {
      a: first(logging({'tools/list': {tools: [{name: 'a'}]}})),
      b: second(logging({'tools/list': {tools: [{name: 'b'}]}})),
    }
    const gateway = new ModernGateway({servers})
    for (const name of ['a', 'b']) {
      const told = new Inbox<Notification>()
      await gateway.call('tools/call', {name}, {meta: {[META.logLevel]: 'debug'}}, told)
      const params = {level: 'error', logger: `${name}/db`, data: 'down'}
      expect(told.items).toEqual([notification('notifications/message', params)])
    }
  })
})

const asksWhy: FakeAnswer = ({params}) =>
  params?.['inputResponses']
    ? {resultType: 'complete', contents: [{uri: 'x://same', got: params}]}
    : {
        resultType: 'input_required',
        inputRequests: {
          why: {
            method: 'sampling/createMessage',
            params: {
              messages: [{role: 'user', content: {type: 'resource_link', uri: 'x://same'}}],
            },
          },
        },
      }

describe('resources that ask back', () => {
  test('get the answers, under the name that the client knows, and nothing else does', async () => {
    const list = {'resources/list': {resources: [{uri: 'x://same'}]}}
    const servers = {a: modern(list), b: modern({...list, 'resources/read': asksWhy})}
    const gateway = new ModernGateway({servers})
    await gateway.ask('resources/list')
    const params = {uri: 'x://b~same'}
    const asked = await gateway.ask('resources/read', params)
    // The state is the gateway's own: the server gave none.
    expect(asked).toMatchObject({
      requestState: expect.any(String),
      inputRequests: {why: {params: {messages: [{content: {uri: 'x://b~same'}}]}}},
    })
    const inputResponses = {why: {action: 'x'}}
    const {requestState} = asked
    const retry = {...params, inputResponses, ...(requestState !== undefined && {requestState})}
    const {contents} = await gateway.ask('resources/read', retry)
    const [content] = Array.isArray(contents) ? contents : []
    const got = isJsonObject(content) && isJsonObject(content['got']) ? content['got'] : {}
    expect(content).toMatchObject({uri: 'x://b~same', got: {uri: 'x://same', inputResponses}})
    expect(got['requestState']).toBeUndefined()
  })
})

test('servers that all say that a list has changed are announced once', async () => {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout', 'performance']})
  try {
    const listChanged = {capabilities: {tools: {listChanged: true}}}
    const servers = {a: modern({}, listChanged), b: legacy({}, listChanged)}
    const gateway = new ModernGateway({servers})
    const told = new Inbox<Notification>()
    const leaving = new AbortController()
    const listen = gateway.call(
      'subscriptions/listen',
      {notifications: {toolsListChanged: true, promptsListChanged: true}},
      {id: 1, signal: leaving.signal},
      told,
    )
    await told.find(() => true)
    const [a] = servers.a.starts
    const b = servers.b.starts.at(-1)
    const heard = a?.received.items.filter(({method}) => method === 'subscriptions/listen') ?? []
    for (const message of heard) {
      const id = isRequest(message) ? message.id : ''
      const _meta = {[META.subscription]: id}
      a?.say(notification('notifications/tools/list_changed', {_meta}))
    }
    b?.say(notification('notifications/tools/list_changed'))
    await vi.advanceTimersByTimeAsync(2000)
    expect(told.items.map(({method, params}) => [method, params?.['notifications']])).toEqual([
      [
        'notifications/subscriptions/acknowledged',
        {toolsListChanged: true, promptsListChanged: true},
      ],
      ['notifications/tools/list_changed', undefined],
    ])
    leaving.abort(new Error('gone'))
    await expect(listen).rejects.toThrow('gone')
  } finally {
    vi.useRealTimers()
  }
})

const extension = (name: string) => ({
  capabilities: {tools: {}, extensions: {[name]: {}}},
  instructions: `Use ${name}.`,
})

const declaring = (name: string) => ({capabilities: {extensions: {[name]: {}}}})

test('a client that listens for many unknown resources has the servers asked for their lists once', async () => {
  const asked = vi.fn<(who: string) => void>()
  const lists = (who: string): Answers => ({
    'resources/list': () => {
      asked(who)
      return {...KEPT, ttlMs: 0, resources: []}
    },
  })
  const gateway = new ModernGateway({servers: {a: modern(lists('a')), b: modern(lists('b'))}})
  await gateway.ask('resources/list')
  asked.mockClear()
  const leaving = new AbortController()
  const notices = new Inbox<Notification>()
  const resourceSubscriptions = Array.from({length: 1000}, (_, index) => `x:${index}`)
  const notifications = {resourceSubscriptions}
  const {signal} = leaving
  const listened = gateway.call('subscriptions/listen', {notifications}, {signal}, notices)
  listened.catch(() => undefined)
  const told = await notices.find(() => true)
  expect(told.params?.['notifications']).toEqual(notifications)
  expect(asked.mock.calls.flat().toSorted()).toEqual(['a', 'b'])
  leaving.abort()
})

test('a client that listens for more than a thousand resources is refused at once', async () => {
  const servers = {a: modern(), b: modern()}
  const gateway = new ModernGateway({servers})
  const resourceSubscriptions = Array.from({length: 20_000}, (_, index) => `x:${index}`)
  const answer = await gateway.call('subscriptions/listen', {
    notifications: {resourceSubscriptions},
  })
  expect(answer).toMatchObject({error: {code: RPC.invalidParams}})
  expect(servers.a.starts.flatMap(({methods}) => methods)).not.toContain('resources/list')
})

describe('what the servers can do', () => {
  test('is told together, when all have been waited for', async () => {
    const servers = {
      a: modern({}, extension('com.example/a')),
      b: legacy({}, extension('com.example/b')),
    }
    const gateway = new ModernGateway({servers})
    const discovered = await gateway.ask('server/discover')
    expect(discovered).toMatchObject({
      resultType: 'complete',
      capabilities: {extensions: {'com.example/a': {}, 'com.example/b': {}}},
      // Legacy servers say nothing about keeping.
      ttlMs: 0,
      cacheScope: 'private',
    })
    expect(discovered['instructions']).toMatch(/# Server a\s+Use .*a\.\s+# Server b\s+Use .*b\./)
  })

  test('may be kept as long as the shortest-lived part', async () => {
    const servers = {a: modern({}, {ttlMs: 90_000}), b: modern({}, {cacheScope: 'private'})}
    const gateway = new ModernGateway({servers})
    expect(await gateway.ask('server/discover')).toMatchObject({
      ttlMs: 5000,
      cacheScope: 'private',
    })
  })

  test('is not waited for twice', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    try {
      const never = fakeServer({beforeOpen: aborted})
      const servers = {never, good: modern()}
      const gateway = new ModernGateway({servers, patienceMs: 10_000})
      const first = gateway.ask('server/discover')
      const isAnswered = vi.fn<() => void>()
      void first.then(isAnswered)
      await vi.advanceTimersByTimeAsync(4900)
      expect(isAnswered).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(200)
      await first
      expect(await gateway.ask('server/discover')).toHaveProperty('capabilities')
    } finally {
      vi.useRealTimers()
    }
  })

  test('decides who gets methods that no specification knows', async () => {
    const servers = {
      a: modern({'alpha/do': echo('a')}, declaring('com.example/alpha')),
      b: legacy({'beta/do': echo('b')}, declaring('com.example/beta')),
    }
    const gateway = new ModernGateway({servers})
    expect(await gateway.ask('beta/do', {x: 1})).toMatchObject({from: 'b', got: {x: 1}})
    expect(await gateway.ask('alpha/do')).toMatchObject({from: 'a'})
    expect(await gateway.call('gamma/do')).toMatchObject({error: {code: RPC.methodNotFound}})
  })
})

const SKILLS = 'io.modelcontextprotocol/skills'
const declared = {capabilities: {resources: {}, extensions: {[SKILLS]: {directoryRead: true}}}}
const skill = (path: string, ...files: readonly string[]) => ({
  uri: `skill://${path}/SKILL.md`,
  frontmatter: {name: path.split('/').at(-1) ?? '', description: 'x'},
  resources: ['SKILL.md', ...files].map(file => ({uri: `skill://${path}/${file}`, digest: 'd'})),
})
const serving = (who: string, ...skills: readonly ReturnType<typeof skill>[]): Answers => ({
  'skills/list': {...KEPT, skills: [...skills]},
  'skills/get': (message, upstream) => {
    const found = skills.find(({uri}) => uri === message.params?.['uri'])
    if (!found) return missing(message, upstream)
    return {...KEPT, skill: found, from: who}
  },
  'resources/read': read(who, ...skills.flatMap(({resources}) => resources.map(({uri}) => uri))),
  'resources/directory/read': (message, upstream) => {
    const {uri} = message.params ?? {}
    const inside = skills
      .flatMap(({resources}) => resources)
      .filter(file => typeof uri === 'string' && file.uri.startsWith(`${uri}/`))
    if (inside.length === 0) return missing(message, upstream)
    return {...KEPT, resources: inside, from: who}
  },
})

describe('skills', () => {
  test.for(MIXES)('of %s are listed together, and reached', async ([, first, second]) => {
    const servers = {
      a: first(serving('a', skill('git', 'only-a.md'), skill('team/pdf')), declared),
      b: second(serving('b', skill('git', 'only-b.md'), skill('sql', 'q.md')), declared),
      c: modern(),
    }
    const gateway = new ModernGateway({servers})
    const {skills} = await gateway.ask('skills/list')
    expect(skills).toEqual([
      skill('git', 'only-a.md'),
      skill('team/pdf'),
      // The name stays the last part of the path, and the files stay in the directory.
      {...skill('b~/git', 'only-b.md'), frontmatter: {name: 'git', description: 'x'}},
      skill('sql', 'q.md'),
    ])
    const marked = 'skill://b~/git'
    const got = await gateway.ask('skills/get', {uri: `${marked}/SKILL.md`})
    expect(got).toMatchObject({from: 'b', skill: {uri: `${marked}/SKILL.md`}})
    expect(await gateway.ask('skills/get', {uri: 'skill://git/SKILL.md'})).toMatchObject({
      from: 'a',
    })
    const inside = await gateway.ask('resources/directory/read', {uri: marked})
    expect(inside['from']).toBe('b')
    expect(pluck(inside['resources'], 'uri')).toEqual([`${marked}/SKILL.md`, `${marked}/only-b.md`])
    expect(await gateway.ask('resources/directory/read', {uri: 'skill://sql'})).toMatchObject({
      from: 'b',
    })
    for (const [uri, who] of [
      [`${marked}/only-b.md`, 'b'],
      ['skill://git/only-a.md', 'a'],
      ['skill://sql/q.md', 'b'],
    ] as const) {
      const contents = [{uri, text: who}]
      expect(await gateway.ask('resources/read', {uri})).toMatchObject({contents})
    }
    const nobodys = await gateway.call('skills/get', {uri: 'skill://none/SKILL.md'})
    expect(nobodys).toMatchObject({error: {code: RPC.invalidParams}})
    const cursor = await gateway.call('skills/list', {cursor: 'x'})
    expect(cursor).toMatchObject({error: {code: RPC.invalidParams}})
  })

  test('may be kept as long as all of them, and lack those of a server that fails', async () => {
    const good = () => modern(serving('a', skill('git')), declared)
    const gateway = new ModernGateway({servers: {a: good(), b: good()}})
    expect(await gateway.ask('skills/list')).toMatchObject({ttlMs: 5000, cacheScope: 'public'})
    const bad = modern({'skills/list': refuse(RPC.internalError, 'broken')}, declared)
    const beside = new ModernGateway({servers: {bad, a: good()}})
    expect(await beside.ask('skills/list')).toMatchObject({skills: [skill('git')], ttlMs: 0})
  })

  test('in directories are asked of nobody who has none', async () => {
    const capabilities = {resources: {}, extensions: {[SKILLS]: {}}}
    const server = () => modern(serving('a', skill('git')), {capabilities})
    const gateway = new ModernGateway({servers: {a: server(), b: server()}})
    await gateway.ask('skills/list')
    const asked = await gateway.call('resources/directory/read', {uri: 'skill://nowhere'})
    expect(asked).toMatchObject({error: {code: RPC.methodNotFound}})
  })
})

test('a tool call takes its headers to its server, under the own name of the tool', async () => {
  const sent: unknown[] = []
  const observed = (server: ReturnType<typeof modern>) => {
    const open: OpenUpstream = async input => {
      const upstream = await server.open(input)
      return {
        closed: upstream.closed,
        redact: text => upstream.redact(text),
        send(message, mirrored) {
          if (message['method'] === 'tools/call') sent.push([message['params'], mirrored])
          upstream.send(message, mirrored)
        },
        [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
      }
    }
    return {...server, open}
  }
  const list = {'tools/list': {tools: [{name: 'go'}]}, 'tools/call': echo('b')}
  const gateway = new ModernGateway({servers: {a: modern(list), b: observed(modern(list))}})
  const mirrored = new Map([['mcp-param-region', 'eu']])
  await gateway.call('tools/call', {name: 'b__go'}, {mirrored})
  expect(sent).toEqual([[expect.objectContaining({name: 'go'}), mirrored]])
})

/** Shows a tool only to clients that can be asked for samples. */
const choosy = () => {
  const toldOf = new WeakSet<FakeUpstream>()
  return fakeServer({
    answers: {
      initialize: ({params}, upstream) => {
        const capabilities = params?.['capabilities']
        if (isJsonObject(capabilities) && 'sampling' in capabilities) toldOf.add(upstream)
        return {capabilities: {tools: {}}}
      },
      'tools/list': (_message, upstream) => ({
        tools: [{name: 'plain'}, ...(toldOf.has(upstream) ? [{name: 'sample'}] : [])],
      }),
      'tools/call': {content: []},
    },
  })
}

describe('clients that can different things', () => {
  const able = {capabilities: {sampling: {}}}

  test.for([
    ['one server', false],
    ['several servers', true],
  ] as const)('never see what %s shows to others', async ([, isSeveral]) => {
    const servers = {choosy: choosy(), ...(isSeveral && {other: modern()})}
    const gateway = new ModernGateway({servers})
    const listed = async (call = {}) =>
      pluck((await gateway.ask('tools/list', {}, call))['tools'], 'name')
    expect(await listed(able)).toEqual(['plain', 'sample'])
    expect(await listed()).toEqual(['plain'])
    expect(await gateway.ask('tools/call', {name: 'sample'}, able)).toMatchObject({content: []})
    expect(await listed(able)).toEqual(['plain', 'sample'])
  })

  test('cannot call what they were not shown', async () => {
    const gateway = new ModernGateway({servers: {choosy: choosy(), other: modern()}})
    await gateway.ask('tools/list', {}, able)
    expect(await gateway.call('tools/call', {name: 'sample'})).toMatchObject({
      error: {code: RPC.invalidParams, message: 'Unknown tool: sample'},
    })
  })

  test('do not hear of each other’s calls', async () => {
    const servers = {
      a: modern({'tools/list': {tools: [{name: 'go'}]}, 'tools/call': () => undefined}),
    }
    const gateway = new ModernGateway({servers})
    const [mine, theirs] = [new Inbox<Notification>(), new Inbox<Notification>()]
    const meta = {progressToken: 1}
    const calls = [
      gateway.call('tools/call', {name: 'go'}, {meta, ...able}, mine),
      gateway.call('tools/call', {name: 'go'}, {meta}, theirs),
    ]
    const upstream = await servers.a.start()
    const first = await upstream.request('tools/call', 0)
    const second = await upstream.request('tools/call', 1)
    const isAble = (message: typeof first) => JSON.stringify(message.params).includes('sampling')
    const [own] = isAble(first) ? [first] : [second]
    const {progressToken} = isJsonObject(own.params?.['_meta']) ? own.params['_meta'] : {}
    upstream.say(
      notification('notifications/progress', {progressToken: progressToken ?? '', progress: 1}),
    )
    for (const {id} of [first, second]) upstream.say({jsonrpc: '2.0', id, result: {content: []}})
    await Promise.all(calls)
    expect(mine.items).toHaveLength(1)
    expect(theirs.items).toEqual([])
  })
})
