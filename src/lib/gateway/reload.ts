import {PluginError} from '../base/errors.ts'
import type {Catalogs} from '../catalog/store.ts'
import type {Plan} from './plan.ts'
import type {ServerKeys} from './server-keys.ts'

/** What a reload has made different. */
export interface Reloaded {
  /** Servers that are served now and were not before. */
  readonly added: readonly string[]
  /** Servers that are served no more. */
  readonly removed: readonly string[]
  /**
   * Servers that are others than before: by their entry, what is set for them, the values of their secrets, or the tools
   * that clients may see.
   */
  readonly changed: readonly string[]
  /** What a person must know and was not told before: what is left out, and what does nothing. */
  readonly notices: readonly string[]
  /** The options that differ and count only for a gateway that is started anew, by their names in `GatewayOptions`. */
  readonly needsRestart: readonly string[]
  /** Why secrets cannot be read that have the values of before; their servers go on with those. */
  readonly unread?: PluginError | undefined
}

/** Servers by what a new plan makes of them. */
export interface Differences extends Pick<Reloaded, 'added' | 'removed' | 'changed'> {
  /** Those that keep what runs of them, whatever else is configured for them now. */
  readonly same: ReadonlySet<string>
}

/** Tells what is different in a plan, by what tells each server from one of the same name. */
export function differences(before: ServerKeys, after: ServerKeys): Differences {
  const common = [...after.running.keys()].filter(name => before.running.has(name))
  return {
    added: [...after.running.keys()].filter(name => !before.running.has(name)),
    removed: [...before.running.keys()].filter(name => !after.running.has(name)),
    changed: common.filter(name => before.whole.get(name) !== after.whole.get(name)),
    same: new Set(common.filter(name => before.running.get(name) === after.running.get(name))),
  }
}

/**
 * An invalid edit keeps what was there before: a gateway starts without a catalog that cannot be read, but does not lose
 * one that it serves.
 * @throws PluginError of the first catalog that could be read before
 */
export function mustStayReadable(
  before: Pick<Catalogs, 'broken'>,
  after: Pick<Catalogs, 'broken'>,
): void {
  const known = new Set(before.broken.map(({name}) => name))
  const lost = after.broken.find(({name}) => !known.has(name))
  if (lost) throw lost.error
}

/** What to tell of secrets that could not be read, and have the values of before. */
export function keptValuesError(kept: ReadonlyMap<string, PluginError>): PluginError | undefined {
  const [first] = kept
  if (!first) return undefined
  const [name, {code, message, hint}] = first
  const more = kept.size > 1 ? ` (and ${kept.size - 1} more)` : ''
  const words = `secret ${name}${more}: ${message}`
  return new PluginError(code, words, hint === undefined ? {} : {hint})
}

/** The containers of servers of a plan that are not the same as before. */
export function startedAnew(plan: Plan, {same}: Differences): Plan {
  return {servers: plan.servers.filter(({name}) => !same.has(name))}
}

/** Does one thing after the other, in the order in which they are asked for, also when one fails. */
export function oneByOne(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return task => {
    const done = last.then(task)
    last = done.catch(() => undefined)
    return done
  }
}
