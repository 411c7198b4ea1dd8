import {WordStarts} from './word-starts.ts'

/**
 * Finds many fixed words in one pass over a text, in time that depends on the text and not on how many words
 * there are (Aho and Corasick, "Efficient string matching", CACM 18(6), 1975). A text may arrive in
 * pieces, and is read by UTF-16 code units. A state is a number, 0 is the start; each stands for a prefix
 * of a word, and is entered when that prefix is the longest that ends where the text is.
 */
export class WordAutomaton {
  readonly #classes: number
  readonly #classOf: Uint16Array
  readonly #class: Int32Array
  readonly #word: Int32Array
  readonly #depth: Int32Array
  /** States are numbered by depth, so the children of one stand together; its end is the next one's start. */
  readonly #children: Int32Array
  readonly #fallback: Int32Array
  readonly #longest: Int32Array
  readonly #shorter: Int32Array
  readonly #pending: Int32Array
  /** How many states, counted from the start, have a row in the table; the others search their children. */
  readonly #rows: number
  readonly #table: Int32Array
  /** For long texts; nothing when a word is so short that it may begin anywhere. */
  readonly #starts: WordStarts | undefined

  /**
   * @param words what to look for; an empty one is never found, a repeated one has its last index
   * @param options `ignoreCase`: words are in small letters and also stand for the capitals of ASCII
   */
  constructor(words: readonly string[], {ignoreCase = false}: {ignoreCase?: boolean} = {}) {
    const real = words.filter(word => word !== '')
    const isFast = WordStarts.isUsable && real.every(word => word.length >= 3)
    this.#starts = isFast ? new WordStarts(real) : undefined
    this.#classOf = new Uint16Array(0x1_0000)
    this.#classes = classify(words, this.#classOf)
    if (ignoreCase) this.#classOf.copyWithin(UPPER_A, LOWER_A, LOWER_A + LETTERS)
    const trie = plant(words, this.#classOf)
    const order = byDepth(trie)
    const size = order.length
    this.#class = inOrder(trie.class, order)
    this.#word = inOrder(trie.word, order)
    this.#depth = inOrder(trie.depth, order)
    this.#children = new Int32Array(size + 1)
    this.#fallback = new Int32Array(size)
    this.#longest = new Int32Array(size)
    this.#shorter = new Int32Array(size)
    this.#pending = new Int32Array(size)
    this.#rows = Math.min(size, Math.max(1, Math.floor(TABLE_SIZE / this.#classes)))
    this.#table = new Int32Array(this.#rows * this.#classes)
    let next = 1
    for (const [state, node] of order.entries()) {
      this.#children[state] = next
      for (let child = at(trie.child, node); child !== 0; child = at(trie.sibling, child)) next++
    }
    this.#children[size] = next
    for (let state = 0; state < size; state++) this.#link(state)
  }

  /**
   * Reads a text from an index on, and tells of each place where a word ends.
   * @param state where an earlier piece of the text left off, or 0
   * @param onWord takes the state of the longest word that ends, and the index behind it; true stops the reading
   * @returns the state at the end, or where it was stopped
   */
  read(
    {text, from, state}: {text: string; from: number; state: number},
    onWord: (state: number, end: number) => boolean,
  ): number {
    // In variables: this loop sees every character that passes the gateway.
    const classOf = this.#classOf
    const table = this.#table
    const classes = this.#classes
    const rows = this.#rows
    const longest = this.#longest
    const starts = text.length - from < LONG_TEXT ? undefined : this.#starts?.of(text)
    let now = state
    for (let i = from; i < text.length; i++) {
      if (now === 0 && starts) i = starts(i)
      const kind = classOf[text.charCodeAt(i)] ?? 0
      now = now < rows ? (table[now * classes + kind] ?? 0) : this.#next(now, kind)
      const word = longest[now] ?? 0
      if (word !== 0 && onWord(word, i + 1)) break
    }
    return now
  }

  /** The state of the next shorter word that ends where the word of this state ends, or 0. */
  shorter(state: number): number {
    return this.#shorter[state] ?? 0
  }

  /** The index (into the list given at the start) of the word of a state that `read` or `shorter` gave. */
  word(state: number): number {
    return this.#word[state] ?? 0
  }

  /** The length, in code units, of the prefix that a state stands for. */
  depth(state: number): number {
    return this.#depth[state] ?? 0
  }

  /** How many of the last code units may still be the beginning of a word that is not complete. */
  pending(state: number): number {
    return this.#pending[state] ?? 0
  }

  #next(state: number, kind: number): number {
    if (kind === 0) return 0
    let from = state
    while (from >= this.#rows) {
      const end = this.#children[from + 1] ?? 0
      for (let child = this.#children[from] ?? 0; child < end; child++) {
        if (this.#class[child] === kind) return child
      }
      from = this.#fallback[from] ?? 0
    }
    return this.#table[from * this.#classes + kind] ?? 0
  }

  /** Fills the row of a state and the fallbacks of its children; all states of less depth are done. */
  #link(state: number): void {
    const fallback = this.#fallback[state] ?? 0
    const start = this.#children[state] ?? 0
    const end = this.#children[state + 1] ?? 0
    if (state !== 0) {
      this.#shorter[state] = this.#longest[fallback] ?? 0
      for (let child = start; child < end; child++) {
        this.#fallback[child] = this.#next(fallback, this.#class[child] ?? 0)
      }
    }
    this.#longest[state] = this.word(state) >= 0 ? state : this.shorter(state)
    this.#pending[state] = start === end ? this.pending(fallback) : this.depth(state)
    if (state >= this.#rows) return
    const row = state * this.#classes
    this.#table.copyWithin(row, fallback * this.#classes, (fallback + 1) * this.#classes)
    for (let child = start; child < end; child++)
      this.#table[row + (this.#class[child] ?? 0)] = child
  }
}

/** From this length on, looking for where words begin pays. */
const LONG_TEXT = 1024

/** Entries (of four bytes) in the table: enough for some hundred short words, and it stays in the cache. */
const TABLE_SIZE = 1 << 16

const UPPER_A = 65
const LOWER_A = 97
const LETTERS = 26

/** Numbers the code units that occur in words from 1 on, and gives the count, with 0 for all others. */
function classify(words: readonly string[], classOf: Uint16Array): number {
  let classes = 1
  for (const word of words) {
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i)
      if (classOf[unit] === 0) classOf[unit] = classes++
    }
  }
  return classes
}

/** The words as a tree; node 0 is the root, and 0 as a child or sibling means that there is none. */
function plant(words: readonly string[], classOf: Uint16Array) {
  const trie = {class: [0], child: [0], sibling: [0], depth: [0], word: [-1]}
  for (const [index, word] of words.entries()) {
    let node = 0
    for (let i = 0; i < word.length; i++) {
      const kind = at(classOf, word.charCodeAt(i))
      let next = at(trie.child, node)
      while (next !== 0 && trie.class[next] !== kind) next = at(trie.sibling, next)
      if (next === 0) {
        next = trie.class.push(kind) - 1
        trie.sibling.push(at(trie.child, node))
        trie.child[node] = next
        trie.child.push(0)
        trie.depth.push(i + 1)
        trie.word.push(-1)
      }
      node = next
    }
    if (node !== 0) trie.word[node] = index
  }
  return trie
}

/** The nodes of a tree, the root first, and each level after the one above it. */
function byDepth(trie: {readonly child: readonly number[]; readonly sibling: readonly number[]}) {
  const order = [0]
  for (let head = 0; head < order.length; head++) {
    let child = at(trie.child, at(order, head))
    for (; child !== 0; child = at(trie.sibling, child)) order.push(child)
  }
  return order
}

/** In a loop: `Int32Array.from` takes longer for it than all the rest. */
function inOrder(values: readonly number[], order: readonly number[]): Int32Array {
  const ordered = new Int32Array(order.length)
  for (let i = 0; i < order.length; i++) ordered[i] = at(values, at(order, i))
  return ordered
}

/** An element that is known to be there. */
function at(table: ArrayLike<number>, index: number): number {
  return table[index] ?? 0
}
