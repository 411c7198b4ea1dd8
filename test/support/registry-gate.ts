import {once} from 'node:events'
import {createServer, request, type IncomingMessage, type ServerResponse} from 'node:http'
import type {TestRegistry} from './registry.ts'

/** What is answered in place of the registry. */
export interface OwnAnswer {
  readonly status: number
  readonly body?: string
}

/** A way to a registry on which answers can be held in the middle, or be others. */
export interface RegistryGate extends AsyncDisposable {
  /** As the registry's own. */
  readonly host: string
  /** Every request so far, as `GET /v2/…`. */
  readonly asked: readonly string[]
  /** From now on, answers to such paths stop after their first half. */
  hold(path: RegExp): void
  /** From now on, paths for which this gives something are answered with it. */
  answer(own: (path: string) => OwnAnswer | undefined): void
  /** Waits until an answer is held. */
  held(): Promise<void>
  /** Lets the rest of every answer through, and holds no more. */
  release(): void
}

/** Opens a way to a registry on loopback. */
export async function registryGate(registry: Pick<TestRegistry, 'url'>): Promise<RegistryGate> {
  const asked: string[] = []
  let holding: RegExp | undefined
  let ownAnswer: ((path: string) => OwnAnswer | undefined) | undefined
  let heldOne = Promise.withResolvers<void>()
  const rests = new Set<() => void>()

  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    const {method, headers, url = ''} = incoming
    const own = ownAnswer?.(url)
    if (own) {
      outgoing.writeHead(own.status).end(own.body)
      return
    }
    const onward = request(new URL(url, registry.url), {method, headers})
    // Also behind the head of the answer: a registry may be ended in the middle of one that nobody wants any more.
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
    const [answer]: IncomingMessage[] = await once(onward, 'response')
    if (!answer) return
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
    if (method !== 'GET' || !holding?.test(url)) {
      answer.pipe(outgoing)
      return
    }
    const body = await bytesOf(answer)
    const half = Math.floor(body.length / 2)
    outgoing.write(body.subarray(0, half))
    rests.add(() => outgoing.end(body.subarray(half)))
    heldOne.resolve()
  }

  const server = createServer((incoming, outgoing) => {
    outgoing.on('error', () => undefined)
    pass(incoming, outgoing).catch(() => outgoing.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    host: `127.0.0.1:${port}`,
    asked,
    hold(path) {
      holding = path
      heldOne = Promise.withResolvers()
    },
    answer(own) {
      ownAnswer = own
    },
    held: () => heldOne.promise,
    release() {
      holding = undefined
      for (const rest of rests) rest()
      rests.clear()
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks)
}
