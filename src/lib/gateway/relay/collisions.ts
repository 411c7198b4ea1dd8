import type {Listed, NameTable} from '../directory.ts'
import type {Own} from './exposures.ts'
import type {Shared} from './translation.ts'

/** A name or URI for a line of the log, in which nobody needs all of a long one. */
const LONGEST_TOLD = 200

/** Tells that several servers have the same: once for each kind of thing, as whoever reads the log need not hear of each. */
export class Collisions {
  readonly #warn: (text: string) => void
  readonly #told = new Set<Shared>()

  constructor(warn: (text: string) => void) {
    this.#warn = warn
  }

  isTold(what: Shared): boolean {
    return this.#told.has(what)
  }

  /** Tells of the first name in a table that another server has, unless the configuration wants all of its names changed. */
  tellFirst(what: Shared, {owners}: NameTable, listed: readonly Listed[]): void {
    const withPrefix = new Set(listed.flatMap(({server, prefix}) => (prefix ? server : [])))
    const moved = [...owners].find(([exposed, {server, name}]) => {
      const holder = owners.get(name)?.server ?? server
      return exposed !== name && holder !== server && !withPrefix.has(server)
    })
    if (!moved) return
    const [exposed, {server, name}] = moved
    this.tell(what, {server, own: name}, exposed)
  }

  /** @param exposed how the client sees what is not shown as it is */
  tell(what: Shared, {server, own}: Own, exposed: string): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    // The id of a task lets whoever knows it see the result.
    const which = what === 'task' ? 'a task of the same id' : `the ${what} ${cut(own)}`
    const form = what === 'task' ? 'with its name' : `as ${cut(exposed)}`
    this.#warn(`several servers have ${which}: that of ${server} is shown ${form}`)
  }
}

function cut(own: string): string {
  return own.length <= LONGEST_TOLD ? own : `${own.slice(0, LONGEST_TOLD)}…`
}
