import type {Json, JsonObject} from '../../src/lib/base/json.ts'
import type {Era} from '../../src/lib/gateway/bridge/eras.ts'
import type {Inbox} from './inbox.ts'

/** What a client answers to the server's questions by their method; it declares the capabilities that this takes. */
export type Answers = Readonly<Partial<Record<keyof typeof CAPABILITIES, JsonObject>>>

/** A client without an SDK, which does in the way of its era what both eras have. */
export interface EraClient extends AsyncDisposable {
  readonly era: Era
  /** All notifications that have arrived, in order. */
  readonly notices: Inbox<JsonObject>
  /**
   * Makes a request, answers what is asked on the way, and gives the result.
   * @throws Refusal when there is none
   */
  ask(method: string, params?: JsonObject, options?: AskOptions): Promise<JsonObject>
  /** From now on log messages are wanted, from this level on. */
  setLevel(level: string): Promise<void>
  /** From now on changes of lists are told, and those of these resources. */
  watch(uris: readonly string[]): Promise<void>
}

export interface AskOptions {
  /** Gives the request up. What it then comes to is nobody's concern. */
  readonly signal?: AbortSignal
  /** Arguments that a modern client repeats in `Mcp-Param-` headers, by the rest of the header's name. */
  readonly mirrored?: Readonly<Record<string, string>>
}

const CAPABILITIES = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
} as const

/** The capabilities of a client that answers so. */
export function capabilitiesFor(answers: Answers): JsonObject {
  const declared = Object.entries(CAPABILITIES).filter(([method]) => method in answers)
  return Object.fromEntries(declared.map(([, capability]) => [capability, {}]))
}

/** The answer to a question; undefined when there is none. */
export function answerTo(answers: Answers, method: Json | undefined): JsonObject | undefined {
  return Object.entries(answers).find(([known]) => known === method)?.[1]
}

/** A request that was answered with an error. */
export class Refusal extends Error {
  readonly code: Json | undefined
  readonly data: Json | undefined

  /** @param error of the JSON-RPC answer */
  constructor(error: JsonObject) {
    super(`refused: ${JSON.stringify(error)}`)
    this.code = error['code']
    this.data = error['data']
  }
}
