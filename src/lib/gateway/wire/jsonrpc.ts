import {isJsonObject, type JsonObject} from '../../base/json.ts'

/**
 * JSON-RPC 2.0 messages as MCP uses them. A message is the parsed JSON itself: whatever members it has besides the
 * named ones stay on it. Nothing here validates more than what routing needs.
 */
export type Id = string | number
export type Request = JsonObject & {jsonrpc: '2.0'; id: Id; method: string; params?: JsonObject}
export type Notification = JsonObject & {jsonrpc: '2.0'; method: string; params?: JsonObject}
export type ResultResponse = JsonObject & {jsonrpc: '2.0'; id: Id; result: JsonObject}
export type ErrorResponse = JsonObject & {jsonrpc: '2.0'; id: Id; error: RpcError}
export type Response = ResultResponse | ErrorResponse
export type Message = Request | Notification | Response
type RpcError = JsonObject & {code: number; message: string}

/** Error codes of JSON-RPC 2.0 and of MCP that this program makes itself. */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** Before 2026-07-28, which has invalid params in its place. */
  resourceNotFound: -32002,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const

/** Why bytes from outside are no message: the answer to send, with the id where one could be read. */
export interface Unusable {
  readonly code: number
  readonly reason: string
  readonly id: Id | undefined
}

/**
 * Tells what a parsed value is. Only what would break routing is refused: no `jsonrpc`, an id that is neither
 * string nor number, neither method nor result nor error. `params: null`, and `error: null` beside a
 * result, count as none. An answer whose result or
 * error is not what JSON-RPC says becomes an error answer, so that whoever waits for it does not wait for ever.
 */
export function classify(value: unknown): Message | Unusable {
  if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') {
    return {code: RPC.invalidRequest, reason: 'not a JSON-RPC 2.0 message', id: undefined}
  }
  const message = withoutNulls(value)
  if (isCall(message) || isAnswer(message)) return message
  const id = idOf(message)
  const {method, result: good, error: bad} = message
  if (id !== undefined && method === undefined && (good !== undefined || bad !== undefined)) {
    return failure(id, RPC.internalError, BROKEN_ANSWER, {result: good, error: bad})
  }
  const reason = 'needs a method with params that are an object, or an id with a result or an error'
  return {code: RPC.invalidRequest, reason, id}
}

const BROKEN_ANSWER = 'the answer has no object as its result, and no code and message in its error'

/** Some libraries write out the members that a message does not have. */
function withoutNulls(value: JsonObject): JsonObject {
  const absent = (key: string) =>
    value[key] === null && (key === 'params' || (key === 'error' && isJsonObject(value['result'])))
  if (!absent('params') && !absent('error')) return value
  return Object.fromEntries(Object.entries(value).filter(([key]) => !absent(key)))
}

/** The id of a message, if it is one. A number too large for JSON's readers would come back as null. */
export function idOf({id}: JsonObject): Id | undefined {
  return typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id)) ? id : undefined
}

function isCall(value: JsonObject): value is Request | Notification {
  if (typeof value['method'] !== 'string') return false
  if (value['params'] !== undefined && !isJsonObject(value['params'])) return false
  return value['id'] === undefined || idOf(value) !== undefined
}

function isAnswer(value: JsonObject): value is Response {
  if (value['method'] !== undefined || idOf(value) === undefined) return false
  const error = value['error']
  if (error === undefined) return isJsonObject(value['result'])
  return (
    isJsonObject(error) && typeof error['code'] === 'number' && typeof error['message'] === 'string'
  )
}

/** Tells an unusable text from a message. */
export function isUnusable(value: Message | Unusable): value is Unusable {
  return 'reason' in value && !('jsonrpc' in value)
}

/** A call that wants an answer. */
export function isRequest(message: Message): message is Request {
  return 'method' in message && 'id' in message
}

/** An answer, good or bad. */
export function isResponse(message: Message): message is Response {
  return !('method' in message)
}

/** A good answer. */
export function isResult(response: Response): response is ResultResponse {
  return response['error'] === undefined
}

/** A call that wants an answer, made here. */
export function request(id: Id, method: string, params?: JsonObject): Request {
  return {jsonrpc: '2.0', id, method, ...(params && {params})}
}

/** A call that wants no answer, made here. */
export function notification(method: string, params?: JsonObject): Notification {
  return {jsonrpc: '2.0', method, ...(params && {params})}
}

/** A good answer, made here. */
export function result(id: Id, value: JsonObject): ResultResponse {
  return {jsonrpc: '2.0', id, result: value}
}

/** A bad answer, made here. */
export function failure(id: Id, code: number, message: string, data?: JsonObject): ErrorResponse {
  return {jsonrpc: '2.0', id, error: {code, message, ...(data && {data})}}
}
