import {Agent, type ClientRequest, type ClientRequestArgs} from 'node:http'
import type {Duplex} from 'node:stream'
import {limitConcurrency, pause} from '../../base/async.ts'
import {systemCode} from '../../base/errors.ts'

/**
 * Opens a connection to a server. The signal says that nobody wants it any more. Rejects with the code EMFILE when
 * there is no room for it now.
 */
export type Connect = (signal: AbortSignal) => Promise<Duplex>

/** A way into a container has room for 56, and a connection that is over takes room a moment longer. */
const MOST_CONNECTIONS = 50
const NO_ROOM_MS = 5
const MOST_IDLE = 4
/** Many servers close what is idle for five seconds, and a request that is sent at that very moment is lost. */
const IDLE_MS = 2000

/**
 * An agent of node:http whose connections somebody else makes: any two-way streams, sockets or not. Requests that find
 * no room wait for it. Destroying the agent ends every connection, also those that are still being made.
 */
export class StreamAgent extends Agent {
  readonly #connect: Connect
  readonly #stop = new AbortController()
  /** The agent's own limit counts a connection only once it is there. */
  readonly #inTurn = limitConcurrency(MOST_CONNECTIONS)
  #waiting = 0
  readonly #idle = new WeakMap<Duplex, () => void>()

  constructor(connect: Connect) {
    super({keepAlive: true, maxFreeSockets: MOST_IDLE})
    this.#connect = connect
  }

  override createConnection(
    _options: ClientRequestArgs,
    created: (error: Error | null, stream?: Duplex) => void,
  ): undefined {
    this.#waiting += 1
    const turn = this.#inTurn(async () => {
      this.#waiting -= 1
      const stream = await this.#open()
      created(null, stream)
      await closeOf(stream)
    })
    turn.catch(created)
  }

  async #open(): Promise<Duplex> {
    const {signal} = this.#stop
    const stream = await this.#connected(signal)
    // Between two requests nobody else listens, and nobody needs to know.
    stream.on('error', () => undefined)
    if (signal.aborted) stream.destroy()
    signal.throwIfAborted()
    return withSocketMethods(stream)
  }

  async #connected(signal: AbortSignal): Promise<Duplex> {
    for (;;) {
      signal.throwIfAborted()
      try {
        return await this.#connect(signal)
      } catch (error) {
        if (systemCode(error) !== 'EMFILE') throw error
        await pause(NO_ROOM_MS, signal)
      }
    }
  }

  /** @returns whether the connection is kept for another request */
  override keepSocketAlive(stream: Duplex): boolean {
    // It is in the way of those who wait for room.
    if (this.#waiting > 0 || stream.readableEnded) return false
    const close = () => void stream.destroy()
    const timer = setTimeout(close, IDLE_MS).unref()
    // A stream that is no socket is not closed by the end of what comes.
    stream.once('end', close)
    const stop = () => {
      clearTimeout(timer)
      stream.off('end', close)
      stream.off('close', stop)
    }
    stream.once('close', stop)
    this.#idle.set(stream, stop)
    return true
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    this.#idle.get(stream)?.()
    super.reuseSocket(stream, request)
  }

  override destroy(): void {
    this.#stop.abort()
    super.destroy()
  }
}

function closeOf(stream: Duplex): Promise<void> {
  return new Promise(resolve => {
    if (stream.closed) resolve()
    else stream.once('close', resolve)
  })
}

/** What node:http calls on a connection whatever it is, and only sockets have. */
const SOCKET_METHODS = ['ref', 'unref', 'setKeepAlive', 'setNoDelay', 'setTimeout'] as const

function withSocketMethods(stream: Duplex): Duplex {
  const missing = SOCKET_METHODS.filter(name => !(name in stream))
  return Object.assign(stream, Object.fromEntries(missing.map(name => [name, () => stream])))
}
