import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import type {Mirrored} from '../upstream/upstream.ts'
import type {Request, Response} from '../wire/jsonrpc.ts'

/** A request that is governed: policy, scanning, logging and the like apply to it. */
export interface Call {
  readonly kind: 'tool' | 'prompt' | 'resource'
  readonly server: string
  /** The server's own name of the tool or prompt, or the URI of the resource. */
  readonly name: string
  /** The tool or prompt as its server lists it; nothing for resources. */
  readonly definition?: JsonObject | undefined
  /**
   * Has the server say how the tool is defined, where that is not known; it is started for that.
   * Throws PluginError when it cannot be asked, and the signal's reason.
   */
  readonly define?: (() => Promise<JsonObject | undefined>) | undefined
  /** The message as it will be sent; replaced, never changed. */
  readonly request: Request
  readonly caller: Caller
  /** What a client has put into headers besides; undefined where there are none. */
  readonly mirrored?: Mirrored | undefined
  /** Aborted when the client gives up. */
  readonly signal: AbortSignal
  /**
   * The call was sent, its server reported progress on it, asked the user something (then true, until all is
   * answered), or was answered.
   */
  readonly onProgress?: ((isUserAsked: boolean) => void) | undefined
}

/** Who asks. */
export interface Caller {
  readonly session: string
  /** What the client calls itself: not proof of anything. */
  readonly client: string
}

/** A longer one is no name, but would be told to everybody who asks who is there. */
const LONGEST_NAME = 256

/** The name that a client gives of itself, its first 256 characters. */
export function clientName(info: Json | undefined): string {
  const name = isJsonObject(info) ? info['name'] : undefined
  return typeof name === 'string' ? name.slice(0, LONGEST_NAME) : 'unknown'
}

export type Handler = (call: Call) => Promise<Response>

/** One feature around a call. Outermost first in the list of `assemble.ts`. */
export type Middleware = (next: Handler) => Handler

/** Puts the middlewares around the handler, the first one outermost. */
export function compose(middlewares: readonly Middleware[], handler: Handler): Handler {
  return middlewares.reduceRight((next, middleware) => middleware(next), handler)
}
