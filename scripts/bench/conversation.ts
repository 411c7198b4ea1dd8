import {randomUUID} from 'node:crypto'
import {Scope} from '../../src/lib/base/scope.ts'
import type {JsonObject} from '../../src/lib/base/json.ts'
import type {Upstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {
  isResponse,
  isResult,
  notification,
  request,
  type Message,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {HELLO} from './client.ts'
import type {Way} from './isolated.ts'

/** A server that was started and introduced, with a client that asks one thing after the other. */
export interface Conversation extends AsyncDisposable {
  /** A label of its container. */
  readonly session: string
  /** From the wish for the server to its answer to `initialize`, in milliseconds. */
  readonly startMs: number
  /**
   * Calls a tool.
   * @returns the answer's result
   * @throws Error when it is none
   */
  call(tool: string, args: JsonObject): Promise<JsonObject>
}

/** Starts a server and introduces itself. */
export async function converse({name, open}: Way): Promise<Conversation> {
  await using opening = new Scope()
  const session = randomUUID()
  let answered: ((message: Message) => void) | undefined
  let last = 0
  const started = performance.now()
  const upstream: Upstream = opening.use(await open(session, message => answered?.(message)))
  const ended = upstream.closed.then(({what, stderr}): never => {
    throw new Error(`${name} ${what}: ${stderr.join(' | ')}`)
  })
  ended.catch(() => undefined)
  const ask = async (method: string, params: JsonObject): Promise<JsonObject> => {
    last += 1
    const id = last
    const answer = new Promise<Message>(resolve => {
      answered = message => {
        if (isResponse(message) && message.id === id) resolve(message)
      }
    })
    upstream.send(request(id, method, params))
    const message = await Promise.race([answer, ended])
    if (isResponse(message) && isResult(message)) return message.result
    throw new Error(`${name} refused ${method}: ${JSON.stringify(message)}`)
  }
  await ask('initialize', HELLO)
  const startMs = performance.now() - started
  upstream.send(notification('notifications/initialized'))
  opening.release()
  return {
    session,
    startMs,
    call: (tool, args) => ask('tools/call', {name: tool, arguments: args}),
    [Symbol.asyncDispose]: () => Promise.resolve(upstream[Symbol.asyncDispose]()),
  }
}
