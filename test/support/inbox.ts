/** Keeps what arrives and lets a test wait for the first item that it looks for, past or future. */
export class Inbox<T> {
  readonly items: T[] = []
  readonly #waiting = new Set<() => void>()

  add(item: T): void {
    this.items.push(item)
    for (const look of this.#waiting) look()
  }

  /** Gives the item number `nth` (from 0) that fits, as soon as it is there. */
  find(fits: (item: T) => boolean, nth = 0): Promise<T> {
    return new Promise(resolve => {
      const look = () => {
        const found = this.items.filter(fits)[nth]
        if (found === undefined) return
        this.#waiting.delete(look)
        resolve(found)
      }
      this.#waiting.add(look)
      look()
    })
  }
}
