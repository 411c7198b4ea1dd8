import type {IncomingMessage, ServerResponse} from 'node:http'
import {oneLine} from '../../base/one-line.ts'
import {refuseInvalid} from './refusals.ts'
import {Collector} from '../wire/oversize.ts'

/**
 * Reads the JSON text that a client posts.
 * @returns undefined when it is refused: that is answered already
 * @throws the connection's error when the client leaves, or is too slow for the server's time limit
 */
export async function readPosted(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): Promise<string | undefined> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    refuseInvalid(response, 415, 'the body must be application/json')
    return undefined
  }
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    response.setHeader('accept-encoding', 'identity')
    refuseInvalid(
      response,
      415,
      `the body must not be encoded: ${oneLine(encoding)} is not read here`,
    )
    return undefined
  }
  const body = await readBody(request, maxBytes)
  if (body === undefined) {
    const why = `the body is too large: --max-message-size allows ${maxBytes} bytes`
    refuseInvalid(response, 413, why)
  }
  return body
}

/**
 * Reads a request's body as UTF-8 text.
 * @param maxBytes the largest body that is taken
 * @returns undefined when it is larger. It is then read to its end all the same and thrown away: a client that is
 *   still sending would see a broken connection and not the answer
 * @throws the connection's error when the client leaves, or is too slow for the server's time limit
 */
function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const body = new Collector(maxBytes)
    request.on('data', (chunk: Buffer) => body.add(chunk))
    request.once('end', () => {
      const taken = body.take() ?? Buffer.alloc(0)
      resolve(Buffer.isBuffer(taken) ? taken.toString() : undefined)
    })
    request.once('error', reject)
  })
}
