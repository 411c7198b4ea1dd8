import {Duplex} from 'node:stream'

/**
 * What node's HTTP asks of a socket beyond what every stream has, so that an `Agent` with `keepAlive` can use it. The
 * connection is one inside a container: there is nothing to keep alive and nothing to wait for on the way.
 */
export abstract class SocketFace extends Duplex {
  /** Milliseconds without data after which `timeout` is emitted; 0 for never. */
  timeout = 0
  #timer: NodeJS.Timeout | undefined

  setTimeout(milliseconds: number, listener?: () => void): this {
    clearTimeout(this.#timer)
    this.timeout = milliseconds
    if (listener && milliseconds > 0) this.once('timeout', listener)
    this.#timer =
      milliseconds > 0 ? setTimeout(() => this.emit('timeout'), milliseconds).unref() : undefined
    return this
  }

  setKeepAlive(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** Data came or went. */
  protected touch(): void {
    this.#timer?.refresh()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    done(error)
  }
}
