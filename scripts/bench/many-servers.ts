import type {JsonObject} from '../../src/lib/base/json.ts'
import type {ServersMemory} from '../../src/lib/gateway/relay/session-input.ts'
import {Session} from '../../src/lib/gateway/relay/session.ts'
import type {CloseReason, OpenUpstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {
  isRequest,
  isResponse,
  request,
  result,
  type Message,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {lasting} from '../../test/support/server-life.ts'

/** A session with many servers of this process, whose lists are as large as those of real ones. */
export interface ManyServers extends AsyncDisposable {
  /** Asks for the list of tools and gives the answer as the JSON that a client gets. */
  listTools(): Promise<string>
}

/** Opens a session with servers that come at once, or never. */
export async function openManyServers(input: {
  readonly names: readonly string[]
  readonly toolsEach: number
  readonly memory: ServersMemory
  readonly areThere: boolean
}): Promise<ManyServers> {
  let answered: ((message: Message) => void) | undefined
  let lastId = 0
  const ask = (method: string, params: JsonObject = {}) => {
    const answer = new Promise<Message>(resolve => {
      answered = resolve
    })
    session.receive(request(++lastId, method, params))
    return answer
  }
  const session = new Session({
    id: 'bench',
    version: '0',
    servers: input.names.map(name => ({
      name,
      prefix: undefined,
      allows: () => true,
      open: input.areThere ? serverWith(name, input.toolsEach) : neverThere,
      startTimeoutMs: 60_000,
      ...lasting(),
    })),
    memory: input.memory,
    downstream: {
      send: message => isResponse(message) && answered?.(message),
      drop: () => undefined,
    },
    govern: send => send,
    patienceMs: 60_000,
    now: () => performance.now(),
    events: {
      onOpened: () => undefined,
      onFailed: () => undefined,
      onListed: () => undefined,
      onTools: () => undefined,
      onWarning: () => undefined,
    },
    onClose: () => undefined,
  })
  await ask('initialize', {protocolVersion: '2025-11-25', capabilities: {}})
  return {
    listTools: async () => JSON.stringify(await ask('tools/list')),
    [Symbol.asyncDispose]: () => session.close(),
  }
}

const neverThere: OpenUpstream = ({signal}) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })

function serverWith(name: string, tools: number): OpenUpstream {
  const list = {tools: Array.from({length: tools}, (_, at) => toolOf(`${name}_${at}`))}
  return async ({onMessage}) => {
    const {promise: closed, resolve: close} = Promise.withResolvers<CloseReason>()
    return {
      closed,
      redact: said => said,
      send(message) {
        if (!isRequest(message)) return
        const answer = message.method === 'tools/list' ? list : {capabilities: {tools: {}}}
        queueMicrotask(() => onMessage(result(message.id, answer)))
      },
      async [Symbol.asyncDispose]() {
        close({what: 'was stopped', stderr: [], junk: undefined})
      },
    }
  }
}

const text = (description: string): JsonObject => ({type: 'string', description})

/** About 900 bytes. One tool of each server has a name that all of them have. */
function toolOf(place: string): JsonObject {
  return {
    name: place.endsWith('_5') ? 'search' : `search_issues_${place}`,
    title: 'Search issues',
    description:
      'Searches the issues of a project for words, and gives the best twenty with their title, state, author and labels. Words in quotes are looked for as they are; use get_issue for the text of one of them.',
    inputSchema: {
      type: 'object',
      properties: {
        query: text('what to look for, in the title and in the text of the issues'),
        project: text('the project, as owner/name; all projects that can be read when left out'),
        state: {type: 'string', enum: ['open', 'closed', 'all'], default: 'open'},
        labels: {type: 'array', items: {type: 'string'}, description: 'all of them must be there'},
        limit: {type: 'integer', minimum: 1, maximum: 100, default: 20},
      },
      required: ['query'],
      additionalProperties: false,
    },
    annotations: {readOnlyHint: true, openWorldHint: true},
  }
}
