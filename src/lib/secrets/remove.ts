import {PluginError} from '../base/errors.ts'
import {shellWord} from '../base/shell-word.ts'
import {
  isWritable,
  storesWith,
  type Stores,
  unknownSecrets,
  type WritableStore,
  writableStore,
} from './change.ts'
import type {UnreadStore} from './source.ts'
import {errorAbout, type SecretStore, storeError} from './store.ts'

/** What became of a name that was to be removed. */
export interface SecretRemoved {
  readonly name: string
  /** The stores that had it and have it no more. */
  readonly from: readonly string[]
  /** The stores of whose list it was taken, though they cannot be used: the value may still be in them. */
  readonly forgotten: readonly string[]
  /** The stores that have it still, which this program cannot change. */
  readonly left: readonly SecretStore[]
}

/** What is removed from. */
export interface RemoveOptions {
  /** The only store that is changed. */
  readonly store?: string | undefined
  /** Whether names are taken out of the lists of stores that cannot be used. */
  readonly isForgetting?: boolean
}

/**
 * Removes secrets, from all stores that can be changed or from one.
 * @returns what became of each that was in a store that can be changed, and the error for the others
 * @throws PluginError STORE_UNUSABLE; what a store throws
 */
export async function removeSecrets(
  from: Stores,
  names: readonly string[],
  options: RemoveOptions = {},
): Promise<{readonly removed: readonly SecretRemoved[]; readonly failed: PluginError | undefined}> {
  const forgetting = forgettable(from, options)
  const shut = new Set<SecretStore>(forgetting)
  const targets = targetsOf(from, options).filter(one => !shut.has(one))
  const removed: SecretRemoved[] = []
  const unknown: string[] = []
  const fixed: SecretRemoved[] = []
  for (const name of new Set(names)) {
    const gone: string[] = []
    const forgotten: string[] = []
    for (const target of targets) {
      if (await removedFrom(target, name, from)) gone.push(target.name)
    }
    for (const store of forgetting) if (await store.forget(name)) forgotten.push(store.name)
    const left = await storesWith(from.all, name)
    const outcome = {name, from: gone, forgotten, left}
    if (gone.length + forgotten.length > 0) removed.push(outcome)
    else if (left.length > 0) fixed.push(outcome)
    else unknown.push(name)
  }
  return {removed, failed: await failureOf(from, unknown, fixed)}
}

/** The names that the stores have which are removed from. */
export async function removableNames(
  from: Stores,
  options: RemoveOptions = {},
): Promise<readonly string[]> {
  return namesIn([...targetsOf(from, options), ...forgettable(from, options)])
}

/** The names on the lists of stores which cannot be used here, of those that are removed from. */
export async function forgettableNames(
  from: Stores,
  {store}: RemoveOptions = {},
): Promise<readonly string[]> {
  return namesIn(forgettable(from, {store, isForgetting: true}))
}

/** Why stores keep what they have, or may have, though all is to be removed: each that is locked, damaged or denied. */
export async function shutStores(
  {all, usable}: Stores,
  {store}: RemoveOptions = {},
): Promise<readonly PluginError[]> {
  const shut = all.filter(
    one => isWritable(one) && !usable.includes(one) && (store === undefined || one.name === store),
  )
  return (await Promise.all(shut.map(whyKept))).filter(error => error !== undefined)
}

async function whyKept(store: SecretStore): Promise<PluginError | undefined> {
  try {
    // One with nothing in it keeps nothing.
    const count = (await store.names()).length
    const problem = count > 0 ? await store.unreadable?.() : undefined
    return problem && keeps(store, count === 1 ? '1 secret' : `${count} secrets`, problem)
  } catch (error) {
    return keeps(store, 'secrets', storeError(error))
  }
}

function keeps({name}: SecretStore, what: string, problem: PluginError): PluginError {
  return new PluginError(problem.code, `${name} keeps ${what}: ${problem.message}`, {
    ...(problem.hint !== undefined && {hint: problem.hint}),
    cause: problem,
  })
}

async function removedFrom(store: WritableStore, name: string, {usable}: Stores): Promise<boolean> {
  try {
    return await store.remove(name)
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    if (!store.forget || usable.includes(store)) throw errorAbout(name, error)
    throw new PluginError(error.code, error.message, {
      hint: forgetHint(store, name, ` --store ${store.name}`),
      cause: error,
    })
  }
}

/** What to do about a secret in a store that cannot be changed here, but has a list that can. */
function forgetHint({name: store}: SecretStore, name: string, flags = ''): string {
  return `remove it where ${store} can be used; to take it out of the list only, with its value left in ${store}: docker mcp secret rm --forget ${shellWord(name)}${flags}`
}

/** Where the reason is all that is known, the list has it too, and shows whether that has helped. */
function usableHint({name: store}: SecretStore): string {
  return `make ${store} usable again, see: docker mcp secret ls --stores`
}

async function namesIn(stores: readonly SecretStore[]): Promise<readonly string[]> {
  const names = await Promise.all(stores.map(one => one.names()))
  return [...new Set(names.flat())].toSorted()
}

function targetsOf(from: Stores, {store}: RemoveOptions) {
  return store === undefined ? from.usable.filter(isWritable) : [writableStore(from, store)]
}

type ForgettableStore = SecretStore & Required<Pick<SecretStore, 'forget'>>

function forgettable(
  {all, usable}: Stores,
  {store, isForgetting = false}: RemoveOptions,
): readonly ForgettableStore[] {
  if (!isForgetting) return []
  return all
    .filter(one => store === undefined || one.name === store)
    .filter((one): one is ForgettableStore => one.forget !== undefined && !usable.includes(one))
}

/** The first that counts and cannot say what it has. */
async function unreadStore({all, usable}: Stores): Promise<UnreadStore | undefined> {
  for (const store of all.filter(one => !usable.includes(one) && 'unreadable' in one)) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one or two
      await store.names()
    } catch (error) {
      if (error instanceof PluginError) return {store: store.name, problem: error}
    }
  }
  return undefined
}

function mayHave({store, problem}: UnreadStore, names: readonly string[]): PluginError {
  const {code, message, hint} = problem
  return new PluginError(
    code,
    `${store} may have ${names.join(', ')} and cannot be read: ${message}`,
    {
      ...(hint !== undefined && {hint}),
      cause: problem,
    },
  )
}

async function failureOf(
  from: Stores,
  unknown: readonly string[],
  fixed: readonly SecretRemoved[],
): Promise<PluginError | undefined> {
  const [lost] = unknown
  if (lost !== undefined) {
    const unread = await unreadStore(from)
    if (unread) return errorAbout(lost, mayHave(unread, unknown))
    return unknownSecrets(unknown, await removableNames(from))
  }
  const [first] = fixed
  if (!first) return undefined
  const {name, left} = first
  const shut = left.find(one => isWritable(one) && !from.usable.includes(one))
  if (shut) {
    const {why, hint} = from.skipped.find(one => one.name === shut.name) ?? {}
    return errorAbout(
      name,
      new PluginError(
        'STORE_UNUSABLE',
        `${name} is in ${shut.name}, which cannot be used here: ${why}`,
        {hint: shut.forget ? forgetHint(shut, name) : (hint ?? usableHint(shut))},
      ),
    )
  }
  const places = left.map(one => one.name).join(' and ')
  return new PluginError(
    'STORE_UNUSABLE',
    `${name} is in ${places}, which this command did not change`,
    {
      hint: left.some(isWritable)
        ? `docker mcp secret rm ${shellWord(name)} removes it from every store that can be changed`
        : 'others fill that: remove it there, or leave it out with --secrets',
    },
  )
}
