import {createHash} from 'node:crypto'
import type {PluginError} from '../../base/errors.ts'
import {canonical, type JsonObject} from '../../base/json.ts'
import type {Asking} from '../relay/connection.ts'
import type {Request, Response} from '../wire/jsonrpc.ts'
import {Places} from './places.ts'
import type {Seal} from './seal.ts'

/** Calls that have asked their clients something and have not ended, of all clients together, … */
const MOST_CALLS = 100
/** … and of one view on one server: fewer than it has sessions, so that other calls always find one. */
const MOST_OF_ONE = 7
/** JSON that is kept for them. */
const MOST_BYTES = 16 * 1024 * 1024
/** How long a client may take to come back, in milliseconds. */
export const LONGEST_MS = 10 * 60_000
/** Ends of calls that are remembered for clients that come back, … */
const MOST_ENDS = 100
/** … and for how long, in milliseconds. */
const REMEMBERED_MS = 10 * 60_000

/** The name of one view's calls on one server, from which nobody learns what the view's name is made of. */
export function ownerOf(view: string, server: string): string {
  return digest(JSON.stringify([view, server]))
}

/** A call that waits for its client, or has waited. */
export interface Parked {
  /** See {@link ownerOf}. */
  readonly owner: string
  /** The number of its newest question to the client, while that is open. */
  readonly openRound: number | undefined
  /** Goes on with the client's answers, which answer the open question. */
  resume(retry: Request, asking: Asking): Promise<Response>
}

/** Why a call ended while its client was away: its server failed, or the client took too long. */
export type AwayEnd = PluginError | 'late'

/** An end that the client has not heard of. */
interface Remembered {
  readonly why: AwayEnd
  /** The question that was open. */
  readonly round: number
  /** When it is forgotten. */
  readonly until: number
}

/**
 * The calls of modern clients that wait on legacy servers for what only the client can tell, of the whole gateway.
 * The client gets a sealed state that names the call (MCP 2026-07-28, multi round-trip requests), and nothing else
 * does.
 */
export class Parking {
  /** Of all pools of sessions together. */
  readonly places = new Places()
  readonly #seal: Seal
  readonly #now: () => number
  readonly #calls = new Map<string, Parked>()
  readonly #ids = new Map<Parked, string>()
  /** By the ids of the calls, the oldest first. */
  readonly #ends = new Map<string, Remembered>()
  #bytes = 0
  #last = 0

  /** @param now milliseconds from any fixed point */
  constructor({seal, now}: {seal: Seal; now: () => number}) {
    this.#seal = seal
    this.#now = now
  }

  /**
   * Gives a call a place, which it has until it leaves.
   * @returns why there is none; undefined when it has one
   */
  enter(call: Parked): string | undefined {
    if (this.#calls.size >= MOST_CALLS) return `${MOST_CALLS} calls wait for their clients already`
    const own = [...this.#calls.values()].filter(({owner}) => owner === call.owner)
    if (own.length >= MOST_OF_ONE) {
      return `${MOST_OF_ONE} calls on this server wait for such clients already`
    }
    const id = String(++this.#last)
    this.#calls.set(id, call)
    this.#ids.set(call, id)
    return undefined
  }

  /**
   * The call has ended: its states are no longer good for anything.
   * @param why what its client is to hear, if it is away
   */
  leave(call: Parked, why?: AwayEnd): void {
    const id = this.#ids.get(call)
    if (id === undefined) return
    this.#calls.delete(id)
    this.#ids.delete(call)
    const {openRound: round} = call
    if (why === undefined || round === undefined) return
    this.#ends.set(id, {why, round, until: this.#now() + REMEMBERED_MS})
    const [oldest] = this.#ends.keys()
    if (this.#ends.size > MOST_ENDS && oldest !== undefined) this.#ends.delete(oldest)
  }

  /** Takes so much of what may be kept. @returns whether there was so much left; nothing is taken if not */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > MOST_BYTES) return false
    this.#bytes += bytes
    return true
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#bytes -= bytes
  }

  /** The state for a call's question to its client, good for a retry of the same request. */
  stateOf(call: Parked, request: Request): string {
    const own = {call: this.#ids.get(call), round: call.openRound}
    return this.#stateFor(call.owner, request, own)
  }

  /** A state that lets the same request be made once more, and names no call. */
  stateToRepeat(owner: string, request: Request): string {
    return this.#stateFor(owner, request, {})
  }

  /**
   * Tells what the `requestState` of a client that comes back is good for.
   * @returns the call to go on with, that the request may be made again, or how the call ended meanwhile; undefined:
   *   it is none of ours, another's, of another request, or was used before
   */
  read(owner: string, request: Request): Parked | 'again' | AwayEnd | undefined {
    const text = request.params?.['requestState']
    const state = typeof text === 'string' ? this.#seal.open(text) : undefined
    if (state?.['owner'] !== owner || state['request'] !== digestOf(request)) return undefined
    const {until, call: id, round} = state
    const isLate = typeof until !== 'number' || until < this.#now()
    if (id === undefined) return isLate ? 'late' : 'again'
    if (typeof id !== 'string' || typeof round !== 'number') return undefined
    const call = this.#calls.get(id)
    if (!call) return this.#endOf(id, round)
    if (call.openRound !== round) return undefined
    return isLate ? 'late' : call
  }

  #endOf(id: string, round: number): AwayEnd | undefined {
    const end = this.#ends.get(id)
    return end?.round === round && end.until >= this.#now() ? end.why : undefined
  }

  #stateFor(owner: string, request: Request, own: JsonObject): string {
    const until = this.#now() + LONGEST_MS
    return this.#seal.seal({...own, owner, request: digestOf(request), until})
  }
}

/** What belongs to one round trip alone, and differs in the retry of the same request. */
const PASSING: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState'])

/** Tells a request from every other one that is not a retry of it: by its method and params, in whatever order. */
function digestOf({method, params = {}}: Request): string {
  const salient = Object.entries(params).filter(([key]) => !PASSING.has(key))
  return digest(canonical([method, Object.fromEntries(salient)]))
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
