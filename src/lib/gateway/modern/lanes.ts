import type {JsonObject} from '../../base/json.ts'
import type {Asking} from '../relay/connection.ts'
import type {Request, Response} from '../wire/jsonrpc.ts'
import {META, metaOf, withMeta} from '../wire/meta.ts'
import {Lane, type LaneInput} from './lane.ts'

/** Processes of one server at the same time. */
const MOST_LANES = 4
/** How long one beyond the first is kept for the next request that needs it. */
const UNUSED_MS = 60_000

/** What lanes are made of. */
export interface LanesInput extends LaneInput {
  /** Whether everything that a server says comes the same way, as over stdio. */
  readonly sharesOneStream: boolean
}

/**
 * The processes of one modern server. One is enough for all clients, but for the server's log: over stdio nothing in
 * it says which request it is about (MCP 2026-07-28, logging). So only one request that wants the log is on a process
 * at a time.
 */
export class Lanes implements AsyncDisposable {
  /** The one for everything that wants no log. */
  readonly first: Lane
  readonly #input: LanesInput
  /** The others, with what ends them when nobody needs them. */
  readonly #further = new Map<Lane, NodeJS.Timeout | undefined>()
  /** Those that are being ended. */
  readonly #leaving = new Set<Lane>()
  /** Those that a request was given to which wants the log, and may not be sent yet. */
  readonly #taken = new Set<Lane>()
  #isOver = false

  constructor(input: LanesInput) {
    this.#input = input
    this.first = new Lane(input)
  }

  /** Sends a request where its log can be told from that of others; where there is no such place, it gets no log. */
  async request(message: Request, own: JsonObject, asking?: Asking): Promise<Response> {
    const wantsLog = metaOf(message.params)[META.logLevel] !== undefined
    if (!wantsLog || !this.#input.sharesOneStream || this.#isOver) {
      return this.first.request(message, own, asking)
    }
    const lane = this.#free()
    if (!lane) return this.#withoutLog(message, own, asking)
    this.#taken.add(lane)
    clearTimeout(this.#further.get(lane))
    try {
      if (lane !== this.first && !(await isOpening(lane, own))) {
        return await this.#withoutLog(message, own, asking)
      }
      return await lane.request(message, own, asking)
    } finally {
      this.#taken.delete(lane)
      if (this.#further.has(lane)) this.#further.set(lane, this.#endUnused(lane))
    }
  }

  /**
   * Ends all processes.
   * @throws AggregateError of what went wrong, when all of them have been tried
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    const lanes = [this.first, ...this.#further.keys(), ...this.#leaving]
    for (const timer of this.#further.values()) clearTimeout(timer)
    this.#further.clear()
    const ends = await Promise.allSettled(lanes.map(lane => lane[Symbol.asyncDispose]()))
    const failures = ends.filter(end => end.status === 'rejected')
    if (failures.length > 0) throw new AggregateError(failures.map(({reason}) => reason))
  }

  /** A lane on which nobody wants the log now, if there is or may be one. */
  #free(): Lane | undefined {
    const lanes = [this.first, ...this.#further.keys()]
    const free = lanes.find(lane => !this.#taken.has(lane) && !lane.mayLog)
    if (free || lanes.length >= MOST_LANES) return free
    // What becomes of it says nothing of the server: without it there is only no log.
    const quiet = {onOpened: () => undefined, onFailed: () => undefined}
    const lane = new Lane({...this.#input, ...quiet})
    this.#further.set(lane, undefined)
    return lane
  }

  #withoutLog(message: Request, own: JsonObject, asking?: Asking): Promise<Response> {
    return this.first.request(withMeta(message, {[META.logLevel]: undefined}), own, asking)
  }

  #endUnused(lane: Lane): NodeJS.Timeout {
    const end = async () => {
      this.#further.delete(lane)
      this.#leaving.add(lane)
      await lane[Symbol.asyncDispose]()
      this.#leaving.delete(lane)
    }
    // What cannot be ended now is tried again with the end of all.
    return setTimeout(() => void end().catch(() => undefined), UNUSED_MS).unref()
  }
}

function isOpening(lane: Lane, own: JsonObject): Promise<boolean> {
  return lane.connect(own).then(
    () => true,
    () => false,
  )
}
