import type {ServerResponse} from 'node:http'
import type {JsonObject} from '../../base/json.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import {isRequest, RPC, type Id, type Message} from '../wire/jsonrpc.ts'

/** What a JSON-RPC error says. */
export type Refusal = {readonly code: number; readonly message: string; readonly data?: JsonObject}

/** An HTTP error with a JSON-RPC error as its body; mostly there is no request id to answer under. */
export function refuse(
  response: ServerResponse,
  status: number,
  {code, message, data}: Refusal,
  id: Id | null = null,
): void {
  const error = {code, message, ...(data && {data})}
  response.writeHead(status, {'content-type': 'application/json'})
  response.end(JSON.stringify({jsonrpc: '2.0', error, id}))
}

/** The HTTP error for a request that is not as the transport wants it. */
export function refuseInvalid(response: ServerResponse, status: number, message: string): void {
  refuse(response, status, {code: RPC.invalidRequest, message})
}

/** The HTTP error for what the gateway itself cannot serve now. */
export function refuseUnavailable(response: ServerResponse, message: string): void {
  refuse(response, 503, {code: RPC.internalError, message})
}

/** Refuses a message of a revision without sessions; clients that know older ones go on with `initialize`. */
export function refuseModern(
  response: ServerResponse,
  message: Message | undefined,
  requested: string,
): void {
  const id = message && isRequest(message) ? message.id : null
  refuse(response, 400, unsupportedVersion(requested), id)
}

/** The error for a revision without sessions where only sessions are served (MCP 2026-07-28, versioning). */
function unsupportedVersion(requested: string): Refusal {
  return {
    code: RPC.unsupportedVersion,
    message: `MCP ${requested} is not spoken here: begin with initialize`,
    data: {supported: [...LEGACY_VERSIONS], requested},
  }
}
