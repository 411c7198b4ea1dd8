import type {Duplex} from 'node:stream'
import {pause, unlessAborted, withDeadline} from '../../base/async.ts'
import {messageOf, type PluginError, systemCode} from '../../base/errors.ts'
import {Scope} from '../../base/scope.ts'
import {endedError, startError} from '../relay/ended-error.ts'
import type {Message} from '../wire/jsonrpc.ts'
import {RemoteUpstream} from './remote.ts'
import {RemoteModern} from './remote-modern.ts'
import {SseUpstream} from './remote-sse.ts'
import type {RemoteInput} from './remote-wire.ts'
import type {Connect} from './stream-agent.ts'
import type {CloseReason, Mirrored, Upstream} from './upstream.ts'

/** Between two looks whether the server listens yet: short at first, for servers that are quick. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [20, 200]
/** How much later than the connections into it the end of a container's program may be seen. */
const DEATH_MS = 1000

/** A started container with a server inside that speaks HTTP. */
export interface HttpContainer extends AsyncDisposable {
  /** Settles when the container is gone, by itself or because it was disposed of. Never rejects. */
  readonly closed: Promise<CloseReason>
  /** Settles when it is certain that the container is going, which is sooner. Never rejects. */
  readonly ending: Promise<unknown>
  /** The last lines that the server wrote to stderr so far, secrets masked. */
  readonly stderr: readonly string[]
  /** Connects to the server's port inside; rejects with the code ECONNREFUSED while nobody listens there. */
  readonly connect: Connect
}

export interface InsideInput extends Omit<RemoteInput, 'connect' | 'hasEnded'> {
  /** Is disposed of with the upstream, and when there is none. */
  readonly container: HttpContainer
  /** The transport: streamable HTTP of either era, or HTTP+SSE. */
  readonly kind: 'legacy' | 'modern' | 'sse'
  /** How long the server may take until it listens, in milliseconds. */
  readonly withinMs: number
  /** Ends the waiting. */
  readonly signal: AbortSignal
}

/**
 * Waits until the server in a container listens, and speaks MCP over HTTP with it. Both lives are one from then on:
 * when the container ends, so does the upstream, with the container's reason; when the upstream ends, so does the
 * container.
 * @throws PluginError SERVER_START_FAILED with the server's last words, when its container ends before it listens, or
 *   it takes too long; the signal's reason
 */
export async function insideUpstream(input: InsideInput): Promise<Upstream> {
  await using starting = new Scope()
  starting.use(input.container)
  await untilListening(input)
  starting.release()
  return new InsideUpstream(input)
}

async function untilListening(input: InsideInput): Promise<void> {
  const {container, server, withinMs} = input
  const over = new AbortController()
  void container.closed.then(reason => over.abort(endedError(server, reason)))
  const late = setTimeout(() => over.abort(neverListened(input)), withinMs)
  const signal = AbortSignal.any([input.signal, over.signal])
  try {
    for (let pauseMs = FIRST_PAUSE_MS; !(await isListening(container, signal)); pauseMs *= 1.5) {
      await pause(Math.min(pauseMs, LONGEST_PAUSE_MS), signal)
    }
  } catch (error) {
    // The way in ends with the container, and a little earlier.
    if (!signal.aborted) await hasEnded(container)
    signal.throwIfAborted()
    throw startError(server, ` cannot be reached inside its container: ${messageOf(error)}`)
  } finally {
    clearTimeout(late)
  }
}

/** @throws the signal's reason; what keeps the server from being reached, besides that nobody listens */
async function isListening({connect}: HttpContainer, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted()
  const connecting = connect(signal)
  connecting.then(discard, () => undefined)
  try {
    await unlessAborted(connecting, signal)
    return true
  } catch (error) {
    if (systemCode(error) === 'ECONNREFUSED') return false
    throw error
  }
}

function discard(connection: Duplex): void {
  // What becomes of it is nobody's concern any more.
  connection.on('error', () => undefined).destroy()
}

/** Waits a moment for the end of a container that the connections into it seem to tell of, and then until it is gone. */
async function hasEnded({ending, closed}: HttpContainer): Promise<boolean> {
  const isGoing = ending.then(() => true)
  const isOver = await withDeadline(isGoing, DEATH_MS, () => new Error('it goes on')).catch(
    () => false,
  )
  if (isOver) await closed
  return isOver
}

class InsideUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #container: HttpContainer
  readonly #remote: Upstream
  #disposed: Promise<void> | undefined

  constructor({container, ...input}: InsideInput) {
    this.#container = container
    // First, so that the requests in flight are left before anybody asks what became of them.
    void container.closed.then(() => this.#remote[Symbol.asyncDispose]())
    const {connect} = container
    this.#remote = remoteOf({...input, connect, hasEnded: () => hasEnded(container)})
    this.closed = this.#end()
  }

  redact(text: string): string {
    return this.#remote.redact(text)
  }

  send(message: Message, mirrored?: Mirrored): void {
    this.#remote.send(message, mirrored)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    return this.#disposed
  }

  async #dispose(): Promise<void> {
    // The server can be told that the session is over only while it is there.
    await this.#remote[Symbol.asyncDispose]()
    await this.#container[Symbol.asyncDispose]()
  }

  async #end(): Promise<CloseReason> {
    const container = this.#container
    const reason = await this.#remote.closed
    const isDead = !this.#disposed && (await hasEnded(container))
    await this[Symbol.asyncDispose]()
    return isDead ? container.closed : {...reason, stderr: container.stderr}
  }
}

function remoteOf({kind, ...input}: RemoteInput & Pick<InsideInput, 'kind'>): Upstream {
  switch (kind) {
    case 'legacy': {
      return new RemoteUpstream(input)
    }
    case 'modern': {
      return new RemoteModern(input)
    }
    case 'sse': {
      return new SseUpstream(input)
    }
  }
}

function neverListened({server, url, withinMs, container}: InsideInput): PluginError {
  const {port} = new URL(url)
  const what = `did not listen on port ${port || 80} of its container within ${withinMs / 1000} s`
  return endedError(server, {what, stderr: container.stderr, junk: undefined})
}
