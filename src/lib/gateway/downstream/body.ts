import type {IncomingMessage} from 'node:http'
import {Collector} from '../wire/oversize.ts'

/**
 * Reads a request's body as UTF-8 text.
 * @param maxBytes the largest body that is taken
 * @returns undefined when it is larger. It is then read to its end all the same and thrown away: a client that is
 *   still sending would see a broken connection and not the answer
 * @throws the connection's error when the client leaves, or is too slow for the server's time limit
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
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
