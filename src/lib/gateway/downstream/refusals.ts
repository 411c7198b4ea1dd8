import type {ServerResponse} from 'node:http'
import {RPC, type Unusable} from '../wire/jsonrpc.ts'

/** A JSON-RPC error for what has no id to answer under. */
export function refusal(error: {code: number; message: string}): object {
  return {jsonrpc: '2.0', error: {code: error.code, message: error.message}, id: null}
}

/** An HTTP error with a JSON-RPC error as its body; there is no request id to answer under. */
export function refuse(
  response: ServerResponse,
  status: number,
  error: {code: number; message: string},
): void {
  response.writeHead(status, {'content-type': 'application/json'})
  response.end(JSON.stringify(refusal(error)))
}

/** The HTTP error for a request that is not as the transport wants it. */
export function refuseInvalid(response: ServerResponse, status: number, message: string): void {
  refuse(response, status, {code: RPC.invalidRequest, message})
}

/** The HTTP error for what the gateway itself cannot serve now. */
export function refuseUnavailable(response: ServerResponse, message: string): void {
  refuse(response, 503, {code: RPC.internalError, message})
}

/** Why a body was refused, with the flag that lets it through. */
export function bodyTooLarge(maxBytes: number): string {
  return `the body is too large: --max-message-size allows ${maxBytes} bytes`
}

/** Why a text is no message, for whoever sent it. Batches were a part of MCP 2025-03-26 alone. */
export function whyUnusable(text: string, {reason}: Unusable): string {
  return /^\s*\[/.test(text) ? 'batches are not taken: send one message at a time' : reason
}
