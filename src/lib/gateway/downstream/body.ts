import type {IncomingMessage} from 'node:http'
import {LARGEST_MESSAGE_BYTES} from '../wire/lines.ts'

/**
 * Reads a request's body as UTF-8 text.
 * @returns undefined when it is larger than a message may be. It is then read to its end all the same and thrown away:
 *   a client that is still sending would see a broken connection and not the answer
 * @throws the connection's error when the client leaves, or is too slow for the server's time limit
 */
export function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= LARGEST_MESSAGE_BYTES) chunks.push(chunk)
      else chunks.length = 0
    })
    request.once('end', () =>
      resolve(size <= LARGEST_MESSAGE_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined),
    )
    request.once('error', reject)
  })
}
