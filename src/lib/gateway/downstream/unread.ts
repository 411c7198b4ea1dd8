import {MOST_STORED_BYTES} from './event-store.ts'
import {isRequest, isResponse, type Message} from '../wire/jsonrpc.ts'

/** From here on a client that does not read loses notifications; requests and answers still go out. */
export const MANY_UNREAD_BYTES = 4 * 1024 * 1024

/** From here on it is left. The largest message fits beside everything that was kept for it while it was away. */
export function mostUnreadBytes(maxMessageBytes: number): number {
  return MANY_UNREAD_BYTES + MOST_STORED_BYTES + 2 * maxMessageBytes
}

/** Nobody waits for a notification; a request or an answer that is lost is a call that hangs. */
export function isDispensable(message: Message): boolean {
  return !isRequest(message) && !isResponse(message)
}
