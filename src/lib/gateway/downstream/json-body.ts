import type {ServerResponse} from 'node:http'

/** Code units from which on a body is better sent as bytes. */
const LONG_BODY = 64 * 1024

/** Answers with one body of JSON, and ends the response. */
export function sendJson(
  response: ServerResponse,
  status: number,
  text: string,
  headers?: Readonly<Record<string, string>>,
): void {
  // Short ones go out in one piece with their head; a long one would be copied for that.
  const body = text.length < LONG_BODY ? text : Buffer.from(text)
  const length = Buffer.byteLength(body)
  const type = {'content-type': 'application/json', 'content-length': length}
  response.writeHead(status, {...type, ...headers}).end(body)
}
