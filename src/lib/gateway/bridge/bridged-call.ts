import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {Cancelled, type Asking} from '../relay/connection.ts'
import type {Asker} from '../relay/server-requests.ts'
import {failure, result, RPC, type Id, type Request, type Response} from '../wire/jsonrpc.ts'
import {textOf, withId} from '../wire/text.ts'
import {hearerOf, type Hearer} from './hearer.ts'
import {LONGEST_MS, type Parked, type Parking} from './parking.ts'
import {
  bytesOf,
  inputRequest,
  isQuestion,
  lackingFor,
  MOST_ASKED_BYTES,
  MOST_QUESTIONS,
} from './questions.ts'

/** Questions that a server asks at the same time go to the client together, in milliseconds. */
const QUIET_MS = 20

export interface BridgedCallInput {
  readonly owner: string
  /** As the client made it first. */
  readonly request: Request
  /** What the client declared. */
  readonly capabilities: JsonObject
  readonly parking: Parking
  /** Sends it to the server, once, and gives the server's answer. */
  readonly send: (call: BridgedCall, asking: Omit<Asking, 'about'>) => Promise<Response>
  /** It has an answer that the client gets, or never will have one. */
  readonly onEnd: (call: BridgedCall) => void
}

interface Question {
  readonly from: Asker
  readonly id: Id
  /** As the client is asked. */
  readonly asked: JsonObject
  readonly bytes: number
}

/** The client's request that the call is part of now. */
interface Waiting extends Hearer {
  readonly id: Id
  readonly asking: Asking
  readonly resolve: (response: Response) => void
  readonly reject: (error: unknown) => void
}

/**
 * One call of a modern client on a legacy server, over all the requests that the client makes for it: when the server
 * asks something, the client's request is answered with the questions, and the call stays open at the server until
 * the client comes back with answers (MCP 2026-07-28, multi round-trip requests), or too long does not.
 */
export class BridgedCall implements Parked {
  readonly owner: string
  readonly #input: BridgedCallInput
  /** Aborted when the server need not go on. */
  readonly #abort = new AbortController()
  /** By the keys that the client knows them by. */
  readonly #questions = new Map<string, Question>()
  #waiting: Waiting | undefined
  /** The keys of the questions that the client has now; undefined while it waits for us. */
  #open: ReadonlySet<string> | undefined
  /** What the server answered while the client was away. */
  #answer: Response | undefined
  #isOver = false
  #hasPlace = false
  #bytes = 0
  #round = 0
  #lastKey = 0
  #quiet: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined

  constructor(input: BridgedCallInput) {
    this.owner = input.owner
    this.#input = input
  }

  /** Sends it to the server. @returns the answer for the client; rejects as `send` does, and when the client leaves */
  start(asking: Asking): Promise<Response> {
    const answer = this.#attend(this.#input.request, asking)
    const {signal} = this.#abort
    const onProgress = (isAsked: boolean) => this.#waiting?.asking.onProgress?.(isAsked)
    this.#input.send(this, {signal, onProgress}).then(
      response => this.#answered(response),
      (error: unknown) => this.#end(({reject}) => reject(error)),
    )
    return answer
  }

  /** Who hears of it now; nobody while the client is away. */
  get hearer(): Hearer | undefined {
    return this.#waiting
  }

  get openRound(): number | undefined {
    return this.#open && this.#round
  }

  /** Takes a question of the server that belongs to this call. */
  ask(from: Asker, question: Request): void {
    const refuse = (code: number, why: string) => from.respond(failure(question.id, code, why))
    if (!isQuestion(question.method))
      return refuse(RPC.methodNotFound, 'clients know no such method')
    if (this.#isOver || this.#answer) return refuse(RPC.internalError, 'the call is over')
    const lacking = lackingFor(question, this.#input.capabilities)
    if (lacking) {
      const why = `the client has no capability ${Object.keys(lacking).join()} as it is needed here`
      refuse(RPC.methodNotFound, why)
      const data = {requiredCapabilities: lacking}
      this.#giveUp(RPC.missingCapability, `${question.method}: ${why}`, data)
      return
    }
    if (this.#questions.size >= MOST_QUESTIONS) {
      return refuse(RPC.internalError, 'the client has too many open questions')
    }
    const asked = inputRequest(question)
    const bytes = bytesOf(asked)
    if (bytes > MOST_ASKED_BYTES) return refuse(RPC.internalError, 'the question is too long')
    const why = this.#keep(bytes)
    if (why !== undefined) {
      refuse(RPC.internalError, why)
      return this.#giveUp(RPC.internalError, `the server asks something, but ${why}`)
    }
    this.#questions.set(String(++this.#lastKey), {from, id: question.id, asked, bytes})
    this.#askSoon()
  }

  /** The server no longer wants to know. */
  withdraw(from: Asker, id: unknown): void {
    for (const [key, question] of this.#questions) {
      if (question.from === from && question.id === id) this.#forget(key, question)
    }
  }

  resume(retry: Request, asking: Asking): Promise<Response> {
    const open = this.#open ?? new Set()
    this.#open = undefined
    clearTimeout(this.#expiry)
    const answer = this.#attend(retry, asking)
    if (this.#answer) {
      this.#answered(this.#answer)
      return answer
    }
    asking.onProgress?.(false)
    const given = retry.params?.['inputResponses']
    for (const [key, question] of this.#questions) {
      if (!open.has(key) || !isJsonObject(given) || !Object.hasOwn(given, key)) continue
      const value = given[key]
      if (!isJsonObject(value)) continue
      this.#forget(key, question)
      question.from.respond(result(question.id, value))
    }
    this.#askSoon()
    return answer
  }

  /** Ends it as if its client had left, whether the client waits or is away. */
  cancel(reason: string): void {
    this.#leave(new Cancelled({reason}))
  }

  #attend(request: Request, asking: Asking): Promise<Response> {
    return new Promise((resolve, reject) => {
      const {signal} = asking
      const onAbort = () => this.#leave(signal.reason)
      const done =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal.removeEventListener('abort', onAbort)
          this.#waiting = undefined
          settle(value)
        }
      this.#waiting = {
        ...hearerOf(request, asking),
        id: request.id,
        asking,
        resolve: done(resolve),
        reject: done(reject),
      }
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
    })
  }

  #askSoon(): void {
    if (this.#waiting && this.#questions.size > 0) {
      this.#quiet ??= setTimeout(() => this.#askClient(), QUIET_MS)
    }
  }

  /** As many questions as fit; the others come after these. */
  #askClient(): void {
    this.#quiet = undefined
    const waiting = this.#waiting
    if (!waiting || this.#questions.size === 0) return
    const inputRequests: JsonObject = {}
    let left = MOST_ASKED_BYTES
    for (const [key, {asked, bytes}] of this.#questions) {
      left -= bytes
      if (left < 0) break
      inputRequests[key] = asked
    }
    this.#round += 1
    this.#open = new Set(Object.keys(inputRequests))
    const requestState = this.#input.parking.stateOf(this, this.#input.request)
    const expire = () => this.cancel('the client did not come back')
    this.#expiry = setTimeout(expire, LONGEST_MS).unref()
    const asked = {resultType: 'input_required', inputRequests, requestState}
    waiting.resolve(result(waiting.id, asked))
  }

  #answered(response: Response): void {
    if (this.#isOver) return
    if (this.#waiting) return this.#end(({id, resolve}) => resolve(withId(response, id)))
    this.#refuseQuestions('the call has been answered')
    const isKept = this.#keep(Buffer.byteLength(textOf(response))) === undefined
    if (isKept) this.#answer = response
    else this.cancel('too much is kept for clients that are away')
  }

  /** Takes room for a question or an answer, first of all a place for the call itself. @returns why there is none */
  #keep(bytes: number): string | undefined {
    const {parking, request} = this.#input
    let wanted = bytes
    if (!this.#hasPlace) {
      const why = parking.enter(this)
      if (why !== undefined) return why
      this.#hasPlace = true
      // It is held by whoever waits for its answer.
      wanted += Buffer.byteLength(textOf(request))
    }
    if (!parking.take(wanted)) return 'too much is kept already for clients that are away'
    this.#bytes += wanted
    return undefined
  }

  #forget(key: string, {bytes}: Question): void {
    this.#questions.delete(key)
    this.#bytes -= bytes
    this.#input.parking.give(bytes)
  }

  /** The client gets an error, and the server is told to stop. */
  #giveUp(code: number, message: string, data?: JsonObject): void {
    this.#end(({id, resolve}) => resolve(failure(id, code, message, data)))
    this.#abort.abort(new Cancelled({reason: message}))
  }

  #leave(reason: unknown): void {
    this.#end(({reject}) => reject(reason))
    this.#abort.abort(reason)
  }

  #end(tell: (waiting: Waiting) => void): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#quiet)
    clearTimeout(this.#expiry)
    this.#open = undefined
    this.#answer = undefined
    this.#refuseQuestions('nobody is there to answer')
    this.#input.parking.leave(this)
    this.#input.parking.give(this.#bytes)
    if (this.#waiting) tell(this.#waiting)
    this.#input.onEnd(this)
  }

  #refuseQuestions(why: string): void {
    for (const [key, question] of this.#questions) {
      this.#forget(key, question)
      question.from.respond(failure(question.id, RPC.internalError, why))
    }
  }
}
