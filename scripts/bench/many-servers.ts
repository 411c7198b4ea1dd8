import type {JsonObject} from '../../src/lib/base/json.ts'
import {Session} from '../../src/lib/gateway/relay/session.ts'
import type {OpenUpstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {isRequest, request, result, type Message} from '../../src/lib/gateway/wire/jsonrpc.ts'

/** A session with many servers of this process, of the size that real ones have. */
export interface ManyServers extends AsyncDisposable {
  /** Asks for the list of tools and gives the answer as the JSON that a client gets. */
  listTools(): Promise<string>
}

/** Opens the session; no server has been asked for its tools yet. */
export async function openManyServers(servers: number, toolsEach: number): Promise<ManyServers> {
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
    servers: Array.from({length: servers}, (_, at) => ({
      name: `server-${at}`,
      prefix: undefined,
      allows: () => true,
      open: serverOf(at, toolsEach),
      startTimeoutMs: 10_000,
    })),
    known: () => undefined,
    downstream: {send: message => answered?.(message), drop: () => undefined},
    govern: send => send,
    patienceMs: 60_000,
    now: () => performance.now(),
    events: {onOpened: () => undefined, onFailed: () => undefined, onListed: () => undefined},
    onClose: () => undefined,
  })
  await ask('initialize', {protocolVersion: '2025-11-25', capabilities: {}})
  return {
    listTools: async () => JSON.stringify(await ask('tools/list')),
    [Symbol.asyncDispose]: () => session.close(),
  }
}

function serverOf(number: number, tools: number): OpenUpstream {
  const list = {tools: Array.from({length: tools}, (_, at) => toolOf(`${number}_${at}`))}
  return async ({onMessage}) => {
    const {promise: closed, resolve: close} = Promise.withResolvers<{what: string}>()
    return {
      closed: closed.then(({what}) => ({what, stderr: [], junk: undefined})),
      send(message) {
        if (!isRequest(message)) return
        const answer = message.method === 'tools/list' ? list : {capabilities: {tools: {}}}
        queueMicrotask(() => onMessage(result(message.id, answer)))
      },
      async [Symbol.asyncDispose]() {
        close({what: 'was stopped'})
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
