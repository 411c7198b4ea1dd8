import {Server} from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListRootsRequestSchema,
  ListToolsRequestSchema,
  LoggingMessageNotificationSchema,
  McpError,
  ReadResourceRequestSchema,
  ResourceUpdatedNotificationSchema,
  ResultSchema,
  RootsListChangedNotificationSchema,
  SubscribeRequestSchema,
  ToolListChangedNotificationSchema,
  UnsubscribeRequestSchema,
  type ServerCapabilities,
  type ServerResult,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js'
import {expect, test} from 'vitest'
import {sdkSession} from '../support/sdk-session.ts'
import {Inbox} from '../support/inbox.ts'

const everything: ServerCapabilities = {
  tools: {},
  prompts: {},
  resources: {subscribe: true},
  completions: {},
  logging: {},
}

type CallTool = Parameters<
  typeof Server.prototype.setRequestHandler<typeof CallToolRequestSchema>
>[1]

/** A server with one tool. */
function toolServer(name: string, call: (server: Server) => CallTool, tool: object = {}): Server {
  const server = new Server({name, version: '1'}, {capabilities: everything})
  const tools: Tool[] = [{name: 'go', inputSchema: {type: 'object'}, ...tool}]
  server.setRequestHandler(ListToolsRequestSchema, () => ({tools}))
  server.setRequestHandler(CallToolRequestSchema, call(server))
  return server
}

const text = (value: string): ServerResult => ({content: [{type: 'text', text: value}]})

test('a tool reports progress to the caller before its result', async () => {
  const client = await sdkSession({
    demo: () =>
      toolServer('demo', () => async (_request, {_meta, sendNotification}) => {
        const progressToken = _meta?.progressToken ?? 'none'
        for (const progress of [1, 2, 3]) {
          const params = {progressToken, progress, total: 3, message: `step ${progress}`}
          await sendNotification({method: 'notifications/progress', params})
        }
        return text('done')
      }),
  })
  const seen: string[] = []
  const answer = await client.callTool({name: 'go'}, undefined, {
    onprogress: ({progress, total, message}) => seen.push(`${progress}/${total} ${message}`),
  })
  seen.push(JSON.stringify(answer['content']))
  expect(seen).toEqual([
    '1/3 step 1',
    '2/3 step 2',
    '3/3 step 3',
    '[{"type":"text","text":"done"}]',
  ])
})

test('a tool can sample, elicit and ask for roots in the middle of a call', async () => {
  const client = await sdkSession(
    {
      demo: () =>
        toolServer('demo', server => async () => {
          const sampled = await server.createMessage({
            messages: [{role: 'user', content: {type: 'text', text: 'hi'}}],
            maxTokens: 5,
          })
          const elicited = await server.elicitInput({
            message: 'Your name?',
            requestedSchema: {type: 'object', properties: {name: {type: 'string'}}},
          })
          const {roots} = await server.listRoots()
          return text(JSON.stringify({sampled, elicited, roots}))
        }),
    },
    {sampling: {}, elicitation: {}, roots: {listChanged: true}},
    each => {
      each.setRequestHandler(CreateMessageRequestSchema, ({params}) => ({
        model: 'm',
        role: 'assistant',
        content: {type: 'text', text: `${params.messages.length} of ${params.maxTokens}`},
      }))
      each.setRequestHandler(ElicitRequestSchema, ({params}) => ({
        action: 'accept',
        content: {name: params.message},
      }))
      each.setRequestHandler(ListRootsRequestSchema, () => ({roots: [{uri: 'file:///x'}]}))
    },
  )
  const {content} = await client.callTool({name: 'go'})
  expect(JSON.parse(JSON.stringify(content))[0].text).toBe(
    JSON.stringify({
      sampled: {model: 'm', role: 'assistant', content: {type: 'text', text: '1 of 5'}},
      elicited: {action: 'accept', content: {name: 'Your name?'}},
      roots: [{uri: 'file:///x'}],
    }),
  )
})

test('a server sees only what its client can do, and that it cannot', async () => {
  const client = await sdkSession({
    demo: () =>
      toolServer('demo', server => async () => {
        const refusal = await server.listRoots().catch((error: unknown) => error)
        const about = {can: server.getClientCapabilities(), who: server.getClientVersion()}
        return text(JSON.stringify({about, refused: refusal instanceof Error}))
      }),
  })
  const {content} = await client.callTool({name: 'go'})
  expect(JSON.parse(JSON.stringify(content))[0].text).toBe(
    JSON.stringify({about: {can: {}, who: {name: 'sdk', version: '1'}}, refused: true}),
  )
})

test('log messages reach the client, at the level that it asked for', async () => {
  const logs = new Inbox<unknown>()
  const client = await sdkSession(
    {
      demo: () =>
        toolServer('demo', server => async () => {
          await server.sendLoggingMessage({level: 'debug', data: 'too quiet'})
          await server.sendLoggingMessage({level: 'error', logger: 'l', data: {a: [1]}})
          return text('done')
        }),
    },
    {},
    each =>
      each.setNotificationHandler(LoggingMessageNotificationSchema, ({params}) => logs.add(params)),
  )
  await client.listTools()
  await client.setLoggingLevel('error')
  await client.callTool({name: 'go'})
  await logs.find(() => true)
  expect(logs.items).toEqual([{level: 'error', logger: 'l', data: {a: [1]}}])
})

test('a call that the client gives up is cancelled at the server', async () => {
  const cancelled = Promise.withResolvers<unknown>()
  const started = Promise.withResolvers<void>()
  const client = await sdkSession({
    demo: () =>
      toolServer('demo', () => async (_request, {signal}) => {
        started.resolve()
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        cancelled.resolve(signal.reason)
        return text('nobody hears this')
      }),
  })
  const abort = new AbortController()
  const call = client.callTool({name: 'go'}, undefined, {signal: abort.signal})
  const refused = call.catch((error: unknown) => error)
  await started.promise
  abort.abort('enough')
  expect(await cancelled.promise).toContain('enough')
  expect(await refused).toBeInstanceOf(Error)
  expect(await client.listTools()).toHaveProperty('tools')
})

test('resources are listed, read, subscribed to and completed', async () => {
  const servers = new Inbox<Server>()
  const subscribed: string[] = []
  const make = (name: string) => (): Server => {
    const server = new Server({name, version: '1'}, {capabilities: everything})
    server.setRequestHandler(ListResourcesRequestSchema, () => ({
      resources: [{uri: `${name}:1`, name}],
    }))
    server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
      resourceTemplates: [{uriTemplate: `${name}:{id}`, name}],
    }))
    server.setRequestHandler(ReadResourceRequestSchema, ({params: {uri}}) => ({
      contents: [{uri, text: name}],
    }))
    server.setRequestHandler(SubscribeRequestSchema, ({params: {uri}}) => {
      subscribed.push(`${name} ${uri}`)
      return {}
    })
    server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
    server.setRequestHandler(CompleteRequestSchema, ({params}) => ({
      completion: {
        values: [`${name} ${params.argument.value} ${params.context?.arguments?.['k']}`],
      },
    }))
    servers.add(server)
    return server
  }
  const updates = new Inbox<unknown>()
  const client = await sdkSession({a: make('a'), b: make('b')}, {}, each =>
    each.setNotificationHandler(ResourceUpdatedNotificationSchema, ({params}) =>
      updates.add(params),
    ),
  )
  expect((await client.listResources()).resources.map(({uri}) => uri)).toEqual(['a:1', 'b:1'])
  expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(2)
  expect((await client.readResource({uri: 'b:1'})).contents).toMatchObject([{text: 'b'}])
  expect((await client.readResource({uri: 'b:7'})).contents).toMatchObject([{text: 'b'}])
  await client.subscribeResource({uri: 'b:1'})
  expect(subscribed).toEqual(['b b:1'])
  await servers.items[1]?.sendResourceUpdated({uri: 'b:1'})
  expect(await updates.find(() => true)).toEqual({uri: 'b:1'})
  await client.unsubscribeResource({uri: 'b:1'})
  const {completion} = await client.complete({
    ref: {type: 'ref/resource', uri: 'b:{id}'},
    argument: {name: 'id', value: 'v'},
    context: {arguments: {k: 'w'}},
  })
  expect(completion.values).toEqual(['b v w'])
})

test('resources of two servers with the same URI are told apart', async () => {
  const servers = new Map<string, Server>()
  const make = (name: string) => (): Server => {
    const server = new Server({name, version: '1'}, {capabilities: everything})
    const uri = 'file:///notes'
    server.setRequestHandler(ListResourcesRequestSchema, () => ({resources: [{uri, name}]}))
    server.setRequestHandler(ReadResourceRequestSchema, ({params}) => ({
      contents: [{uri: params.uri, text: name}],
    }))
    server.setRequestHandler(SubscribeRequestSchema, () => ({}))
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [{name: `see-${name}`, inputSchema: {type: 'object'}}],
    }))
    server.setRequestHandler(CallToolRequestSchema, () => ({
      content: [{type: 'resource_link', uri, name}],
    }))
    servers.set(name, server)
    return server
  }
  const updates = new Inbox<unknown>()
  const client = await sdkSession({a: make('a'), b: make('b')}, {}, each =>
    each.setNotificationHandler(ResourceUpdatedNotificationSchema, ({params}) =>
      updates.add(params),
    ),
  )
  const {resources} = await client.listResources()
  const [mine, other] = ['file:///notes', 'file://b~/notes']
  expect(resources.map(({uri}) => uri)).toEqual([mine, other])
  for (const [uri, name] of [
    [mine, 'a'],
    [other, 'b'],
  ] as const) {
    expect((await client.readResource({uri})).contents).toEqual([{uri, text: name}])
    expect((await client.callTool({name: `see-${name}`}))['content']).toMatchObject([{uri}])
  }
  await client.subscribeResource({uri: other})
  await servers.get('b')?.sendResourceUpdated({uri: mine})
  expect(await updates.find(() => true)).toEqual({uri: other})
})

/** A server with one prompt `p` that answers with its own name. */
const promptServer = (name: string) => (): Server => {
  const server = new Server({name, version: '1'}, {capabilities: everything})
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: [{name: 'p', title: name}],
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({params}) => ({
    description: `${name} ${params.name}`,
    messages: [],
  }))
  server.setRequestHandler(CompleteRequestSchema, ({params: {ref}}) => ({
    completion: {values: [name, ref.type === 'ref/prompt' ? ref.name : '']},
  }))
  return server
}

test('prompts of two servers are told apart', async () => {
  const client = await sdkSession({a: promptServer('a'), b: promptServer('b')})
  const {prompts} = await client.listPrompts()
  expect(prompts).toEqual([
    {name: 'p', title: 'a'},
    {name: 'b__p', title: 'b'},
  ])
  expect((await client.getPrompt({name: 'b__p'})).description).toBe('b p')
  const {completion} = await client.complete({
    ref: {type: 'ref/prompt', name: 'b__p'},
    argument: {name: 'x', value: ''},
  })
  expect(completion.values).toEqual(['b', 'p'])
})

test('members that no schema knows survive in both directions', async () => {
  const tool = {
    name: 'go',
    inputSchema: {type: 'object', vendor: [1]},
    annotations: {readOnlyHint: true, vendor: 1},
    _meta: {'ui/resourceUri': 'ui://x', deep: {b: 2}},
    vendor: {a: [null, 1]},
  }
  const result = {
    content: [{type: 'text', text: 'x', vendor: 'y'}, {type: 'hologram'}],
    _meta: {trace: {c: 3}},
    future: [true],
  }
  const client = await sdkSession({
    demo: () => {
      const server = new Server({name: 'demo', version: '1'}, {capabilities: everything})
      // Without a handler of its own, the SDK's server passes on what it gets and gives.
      server.fallbackRequestHandler = async ({method, params}) =>
        method === 'tools/list' ? {tools: [tool], future: 1} : {...result, got: params ?? null}
      return server
    },
  })
  const listed = await client.request({method: 'tools/list'}, ResultSchema)
  expect(listed['tools']).toEqual([tool])
  const params = {
    name: 'go',
    arguments: {d: [4]},
    _meta: {traceparent: '00-1', e: {f: 5}},
    future: {g: null},
  }
  const called = await client.request({method: 'tools/call', params}, ResultSchema)
  expect(called).toEqual({...result, got: params})
})

test('errors of a server reach the client with their code, words and data', async () => {
  const client = await sdkSession({
    demo: () =>
      toolServer('demo', () => () => {
        throw new McpError(ErrorCode.UrlElicitationRequired, 'open it', {elicitations: [{x: 1}]})
      }),
  })
  const refused = await client
    .request({method: 'tools/call', params: {name: 'go'}}, ResultSchema)
    .catch((error: unknown) => error)
  expect(refused).toMatchObject({
    code: -32042,
    message: expect.stringContaining('open it'),
    data: {elicitations: [{x: 1}]},
  })
})

test('changes of lists and of roots go both ways', async () => {
  const changes = new Inbox<string>()
  const client = await sdkSession(
    {
      demo: () => {
        const server = toolServer('demo', () => async () => {
          await server.sendToolListChanged()
          return text('changed')
        })
        server.setNotificationHandler(RootsListChangedNotificationSchema, () =>
          changes.add('roots'),
        )
        return server
      },
    },
    {roots: {listChanged: true}},
    each =>
      each.setNotificationHandler(ToolListChangedNotificationSchema, () => changes.add('tools')),
  )
  await client.callTool({name: 'go'})
  await client.sendRootsListChanged()
  await Promise.all(['tools', 'roots'].map(kind => changes.find(item => item === kind)))
  expect(changes.items).toHaveLength(2)
})

test('methods of a vendor reach an only server, and its answers the client', async () => {
  const client = await sdkSession({
    demo: () => {
      const server = new Server({name: 'demo', version: '1'}, {capabilities: {}})
      server.fallbackRequestHandler = async ({method, params}) => ({method, got: params ?? null})
      return server
    },
  })
  expect(
    await client.request({method: 'vendor/do', params: {x: {y: 1}}}, ResultSchema),
  ).toMatchObject({method: 'vendor/do', got: {x: {y: 1}}})
})
