import {PluginError} from '../base/errors.ts'
import {nearestNames} from '../base/near-names.ts'
import {errorAbout, isSecretName, type SecretStore, type StoreKey} from './store.ts'

/** One that is not used. */
export interface SkippedStore {
  readonly name: string
  readonly why: string
  /** Undefined when the reason says it all. */
  readonly hint?: string | undefined
}

/** The stores that count, the first one before the others. */
export interface Stores {
  /** Also those that cannot be used here. */
  readonly all: readonly SecretStore[]
  readonly usable: readonly SecretStore[]
  /** What is not used, why not, and what to do: stores, and files that do not exist. */
  readonly skipped: readonly SkippedStore[]
}

/** Tells the stores that can be used here from those that cannot. */
export async function usableStores({
  stores,
  skipped,
}: {
  readonly stores: readonly SecretStore[]
  readonly skipped: Stores['skipped']
}): Promise<Stores> {
  const reasons = await Promise.all(
    stores.map(async (store): Promise<Omit<SkippedStore, 'name'> | undefined> => {
      const why = await store.unavailable()
      if (why !== undefined) return {why}
      const problem = await store.unreadable?.()
      return problem && {why: problem.message, hint: problem.hint}
    }),
  )
  const out = stores.flatMap(({name}, at) => {
    const reason = reasons[at]
    return reason ? [{name, ...reason}] : []
  })
  return {
    all: stores,
    usable: stores.filter((_store, at) => reasons[at] === undefined),
    skipped: [...out, ...skipped],
  }
}

/** What became of a secret that was set. */
export interface SecretSet {
  /** The store that has it now. */
  readonly store: string
  /** Whether there was one of that name in it. */
  readonly replaced: boolean
  /** A store that counts before it and has the name, so that this value is not the one that is used. */
  readonly hiddenBy?: string | undefined
  /** A store that counts before it, has the name and cannot be used: this value is the one that is used until it can. */
  readonly insteadOf?: string | undefined
  /** What opens the store, when it was made just now. */
  readonly newKey?: StoreKey['kind'] | undefined
  /** See `StoreKey`. */
  readonly ignored?: string | undefined
}

/**
 * Puts a secret into a store: the one that is named, else the one that has it now, else the first that takes any.
 * @param name see {@link isSecretName}
 * @param store what the store is called
 * @throws PluginError USAGE for a name that is none and for an empty value; STORE_UNUSABLE; what the store throws.
 *   Nothing was changed then.
 */
export async function setSecret(
  from: Stores,
  {name, value, store}: {name: string; value: Buffer; store?: string | undefined},
): Promise<SecretSet> {
  checkName(name)
  if (value.length === 0) {
    throw new PluginError('USAGE', `the value of ${name} is empty`, {
      hint: `an empty secret counts as none; to remove it: docker mcp secret rm ${name}`,
    })
  }
  const having = await storesWith(from.all, name)
  const target = store === undefined ? usualTarget(from, having) : writableStore(from, store)
  const isMade = !(await target.key?.())
  await about(name, () => target.set(name, value))
  const key = await target.key?.()
  const before = having.filter(one => from.all.indexOf(one) < from.all.indexOf(target))
  return {
    store: target.name,
    replaced: having.includes(target),
    newKey: isMade ? key?.kind : undefined,
    ignored: key?.ignored,
    hiddenBy: before.find(one => from.usable.includes(one))?.name,
    insteadOf: before.find(one => !from.usable.includes(one))?.name,
  }
}

/**
 * Makes sure, before anybody is asked for the value, that a secret can be set: finds its store, and has that opened.
 * @throws PluginError STORE_UNUSABLE; what the store throws
 */
export async function openTarget(
  from: Stores,
  {name, store}: {name: string; store?: string | undefined},
): Promise<void> {
  const having = store === undefined ? await storesWith(from.all, name) : []
  const target = store === undefined ? usualTarget(from, having) : writableStore(from, store)
  await about(name, async () => target.unlock?.())
}

/** @throws what the task throws, in words about this secret */
async function about<T>(name: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    throw error instanceof PluginError ? errorAbout(name, error) : error
  }
}

/**
 * The error for names that no store has, with the names near to them.
 * @param known the names that there are
 */
export function unknownSecrets(names: readonly string[], known: readonly string[]): PluginError {
  const near = [...new Set(names.flatMap(name => nearestNames(name, known)))].filter(
    name => !names.includes(name),
  )
  const hint =
    near.length > 0
      ? `did you mean ${near.slice(0, 3).join(' or ')}?`
      : 'see what there is: docker mcp secret ls'
  return new PluginError('SECRET_UNKNOWN', `no store has ${names.join(', ')}`, {hint})
}

/**
 * Checks a name that somebody typed. With a `-` at its beginning it would be a flag in the commands that hints show.
 * @throws PluginError USAGE, which does not repeat what was typed: it may be a value
 */
export function checkName(name: string): void {
  if (isSecretName(name) && !name.startsWith('-')) return
  throw new PluginError('USAGE', 'that is not a name of a secret', {
    hint: 'names have letters, digits and . _ : - in them, no - at the beginning, and / between parts, such as brave.api_key',
  })
}

/** One that this program can change. */
export type WritableStore = SecretStore & Required<Pick<SecretStore, 'set' | 'remove'>>

/** Whether this program can change what is in a store. */
export function isWritable(store: SecretStore): store is WritableStore {
  return store.set !== undefined && store.remove !== undefined
}

function usualTarget(from: Stores, having: readonly SecretStore[]): WritableStore {
  const [counting] = having
  const isHere = counting && from.usable.includes(counting) && isWritable(counting)
  // One that is only locked says best what to do.
  const target = isHere
    ? counting
    : (from.usable.find(isWritable) ?? from.all.find(one => isWritable(one) && 'unreadable' in one))
  if (target && isWritable(target)) return target
  const reasons = from.skipped.map(({name, why}) => `${name}: ${why}`)
  throw new PluginError('STORE_UNUSABLE', 'no store can be written here', {
    hint: reasons.join('; ') || 'name one that can with --store',
  })
}

/** Also one that seems not to be of use: a keyring may ask its owner to unlock it when it is written. */
export function writableStore({all, usable, skipped}: Stores, name: string): WritableStore {
  const store = all.find(one => one.name === name)
  if (store && isWritable(store)) return store
  const reason = skipped.find(one => one.name === name)?.why ?? 'there is no such store'
  const why = store ? 'others fill it' : reason
  throw new PluginError('STORE_UNUSABLE', `the store ${name} cannot be written: ${why}`, {
    hint: `these can: ${
      usable
        .filter(isWritable)
        .map(one => one.name)
        .join(', ') || 'none'
    }`,
  })
}

/** Those that have a secret, in their order. One that cannot tell has none: whoever writes to it is told why. */
export async function storesWith(
  stores: readonly SecretStore[],
  name: string,
): Promise<readonly SecretStore[]> {
  const having = await Promise.all(stores.map(store => hasSecret(store, name).catch(() => false)))
  return stores.filter((_store, at) => having[at])
}

async function hasSecret(store: SecretStore, name: string): Promise<boolean> {
  return store.has ? store.has(name) : (await store.names()).includes(name)
}
