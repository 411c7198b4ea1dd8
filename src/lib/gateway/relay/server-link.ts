import {PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import type {Notification, Request, Response} from '../wire/jsonrpc.ts'
import type {Asking} from './connection.ts'
import type {Leavable} from './leaving.ts'

/** One server as those see it who route requests to it: opened on first need, whatever era it is of. */
export interface ServerLink {
  readonly server: string
  /** Whether the server is there now. */
  readonly isOpen: boolean
  /** What the server said of itself when it was opened last: its capabilities, instructions and more. */
  readonly hello: JsonObject | undefined
  /**
   * Opens the server if it is not open.
   * @returns what it said of itself
   * @throws PluginError when it cannot be started
   */
  ready(): Promise<JsonObject>
  /**
   * Sends a request and gives the server's answer, under the request's own id.
   * @throws PluginError when the server cannot be started or ends before it answers; Cancelled
   */
  request(message: Request, asking?: Asking): Promise<Response>
  /** Passes a notification on. */
  notify(message: Notification): void
}

/** The same for a session, which it ends with, if it does not end before. */
export interface SessionLink extends ServerLink, Leavable {
  /** URIs that the client wants news of, as the server knows them. */
  readonly subscriptions: readonly string[]
}

/** A server was meant that is served no more, by whoever has not heard of that yet. */
export function notServed(server: string): PluginError {
  return new PluginError('SERVER_UNKNOWN', `server ${server} is not served any more`, {
    hint: 'ask for the lists again: they have what there is now',
  })
}
