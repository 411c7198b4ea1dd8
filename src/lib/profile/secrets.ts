import {dirname} from 'node:path'
import type {PluginError} from '../base/errors.ts'
import type {CatalogServer} from '../model/catalog.ts'
import type {SecretChain} from '../secrets/chain.ts'
import type {StoreInput} from '../secrets/store.ts'
import type {Profile} from './legacy.ts'

/**
 * Opens the stores of secrets that count: those that the user named, or else those of the profile, or else the default
 * ones.
 * @param spec the value of `--secrets`
 * @throws as `openChain`
 */
export async function openProfileChain(
  spec: string | undefined,
  {secrets}: Pick<Profile, 'secrets'>,
  input: StoreInput,
): Promise<SecretChain> {
  const {openChain} = await import('../secrets/chain.ts')
  if (spec || !secrets) return openChain(spec, input)
  return openChain(secrets.spec, {...input, cwd: dirname(secrets.file)}, {isShared: true})
}

/** The secrets without which a server is not started. */
export function neededSecrets(entry: CatalogServer | undefined): readonly string[] {
  return (entry?.secrets ?? []).flatMap(({name, required}) => (required === false ? [] : [name]))
}

/** Which of some secrets stores give, as far as they say without being opened. */
interface SecretsLook {
  readonly held: ReadonlySet<string>
  /** Why the others may be there, and no server would be started with them. */
  readonly unread: ReadonlyMap<string, PluginError>
}

/** Looks which of the names a server would get; where none is asked for, no store is opened. */
export async function lookForSecrets(
  names: readonly string[],
  open: () => Promise<SecretChain>,
): Promise<SecretsLook> {
  if (names.length === 0) return {held: new Set(), unread: new Map()}
  const chain = await open()
  const looks = await Promise.all(
    [...new Set(names)].map(async name => [name, await chain.look(name)] as const),
  )
  return {
    held: new Set(
      looks.flatMap(([name, {isThere, problem}]) => (isThere && !problem ? [name] : [])),
    ),
    unread: new Map(looks.flatMap(([name, {problem}]) => (problem ? [[name, problem]] : []))),
  }
}
