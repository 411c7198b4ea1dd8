import {messageOf} from '../../base/errors.ts'
import {isJsonObject} from '../../base/json.ts'
import {parseMessages} from '../wire/batch.ts'
import {readText} from '../wire/events.ts'
import {classify, isUnusable, type Id, type Message} from '../wire/jsonrpc.ts'
import type {SizeLimit} from './oversize.ts'
import type {Connect} from './stream-agent.ts'

/** A refusal says little; a page of any length may stand in its place. */
const LARGEST_REFUSAL_BYTES = 64 * 1024

/** How a server is reached: by its address, or by connections into its container, whose address says nothing. */
interface Place {
  readonly url: string
  readonly connect?: Connect | undefined
}

/** What an error calls the server. */
export function placeOf({url, connect}: Place): string {
  return connect ? 'its HTTP server' : new URL(url).origin
}

/** Why a request came to nothing on its way. */
export function notReached(place: Place, error: unknown): string {
  const what = place.connect ? 'does not answer' : 'cannot be reached'
  return `${placeOf(place)} ${what}: ${reasonOf(error)}`
}

/** Whether an answer is a stream of events. */
export function isEventStream({ok, headers}: Response): boolean {
  return ok && (headers.get('content-type') ?? '').startsWith('text/event-stream')
}

/** Passes on the messages in a text of a server: one, those of a batch, or none. */
export function deliver(text: string, onMessage: (message: Message) => void): void {
  for (const message of parseMessages(text)) onMessage(message)
}

/**
 * Reads what a server says with a status that is no success.
 * @returns the answer to the request, when it is a JSON-RPC error: servers often leave its id out
 */
export async function refusalOf({body}: Response, id: Id): Promise<Message | undefined> {
  const text = await readText(body, LARGEST_REFUSAL_BYTES).catch(() => undefined)
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (!isJsonObject(value) || !isJsonObject(value['error'])) return undefined
    const message = classify({...value, id})
    return isUnusable(message) ? undefined : message
  } catch {
    return undefined
  }
}

/** Why an answer is not passed on that is too large to tell more about it. */
export function longAnswer({server, maxMessageBytes}: SizeLimit): string {
  return `an answer of server ${server} has more than the ${maxMessageBytes} bytes that --max-message-size allows`
}

/** Why a request failed: fetch and streams say little themselves, the reason stands in the cause. */
export function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined
    ? messageOf(error.cause)
    : messageOf(error)
}
