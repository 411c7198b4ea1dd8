/** Names beyond these get no address: a server that asks for any number of them cannot fill our memory. */
const MAX_NAMES = 1024
/** A name that nobody asked for in this time makes room. Programs keep an answer for a minute, as it says. */
const FORGOTTEN_AFTER_MS = 600_000
/** From 127.1.0.1 up: far from what programs listen on by themselves, and from the proxy and the DNS. */
const FIRST = 0x7f_01_00_01
const LAST = 0x7f_fe_ff_ff

interface Entry {
  readonly address: string
  readonly usedAt: number
}

/**
 * The loopback addresses that stand for names in one container. Every connection to one of them comes to us and tells
 * by its address which name was meant. An address never stands for a second name.
 */
export class LoopbackNames {
  /** The one that was not used for longest first. */
  readonly #entries = new Map<string, Entry>()
  readonly #names = new Map<string, string>()
  #next = FIRST

  /**
   * Gives the address of a name, always the same as long as it is in use.
   * @returns undefined when there are too many names
   */
  addressOf(name: string): string | undefined {
    const entry = this.#entries.get(name) ?? this.#newEntry(name)
    if (!entry) return undefined
    this.#entries.delete(name)
    this.#entries.set(name, {...entry, usedAt: performance.now()})
    return entry.address
  }

  /** Gives the name for which an address stands. */
  nameAt(address: string): string | undefined {
    const name = this.#names.get(address)
    if (name !== undefined) this.addressOf(name)
    return name
  }

  #newEntry(name: string): Entry | undefined {
    if (this.#entries.size >= MAX_NAMES) this.#forgetOldest()
    if (this.#entries.size >= MAX_NAMES || this.#next > LAST) return undefined
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(this.#next)
    const address = bytes.join('.')
    this.#next += 1
    this.#names.set(address, name)
    return {address, usedAt: 0}
  }

  #forgetOldest(): void {
    for (const [name, {address, usedAt}] of this.#entries) {
      if (performance.now() - usedAt < FORGOTTEN_AFTER_MS) return
      this.#entries.delete(name)
      this.#names.delete(address)
      return
    }
  }
}
