import type {JsonObject} from '../../base/json.ts'
import type {ServerLink} from '../relay/server-link.ts'
import type {Notification} from '../wire/jsonrpc.ts'

/** One server as modern clients of one kind see it, whatever era it is of. */
export interface ViewLink extends ServerLink {
  /**
   * Asks the server to tell of changes, until the signal is aborted.
   * @param filter what of: the `notifications` of `subscriptions/listen` (MCP 2026-07-28)
   * @param tell takes the server's notices, in its own words; never the acknowledgement
   * @throws PluginError when the server cannot be opened or refuses
   */
  watch(
    filter: JsonObject,
    tell: (notice: Notification) => void,
    signal: AbortSignal,
  ): Promise<Watch>
  /** Waits until the server is open, without opening it. @throws the signal's reason */
  whenOpen(signal: AbortSignal): Promise<void>
  /** Ends what was opened for this view alone. @param what why, as one clause for whoever waits for an answer */
  close(what?: string): Promise<void>
}

/** The same for a server of the modern era, which all views share. */
export interface ModernLink extends ViewLink {
  /**
   * Asks the server once more what it is, since another one may answer at the same place.
   * @throws NotModern when it is of the other era; PluginError when that cannot be told
   */
  check(): Promise<JsonObject>
}

/** A server that tells of changes. */
export interface Watch {
  /** The part of the filter that it honours. */
  readonly honoured: JsonObject
  /** Settles when it tells no more, however that came. Never rejects. */
  readonly ended: Promise<void>
}
