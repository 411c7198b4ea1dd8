import type {JsonObject} from '../../base/json.ts'
import {PluginError} from '../../base/errors.ts'
import {Cancelled, type Asking} from '../relay/connection.ts'
import type {Asker} from '../relay/server-requests.ts'
import {failure, result, RPC, type Id, type Request, type Response} from '../wire/jsonrpc.ts'
import {isQuestion} from '../wire/input-requests.ts'
import {textOf, withId} from '../wire/text.ts'
import {hearerOf, type Hearer} from './hearer.ts'
import {LONGEST_MS, type AwayEnd, type Parked, type Parking} from './parking.ts'
import {OpenQuestions} from './open-questions.ts'
import {bytesOf, inputRequest, lackingFor, MOST_ASKED_BYTES, neededFor} from './questions.ts'

/** Questions that a server asks at the same time go to the client together, in milliseconds. */
const QUIET_MS = 20

/** So often a client is asked for one call, however much it answers, … */
const MOST_ROUNDS = 16
/** … and for so long after the first time, in milliseconds. */
const LONGEST_ASKING_MS = 30 * 60_000

export interface BridgedCallInput {
  readonly owner: string
  /** As the client made it first. */
  readonly request: Request
  /** What the client declared. */
  readonly capabilities: JsonObject
  readonly parking: Parking
  /** Milliseconds, from any fixed point. */
  readonly now: () => number
  /** Sends it to the server, once, and gives the server's answer. */
  readonly send: (call: BridgedCall, asking: Omit<Asking, 'about'>) => Promise<Response>
  /** It has an answer that the client gets, or never will have one. */
  readonly onEnd: (call: BridgedCall) => void
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
  readonly #questions = new OpenQuestions(bytes => {
    this.#bytes -= bytes
    this.#input.parking.give(bytes)
  })
  #waiting: Waiting | undefined
  /** The keys of the questions that the client has now; undefined while it waits for us. */
  #open: ReadonlySet<string> | undefined
  /** What the server answered while the client was away. */
  #answer: Response | undefined
  #isOver = false
  #hasPlace = false
  #bytes = 0
  #round = 0
  #firstAskedAt: number | undefined
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
      (error: unknown) =>
        this.#end(({reject}) => reject(error), error instanceof PluginError ? error : undefined),
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
      const why = `the client has not declared ${neededFor(question)}`
      refuse(RPC.methodNotFound, why)
      const data = {requiredCapabilities: lacking}
      this.#giveUp(RPC.missingCapability, `${question.method}: ${why}`, data)
      return
    }
    if (this.#questions.repeat(from, question)) return
    if (this.#questions.isFull) {
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
    this.#questions.add({from, id: question.id, asked, bytes})
    this.#askSoon()
  }

  /** The server no longer wants to know. */
  withdraw(from: Asker, id: unknown): void {
    this.#questions.withdraw(from, id)
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
    this.#questions.answer(open, retry.params?.['inputResponses'])
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

  #askClient(): void {
    this.#quiet = undefined
    const waiting = this.#waiting
    if (!waiting || this.#questions.size === 0) return
    const now = this.#input.now()
    this.#firstAskedAt ??= now
    const leftMs = this.#firstAskedAt + LONGEST_ASKING_MS - now
    if (this.#round >= MOST_ROUNDS || leftMs <= 0) {
      const limit = `${MOST_ROUNDS} rounds, or ${LONGEST_ASKING_MS / 60_000} minutes`
      return this.#giveUp(RPC.internalError, `the server asks for more than ${limit}`)
    }
    const inputRequests = this.#questions.fitting()
    this.#round += 1
    this.#open = new Set(Object.keys(inputRequests))
    const requestState = this.#input.parking.stateOf(this, this.#input.request)
    const expire = () =>
      this.#leave(new Cancelled({reason: 'the client did not come back'}), 'late')
    this.#expiry = setTimeout(expire, Math.min(LONGEST_MS, leftMs)).unref()
    const asked = {resultType: 'input_required', inputRequests, requestState}
    waiting.resolve(result(waiting.id, asked))
  }

  #answered(response: Response): void {
    if (this.#isOver) return
    if (this.#waiting) return this.#end(({id, resolve}) => resolve(withId(response, id)))
    this.#questions.refuse('the call has been answered')
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

  /** The client gets an error, and the server is told to stop. */
  #giveUp(code: number, message: string, data?: JsonObject): void {
    this.#end(({id, resolve}) => resolve(failure(id, code, message, data)))
    this.#abort.abort(new Cancelled({reason: message}))
  }

  #leave(reason: unknown, why?: AwayEnd): void {
    this.#end(({reject}) => reject(reason), why)
    this.#abort.abort(reason)
  }

  /** @param why what its client is to hear later, if it is away */
  #end(tell: (waiting: Waiting) => void, why?: AwayEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#quiet)
    clearTimeout(this.#expiry)
    this.#input.parking.leave(this, why)
    this.#open = undefined
    this.#answer = undefined
    this.#questions.refuse('nobody is there to answer')
    this.#input.parking.give(this.#bytes)
    if (this.#waiting) tell(this.#waiting)
    this.#input.onEnd(this)
  }
}
