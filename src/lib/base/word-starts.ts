/** Five bits of each of three code units; capitals and small letters of ASCII have the same. */
const KEYS = 1 << 15
const CHUNK = 1 << 16

/**
 * Finds in a long text the few places where one of some words can begin, by the first three code units: a look at
 * bytes, several times faster than following an automaton through every character.
 */
export class WordStarts {
  readonly #isStart = new Uint8Array(KEYS)

  /** @param words of two code units at least; capitals and small letters count as the same */
  constructor(words: readonly string[]) {
    for (const word of words) {
      const two = ((word.charCodeAt(0) & 31) << 10) | ((word.charCodeAt(1) & 31) << 5)
      if (word.length > 2) this.#isStart[two | (word.charCodeAt(2) & 31)] = 1
      else this.#isStart.fill(1, two, two + 32)
    }
  }

  /**
   * Makes a function that gives the first index, from the given one on, where a word may begin. The last two code
   * units of the text are always such places: what follows is not known.
   */
  of(text: string): (from: number) => number {
    const isStart = this.#isStart
    // Of each code unit the lower byte: what looks like a letter and is none is found out later.
    const bytes = Buffer.allocUnsafe(Math.min(CHUNK, text.length))
    const last = text.length - 2
    let start = 0
    let length = 0
    return from => {
      let at = from
      while (at < last) {
        if (at < start || at + 2 >= start + length) {
          start = at
          length = bytes.write(text.slice(at, at + bytes.length), 'latin1')
        }
        let index = at - start
        let key = (((bytes[index] ?? 0) & 31) << 5) | ((bytes[index + 1] ?? 0) & 31)
        for (index += 2; index < length; index++) {
          key = ((key << 5) | ((bytes[index] ?? 0) & 31)) & (KEYS - 1)
          if (isStart[key] !== 0) return start + index - 2
        }
        at = start + length - 2
      }
      return at
    }
  }
}
