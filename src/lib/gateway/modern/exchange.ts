import type {Mirrored} from '../upstream/upstream.ts'
import type {Notification, Request} from '../wire/jsonrpc.ts'

/** One request of a modern client, with all that the client says about it, and the way back to the client. */
export interface Exchange {
  /** As it came, under the client's own id. */
  readonly request: Request
  /** Aborted when the client leaves or cancels: nobody reads the answer then. */
  readonly signal: AbortSignal
  /** Over HTTP: what the client has put into headers. Undefined where there are none, as over stdio. */
  readonly mirrored?: Mirrored | undefined
  /** Takes what belongs to the request and comes before its answer. */
  notify(message: Notification): void
}
