import type {IncomingMessage} from 'node:http'

/** Why a registry could not be asked, or what it sent is not to be used. */
export class RegistryError extends Error {
  override readonly name: string = 'RegistryError'
}

/** Why one thing of a registry is not to be used; others there may be. */
export class UnusableError extends RegistryError {
  override readonly name = 'UnusableError'
}

/** What a registry, or where it sent us to, has answered. */
export interface Answer {
  readonly status: number
  /** Who answered, after redirects. */
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: IncomingMessage
}

export function isSuccess({status}: Answer): boolean {
  return status >= 200 && status < 300
}

/**
 * Reads an answer to its end.
 * @throws UnusableError when there is more than that many bytes
 */
export async function readAnswer({body}: Answer, atMost: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    // Leaving the loop ends the connection, so nothing more is read.
    if (size > atMost) throw new UnusableError(`it sent more than ${atMost} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What an answer that is no success says, in words; it is not read. */
export function refusalIn({status, body}: Answer, verb: 'read' | 'write'): RegistryError {
  body.destroy()
  switch (status) {
    case 401:
    case 403:
      return new RegistryError(`it does not let us ${verb} there: log in with docker login`)
    case 429:
      return new RegistryError('it was asked too often, and wants us to wait (429)')
    default: {
      const reason = `it answered with status ${status}`
      // The others say that what was asked for is wrong, and not that the registry is.
      return status < 500 ? new UnusableError(reason) : new RegistryError(reason)
    }
  }
}
