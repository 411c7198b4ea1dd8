import * as z from 'zod'
import {messageOf, PluginError} from '../base/errors.ts'
import {readOwnFile, writeFileAtomic} from '../files/atomic.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {Unanswered} from '../plugin/bounded-program.ts'

/** A secret, and the store that keeps it. */
export interface Kept {
  readonly name: string
  readonly store: string
}

/**
 * The names that a store was given, sorted: for stores that cannot be asked for a list, or would have to be unlocked first.
 * @throws PluginError FILE_DENIED, FILE_INVALID
 */
export async function indexedNames(paths: StatePaths, store: string): Promise<readonly string[]> {
  const {secrets} = await read(paths.secretsIndex)
  return secrets.filter(one => one.store === store).map(({name}) => name)
}

/**
 * Writes into the index that a store has, or is about to get, a value of this name. What it writes is always another
 * text than before: gateways see that a secret has changed by that.
 * @throws PluginError FILE_DENIED, FILE_INVALID, FILE_BUSY
 */
export function noteSecret(paths: StatePaths, kept: Kept): Promise<void> {
  return edit(paths, (secrets, changed) => [
    ...secrets.filter(one => !isSame(one, kept)),
    {name: kept.name, store: kept.store, changed},
  ])
}

/**
 * Has a value written so that the index knows of whatever was written, also when this program ends in between: what it
 * does not know of, nobody could remove.
 * @param write has the store keep the value
 * @throws what `write` throws; only when it is certain that nothing was kept, the index is as before
 */
export async function noteWriting(
  paths: StatePaths,
  kept: Kept,
  write: () => Promise<unknown>,
): Promise<void> {
  const isNew = !(await indexedNames(paths, kept.store)).includes(kept.name)
  if (isNew) await noteSecret(paths, kept)
  try {
    await write()
  } catch (error) {
    if (isNew && !(error instanceof Unanswered)) await forgetSecret(paths, kept)
    throw error
  }
  // Only now: who sees the index change reads the value.
  await noteSecret(paths, kept)
}

/**
 * Takes a secret out of the index.
 * @returns whether it was there
 * @throws PluginError FILE_DENIED, FILE_INVALID, FILE_BUSY
 */
export async function forgetSecret(paths: StatePaths, kept: Kept): Promise<boolean> {
  // Nothing is made where there is nothing.
  if (!(await read(paths.secretsIndex)).secrets.some(one => isSame(one, kept))) return false
  await edit(paths, secrets => secrets.filter(one => !isSame(one, kept)))
  return true
}

const ENTRY = z.object({name: z.string(), store: z.string(), changed: z.string()})
/** A list, since a name may be in several stores. `changed` is when the file was last written. */
const INDEX = z.object({
  version: z.literal(1),
  changed: z.string(),
  secrets: z.array(ENTRY),
})

type Entry = z.infer<typeof ENTRY>
type Index = z.infer<typeof INDEX>

const EMPTY: Index = {version: 1, changed: '', secrets: []}

async function edit(
  paths: StatePaths,
  change: (secrets: readonly Entry[], changed: string) => readonly Entry[],
): Promise<void> {
  const file = paths.secretsIndex
  await withFileLock(file, async () => {
    const before = await read(file)
    const changed = later(before.changed)
    const secrets = change(before.secrets, changed).toSorted(
      (one, other) => compare(one.name, other.name) || compare(one.store, other.store),
    )
    await writeFileAtomic(file, `${JSON.stringify({version: 1, changed, secrets}, null, 2)}\n`)
  })
}

/** Now, or a millisecond after the last change where the clock has not gone on since, or was put back. */
function later(last: string): string {
  const then = Date.parse(last)
  const now = Date.now()
  return new Date(then >= now && then < LAST_MS ? then + 1 : now).toISOString()
}
/** The end of the year 9999: what is later is no time that this program wrote. */
const LAST_MS = Date.UTC(10_000, 0)

async function read(file: string): Promise<Index> {
  const text = await readOwnFile(file)
  return text === undefined || text.trim() === '' ? EMPTY : parse(text, file)
}

function parse(text: string, file: string): Index {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw invalid(file, `is not JSON (${messageOf(error)})`)
  }
  const {data, error} = INDEX.safeParse(json)
  if (data) return data
  const [issue] = error.issues
  throw invalid(file, `is not an index of secrets: ${issue?.path.join('.') || 'the whole'}`)
}

function invalid(file: string, what: string): PluginError {
  return new PluginError('FILE_INVALID', `${file} ${what}`, {
    hint: 'move it away, and set the secrets again: the values are still in their stores',
  })
}

function isSame(one: Kept, other: Kept): boolean {
  return one.name === other.name && one.store === other.store
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
