import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import type {MessageListener} from '../upstream/upstream.ts'
import {
  failure,
  isResult,
  notification,
  request,
  RPC,
  type Id,
  type Notification,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {mayAsk, neededFor} from '../wire/input-requests.ts'
import {withId} from '../wire/text.ts'

/** How often a server may ask for input before it answers one request. */
const MOST_ROUNDS = 16
/** How much it may ask for at once. */
const MOST_QUESTIONS = 64

export interface InputRoundsInput {
  /** Sends to the server. */
  readonly send: (message: Request | Notification) => void
  /** Takes what the session is to hear. */
  readonly onMessage: MessageListener
  /** What the client has declared in `initialize`. */
  readonly capabilities: () => JsonObject
  /** Gives an id that is in use neither towards the server nor towards the session. */
  readonly newId: () => Id
}

/** One request of the session, through all its rounds at the server. */
interface Call {
  /** As the session sent it. */
  readonly request: Request
  /** The id under which the server works on it; undefined while the client is asked. */
  round: Id | undefined
  rounds: number
  /** What the server keeps of the call at its client. */
  state: Json | undefined
  /** What the client has answered so far, by the server's keys; undefined when it was asked nothing. */
  answers: Map<string, JsonObject> | undefined
  /** What it was asked and has not answered, by the ids of the questions. */
  readonly questions: Map<Id, Question>
}

interface Question {
  readonly key: string
  readonly method: string
  readonly params: JsonObject | undefined
}

/**
 * The requests of a legacy session at a modern server. An answer that wants input becomes requests to the client, and
 * when all are answered the request is made once more with what the client said (MCP 2026-07-28, multi round-trip
 * requests). The session sees one request and one answer, under its own id.
 */
export class InputRounds {
  readonly #input: InputRoundsInput
  /** By the session's ids. */
  readonly #calls = new Map<Id, Call>()
  /** By the ids under which the server works on them. */
  readonly #rounds = new Map<Id, Call>()
  /** By the ids of the questions. */
  readonly #asked = new Map<Id, Call>()

  constructor(input: InputRoundsInput) {
    this.#input = input
  }

  /** Makes a request of the session at the server. */
  begin(message: Request): void {
    const call: Call = {
      request: message,
      round: undefined,
      rounds: 0,
      state: undefined,
      answers: undefined,
      questions: new Map(),
    }
    this.#calls.set(message.id, call)
    this.#send(call, message)
  }

  /** The session's request that the server works on under this id. */
  requestOf(round: Id): Id | undefined {
    return this.#rounds.get(round)?.request.id
  }

  /** Takes an answer of the server. One that nobody waits for is dropped. */
  settle(response: Response): void {
    const call = this.#rounds.get(response.id)
    if (!call) return
    this.#rounds.delete(response.id)
    call.round = undefined
    if (!isResult(response) || response.result['resultType'] !== 'input_required') {
      return this.#finish(call, response)
    }
    const questions = questionsIn(call, response.result, this.#input.capabilities())
    if (typeof questions === 'string') return this.#fail(call, questions)
    call.rounds += 1
    call.state = response.result['requestState']
    call.answers = questions && new Map()
    this.#ask(call, questions ?? [])
  }

  /** Takes the client's answer to a question. One that nobody waits for is dropped. */
  answer(response: Response): void {
    const call = this.#asked.get(response.id)
    const question = call?.questions.get(response.id)
    if (!call || !question) return
    this.#asked.delete(response.id)
    call.questions.delete(response.id)
    const answer = resultFor(question, response)
    if (!answer) return this.#finish(call, response)
    call.answers?.set(question.key, answer)
    if (call.questions.size === 0) this.#again(call)
  }

  /** The session gives a request up: nobody hears of it any more. @param message its `notifications/cancelled` */
  cancel(message: Notification): void {
    const id = message.params?.['requestId']
    const call = typeof id === 'string' || typeof id === 'number' ? this.#calls.get(id) : undefined
    if (!call) return
    this.#calls.delete(call.request.id)
    this.#withdraw(call, 'the request was cancelled')
    const {round} = call
    if (round === undefined) return
    this.#rounds.delete(round)
    this.#input.send({...message, params: {...message.params, requestId: round}})
  }

  #send(call: Call, message: Request): void {
    call.round = message.id
    this.#rounds.set(message.id, call)
    this.#input.send(message)
  }

  #ask(call: Call, questions: readonly Question[]): void {
    if (questions.length === 0) return this.#again(call)
    for (const question of questions) {
      const id = this.#input.newId()
      call.questions.set(id, question)
      this.#asked.set(id, call)
    }
    // The first one may be refused at once, and then the others are not asked any more.
    for (const [id, question] of call.questions) {
      this.#input.onMessage(questionFor(id, question), {request: call.request.id})
    }
  }

  /** What the server gave out for this round goes back to it, and nothing of an earlier one. */
  #again(call: Call): void {
    const {inputResponses: _, requestState: __, ...params} = call.request.params ?? {}
    const {answers, state} = call
    this.#send(call, {
      ...call.request,
      id: this.#input.newId(),
      params: {
        ...params,
        ...(answers && {inputResponses: Object.fromEntries(answers)}),
        ...(state !== undefined && {requestState: state}),
      },
    })
  }

  #fail(call: Call, why: string): void {
    this.#finish(call, failure(call.request.id, RPC.internalError, why))
  }

  #finish(call: Call, response: Response): void {
    const {id} = call.request
    this.#calls.delete(id)
    this.#withdraw(call, 'the request has ended')
    this.#input.onMessage(response.id === id ? response : withId(response, id))
  }

  #withdraw(call: Call, reason: string): void {
    const outstanding = [...call.questions.keys()]
    call.questions.clear()
    for (const id of outstanding) {
      this.#asked.delete(id)
      const withdrawal = notification('notifications/cancelled', {requestId: id, reason})
      this.#input.onMessage(withdrawal, {request: call.request.id})
    }
  }
}

/**
 * What a server asks before it goes on.
 * @returns undefined when it only wants to be called again; a text says why it cannot be done
 */
function questionsIn(
  {request: {method}, rounds}: Call,
  {inputRequests, requestState}: JsonObject,
  capabilities: JsonObject,
): readonly Question[] | undefined | string {
  if (!mayAsk(method)) return `the server asks for input, which it must not on ${method}`
  if (rounds >= MOST_ROUNDS) return `the server asks for input more than ${MOST_ROUNDS} times`
  if (inputRequests === undefined) {
    return requestState === undefined ? 'the server asks for input, but not what for' : undefined
  }
  if (!isJsonObject(inputRequests)) return 'the server asks for input in a form that is none'
  const entries = Object.entries(inputRequests)
  if (entries.length > MOST_QUESTIONS) {
    return `the server asks for more than ${MOST_QUESTIONS} inputs at once`
  }
  const questions: Question[] = []
  for (const [key, value] of entries) {
    const question = questionIn(key, value, capabilities)
    if (typeof question === 'string') return question
    questions.push(question)
  }
  return questions
}

function questionIn(
  key: string,
  value: Json | undefined,
  capabilities: JsonObject,
): Question | string {
  const {method, params} = isJsonObject(value) ? value : {}
  if (typeof method !== 'string' || !(params === undefined || isJsonObject(params))) {
    return 'the server asks for input in a form that is none'
  }
  const need = neededFor(method)
  if (need === undefined) {
    return `the server asks for ${JSON.stringify(method.slice(0, 100))}, which is no input`
  }
  // A user who cannot be asked is one who does not answer, see below.
  if (method === 'elicitation/create' || capabilities[need]) return {key, method, params}
  return `the server asks for ${need}, which the client has not declared`
}

/** A page that a legacy client is to open has an id, which modern servers do not give it (MCP 2025-11-25, elicitation). */
function questionFor(id: Id, {method, params}: Question): Request {
  const isNameless = params?.['mode'] === 'url' && params['elicitationId'] === undefined
  return request(id, method, isNameless ? {...params, elicitationId: `${id}`} : params)
}

/**
 * What the server is told of the client's answer. A user who cannot be asked is one who does not answer; without a
 * model's words, or roots, there is nothing to go on with.
 */
function resultFor({method}: Question, response: Response): JsonObject | undefined {
  if (isResult(response)) return response.result
  return method === 'elicitation/create' ? {action: 'cancel'} : undefined
}
