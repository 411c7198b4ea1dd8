import {createHash} from 'node:crypto'

/** A text of a server that means something only there (a URI, a task id), as that server has it. */
export interface Own {
  readonly server: string
  readonly own: string
}

/** What was only mentioned is forgotten again when so many others were mentioned since. */
const MOST_MENTIONED = 5000
/** Characters; what is longer and not listed is neither kept nor told apart. */
const LONGEST_MENTIONED = 2000

export interface ExposuresInput {
  /** Puts a name, made of letters, digits and `._-`, into a text: different for different texts or names. */
  readonly mark: (own: string, name: string) => string
  /** A text had to be given another form, because it is another server's as well. */
  readonly onMarked: (own: Own, exposed: string) => void
}

/**
 * What the client sees of the servers' texts: each as it is, unless another server has the same; then with the name
 * of its server inside. What was shown once keeps its meaning for as long as it is known.
 */
export class Exposures {
  readonly #input: ExposuresInput
  /** What servers list now. */
  #listed: ReadonlyMap<string, Own> = new Map()
  /** What was mentioned, or was listed once; what was not used for the longest time is first. */
  readonly #mentioned = new Map<string, Own>()
  readonly #exposed = new Map<string, string>()

  constructor(input: ExposuresInput) {
    this.#input = input
  }

  /** What servers list now, by what the client sees of it, in configured order. */
  get listed(): ReadonlyMap<string, Own> {
    return this.#listed
  }

  /** Whose text the client means; undefined when it was never shown, or long ago. */
  find(exposed: string): Own | undefined {
    const listed = this.#listed.get(exposed)
    if (listed) return listed
    const mentioned = this.#mentioned.get(exposed)
    if (mentioned) this.#mention(exposed, mentioned)
    return mentioned
  }

  /** What the client sees of a text; undefined for one that was never shown, or long ago. */
  shown(own: Own): string | undefined {
    return this.#exposed.get(identity(own))
  }

  /**
   * What the client is to see of a text that a server mentions.
   * @param wish what it should be if nothing else is called so
   */
  expose(own: Own, wish = own.own): string {
    const shown = this.shown(own)
    if (shown !== undefined) {
      this.find(shown)
      return shown
    }
    if (own.own.length > LONGEST_MENTIONED) return own.own
    const isTaken = (text: string) => this.#mentioned.has(text) || this.#listed.has(text)
    const exposed = isTaken(wish) ? this.#marked(own, isTaken) : wish
    this.#exposed.set(identity(own), exposed)
    this.#mention(exposed, own)
    return exposed
  }

  /**
   * Takes all that servers list now.
   * @param listed in configured order, which decides who keeps what two of them list
   */
  list(listed: readonly Own[]): void {
    const before = this.#listed
    const placed = new Set<string>()
    const isTaken = (text: string) =>
      placed.has(text) || this.#mentioned.has(text) || before.has(text)
    const place = (own: Own, exposed: string) => {
      this.#exposed.set(identity(own), exposed)
      placed.add(exposed)
    }
    const fresh = listed.filter(own => this.shown(own) === undefined)
    // What servers really have comes first: no text that is made here may be one of these.
    for (const own of fresh) if (!isTaken(own.own)) place(own, own.own)
    for (const own of fresh) {
      if (this.shown(own) === undefined) place(own, this.#marked(own, isTaken))
    }
    this.#listed = new Map(listed.map(own => [this.shown(own) ?? own.own, own]))
    for (const exposed of this.#listed.keys()) this.#mentioned.delete(exposed)
    for (const [exposed, own] of before) if (!this.#listed.has(exposed)) this.#mention(exposed, own)
  }

  #marked(own: Own, isTaken: (text: string) => boolean): string {
    for (const exposed of candidates(own, this.#input.mark)) {
      if (isTaken(exposed)) continue
      this.#input.onMarked(own, exposed)
      return exposed
    }
    throw new Error('the candidates never end')
  }

  #mention(exposed: string, own: Own): void {
    this.#mentioned.delete(exposed)
    this.#mentioned.set(exposed, own)
    const [oldest] = this.#mentioned
    if (own.own.length > LONGEST_MENTIONED) this.#forget(exposed, own)
    else if (oldest && this.#mentioned.size > MOST_MENTIONED) this.#forget(...oldest)
  }

  #forget(exposed: string, own: Own): void {
    this.#mentioned.delete(exposed)
    this.#exposed.delete(identity(own))
  }
}

function identity({server, own}: Own): string {
  return JSON.stringify([server, own])
}

/** A function of the text alone, so that it has the same form in every session. */
function* candidates(own: Own, mark: ExposuresInput['mark']): Generator<string, never> {
  const name = own.server.replace(/[^A-Za-z0-9._-]/g, '_')
  yield mark(own.own, name)
  // A server can foresee the digests of others and use them, but not all of them.
  for (let attempt = 0; ; attempt += 1) {
    const text = attempt === 0 ? identity(own) : `${identity(own)} ${attempt}`
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 8)
    yield mark(own.own, `${name}-${digest}`)
  }
}
