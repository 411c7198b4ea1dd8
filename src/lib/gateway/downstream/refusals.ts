import type {ServerResponse} from 'node:http'
import type {Unusable} from '../wire/jsonrpc.ts'

/** An HTTP error with a JSON-RPC error as its body; there is no request id to answer under. */
export function refuse(
  response: ServerResponse,
  status: number,
  {code, message}: {code: number; message: string},
): void {
  response.writeHead(status, {'content-type': 'application/json'})
  response.end(JSON.stringify({jsonrpc: '2.0', error: {code, message}, id: null}))
}

/** Why a text is no message, for whoever sent it. Batches were a part of MCP 2025-03-26 alone. */
export function whyUnusable(text: string, {reason}: Unusable): string {
  return /^\s*\[/.test(text) ? 'batches are not taken: send one message at a time' : reason
}
