import {isJsonObject} from '../../base/json.ts'
import {RPC, type ErrorResponse} from '../wire/jsonrpc.ts'

type RpcError = ErrorResponse['error']

/** HTTP statuses of legacy servers for requests without a session, or without a method that they know. */
const LEGACY_STATUSES: ReadonlySet<unknown> = new Set([400, 404, 405])

/** Whether the error with which a server refuses a modern request may come of its being a legacy one. */
export function mayBeLegacy({code, data}: RpcError): boolean {
  if (code === RPC.headerMismatch || code === RPC.missingCapability) return false
  if (code !== RPC.internalError) return true
  return isJsonObject(data) && LEGACY_STATUSES.has(data['httpStatus'])
}

/**
 * Whether the error with which a server refuses a legacy request may come of its being a modern one: `_meta`, headers
 * or a revision are missing then, or the method is gone (MCP 2026-07-28).
 */
export function mayBeModern({code}: RpcError): boolean {
  return code !== RPC.internalError
}
