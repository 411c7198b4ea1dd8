import {lookup} from 'node:dns/promises'
import {limitConcurrency} from '../base/async.ts'

/**
 * Looks names up for one container, two at a time. Node has few threads for lookups, and all servers share them: one
 * that asks for many names whose answers take long is not to hold up the others for long.
 */
export class Lookups implements Disposable {
  readonly #inTurn = limitConcurrency(2)
  readonly #running = new Map<string, Promise<readonly string[]>>()
  #isDisposed = false

  /** Gives the addresses of a name as the machine of the gateway knows them, in its order. */
  addressesOf(name: string): Promise<readonly string[]> {
    const running = this.#running.get(name)
    if (running) return running
    const looking = this.#inTurn(() => this.#lookUp(name))
    this.#running.set(name, looking)
    return looking
  }

  /** Begins no more. One that runs cannot be ended. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
  }

  async #lookUp(name: string): Promise<readonly string[]> {
    try {
      if (this.#isDisposed) return []
      const found = await lookup(name, {all: true, order: 'verbatim'})
      return found.map(({address}) => address)
    } finally {
      this.#running.delete(name)
    }
  }
}
