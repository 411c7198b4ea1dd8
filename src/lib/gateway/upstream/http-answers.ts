import {messageOf, type ErrorCode} from '../../base/errors.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import {parseMessages} from '../wire/batch.ts'
import {readText} from '../wire/events.ts'
import {
  classify,
  failure,
  isUnusable,
  RPC,
  type ErrorResponse,
  type Id,
  type Message,
  type Request,
} from '../wire/jsonrpc.ts'
import {NotSent} from './http.ts'
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

/** Why a request came to nothing on its way, for {@link lostAnswer}. */
export function notReached(place: Place, error: unknown): Loss {
  const what = place.connect ? 'does not answer' : 'cannot be reached'
  const why = `${placeOf(place)} ${what}: ${reasonOf(error)}`
  return {why, isUnknown: !(error instanceof NotSent), data: {unreachable: true}}
}

/** Why a request has no answer. */
export interface Loss {
  /** A clause without the server's name. */
  readonly why: string
  /** Whether the server may have done what it was asked. */
  readonly isUnknown: boolean
  /** What tells whether anybody has looked at the request: who tries other ways to ask goes by it. */
  readonly data?: JsonObject
}

/**
 * The answer to a request that has none, in our words. Its `data` is that of every refusal of this program: `{server,
 * reason}`, and what is known besides.
 */
export function lostAnswer(
  {server, redact}: {readonly server: string; readonly redact: (text: string) => string},
  {id, method}: Request,
  {why, isUnknown, data = {}}: Loss,
): ErrorResponse {
  const mayBeDone = isUnknown && method === 'tools/call'
  const next = mayBeDone ? '; it may have done what it was asked: look, and then ask again' : ''
  const reason: ErrorCode = isUnknown ? 'SERVER_ENDED' : 'TOOL_FAILED'
  const text = redact(`server ${server}: ${why}${next}`)
  return failure(id, RPC.internalError, text, {server, reason, ...data})
}

/** Whether an answer is a stream of events. */
export function isEventStream({ok, headers}: Response): boolean {
  return ok && (headers.get('content-type') ?? '').startsWith('text/event-stream')
}

/** Passes on the messages in a text of a server: one, those of a batch, or none. */
export function deliver(text: string, onMessage: (message: Message) => void): void {
  for (const message of parseMessages(text)) onMessage(message)
}

/** What servers say that were started again, and do not know the status that says it. */
const OF_SESSION = /session|not initialized/iu
/** So much of what a server says in a text of its own is told. */
const MOST_WORDS = 200

/** What a server says with a status that is no success. */
interface Refusal {
  /** The answer to the request, when it is a JSON-RPC error: servers often leave its id out. */
  readonly told: Message | undefined
  /** Whether the server has looked at the request itself: the answer has its id. */
  readonly isOwn: boolean
  /** Whether it is about the session, not about this request. */
  readonly isOfSession: boolean
  /** The first line of what it says otherwise, not redacted; empty for a page or nothing. */
  readonly words: string
}

/** Reads what a server says with a status that is no success. @param id of the request */
export async function refusalOf({body}: Response, id: Id): Promise<Refusal> {
  const text = (await readText(body, LARGEST_REFUSAL_BYTES).catch(() => undefined)) ?? ''
  const value = jsonIn(text)
  if (!isJsonObject(value) || !isJsonObject(value['error'])) {
    const words = isJsonObject(value) ? wordsIn(value) : firstLine(text)
    return {told: undefined, isOwn: false, isOfSession: OF_SESSION.test(words), words}
  }
  const message = classify({...value, id})
  const isOwn = value['id'] === id
  const {message: said} = value['error']
  const words = typeof said === 'string' ? firstLine(said) : ''
  const isOfSession = !isOwn && OF_SESSION.test(words)
  return {told: isUnusable(message) ? undefined : message, isOwn, isOfSession, words}
}

/** What servers put there that say it in no standard way. */
function wordsIn({error, message}: JsonObject): string {
  const said = [error, message].find(each => typeof each === 'string')
  return typeof said === 'string' ? firstLine(said) : ''
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A page for people says nothing in its first line. */
function firstLine(text: string): string {
  const line = text.trim().split(/[\r\n]/u, 1)[0] ?? ''
  return line.startsWith('<') ? '' : oneLine(line).slice(0, MOST_WORDS)
}

/** Why a request came to nothing that was refused with a status. */
export function refused(place: Place, httpStatus: number, words: string): Loss {
  const said = words === '' ? '' : `: ${words}`
  const why = `${placeOf(place)} answered with HTTP status ${httpStatus}${said}`
  return {why, isUnknown: httpStatus >= 500, data: {httpStatus}}
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
