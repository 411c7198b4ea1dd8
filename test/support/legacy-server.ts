import {onTestFinished} from 'vitest'
import type {PluginError} from '../../src/lib/base/errors.ts'
import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import {LegacyServer} from '../../src/lib/gateway/bridge/legacy-server.ts'
import {Parking} from '../../src/lib/gateway/bridge/parking.ts'
import {Seal} from '../../src/lib/gateway/bridge/seal.ts'
import {Cancelled} from '../../src/lib/gateway/relay/connection.ts'
import {
  isResult,
  request,
  type Id,
  type Notification,
  type Request,
  type Response,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {fakeServer, type FakeScript, type FakeServer} from './fake-upstream.ts'
import {Inbox} from './inbox.ts'
import {lasting} from './server-life.ts'

/** What a client of the tests can be asked. */
const EVERYTHING: JsonObject = {
  elicitation: {form: {}, url: {}},
  sampling: {tools: {}},
  roots: {},
}

/** A server whose calls the test answers itself. */
export const SILENT: FakeScript = {
  hello: {capabilities: {tools: {}, logging: {}}},
  answers: {
    'tools/call': () => undefined,
    'prompts/get': () => undefined,
    'logging/setLevel': {},
    ping: {},
  },
}

interface ViewOptions {
  readonly script?: FakeScript
  readonly server?: FakeServer
  readonly view?: string
  readonly name?: string
  readonly capabilities?: JsonObject
  readonly tellsOrigin?: boolean
  readonly parking?: Parking
  readonly now?: () => number
  /** What is said of its life; it lasts, unless anything is. */
  readonly life?: Partial<ReturnType<typeof lasting>>
}

/** One request of a modern client under way. */
export interface Made {
  readonly answer: Promise<Response>
  /** What the answer rejects with; undefined when it does not. */
  readonly refusal: Promise<unknown>
  /** Each sign of the server, and whether the user is being asked. */
  readonly signs: readonly boolean[]
  readonly message: Request
  cancel(): void
}

/** A legacy server in memory as modern clients of one view see it, with everything that the view is told. */
export function viewOf(options: ViewOptions = {}) {
  const server = options.server ?? fakeServer(options.script ?? SILENT)
  const now = options.now ?? (() => 0)
  const parking = options.parking ?? new Parking({seal: new Seal(), now})
  const news = new Inbox<{message: Notification; about: Id | undefined}>()
  const failures = new Inbox<PluginError>()
  const opened: JsonObject[] = []
  const capabilities = options.capabilities ?? EVERYTHING
  const link = new LegacyServer({
    server: {
      name: options.name ?? 'demo',
      open: server.open,
      startTimeoutMs: 60_000,
      ...lasting(),
      ...options.life,
      tellsOrigin: options.tellsOrigin ?? false,
    },
    view: options.view ?? 'view',
    hello: {protocolVersion: '2025-11-25', params: {capabilities}},
    parking,
    now,
    events: {
      onReopened: () => undefined,
      onOpened: hello => void opened.push(hello),
      onFailed: error => failures.add(error),
      onNotification: (message, about) => news.add({message, about}),
    },
  })
  onTestFinished(() => link.close())
  let last = 0
  /** Makes a request under a new name of the exchange, and by default the same id as all others. */
  const make = (params: JsonObject, {method = 'tools/call', id = 1, about = `k${++last}`} = {}) => {
    const controller = new AbortController()
    const signs: boolean[] = []
    const message = request(id, method, params)
    const answer = link.request(message, {
      about,
      signal: controller.signal,
      onProgress: isAsked => void signs.push(isAsked),
    })
    const refusal = answer.then(
      () => undefined,
      (error: unknown) => error,
    )
    const cancel = () => controller.abort(new Cancelled({reason: 'the client cancelled'}))
    return {answer, refusal, signs, message, cancel} satisfies Made
  }
  /** Makes the same request again, with what an answer asked for. */
  const retry = (first: Made, asked: Asked, inputResponses: JsonObject, more: JsonObject = {}) =>
    make(
      {...first.message.params, ...more, requestState: asked.requestState, inputResponses},
      {id: 2, method: first.message.method},
    )
  return {server, link, parking, news, failures, opened, make, retry}
}

/** What a client is asked. */
export interface Asked {
  readonly questions: JsonObject
  readonly requestState: string
}

/** The questions of an answer that asks. */
export async function askedBy({answer}: Pick<Made, 'answer'>): Promise<Asked> {
  const response = await answer
  const {resultType, inputRequests, requestState} = isResult(response) ? response.result : {}
  if (
    resultType !== 'input_required' ||
    !isJsonObject(inputRequests) ||
    typeof requestState !== 'string'
  ) {
    throw new Error(`asks nothing: ${JSON.stringify(response)}`)
  }
  return {questions: inputRequests, requestState}
}

/** A server's question for a form. */
export function elicit(id: Id, message = 'Which one?'): Request {
  const requestedSchema = {type: 'object', properties: {}}
  return request(id, 'elicitation/create', {message, requestedSchema})
}

/** A user's answer to a question. */
export const YES: JsonObject = {action: 'accept', content: {name: 'x'}}

/** The result of a call. */
export const DONE: JsonObject = {content: [{type: 'text', text: 'done'}]}

/** A view with one call at the server, which the test answers. */
export async function withCall(options: ViewOptions = {}, params = {name: 't'}) {
  const view = viewOf(options)
  const call = view.make(params)
  const upstream = await view.server.start()
  const {id} = await upstream.request('tools/call')
  return {...view, call, upstream, id}
}

/** A view with one call that waits for its client. */
export async function withParked(options: ViewOptions = {}) {
  const made = await withCall(options)
  made.upstream.say(elicit('q'))
  return {...made, asked: await askedBy(made.call)}
}

/** For what is not undefined in a test. */
export function never(): never {
  throw new Error('must not be')
}
