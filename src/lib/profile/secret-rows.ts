import {messageOf, PluginError} from '../base/errors.ts'
import type {SecretStore} from '../secrets/store.ts'
import type {SecretUser} from './secret-users.ts'

/** One line of `secret ls`; `name` and `provider` are those of docker's own plugin. Never a value. */
export interface SecretRow {
  readonly name: string
  /** The store that counts; undefined when none has the secret. */
  readonly provider?: string | undefined
  /** Every store that has it and can be used, in the order in which they count. */
  readonly stores: readonly string[]
  /** Stores that have it and cannot be used here. */
  readonly unusable?: readonly string[]
  /** The servers that declare it: those that are on first. */
  readonly servers: readonly SecretUser[]
}

/** A store, by what it is called, and the names that it has. */
export interface NamesOfStore {
  readonly name: string
  readonly names: ReadonlySet<string>
  /** Whether what it has counts; true when it is not said. */
  readonly isUsable?: boolean
  /** Why it cannot tell. */
  readonly failure?: string | undefined
  /** What to do about that. */
  readonly hint?: string | undefined
}

/**
 * Asks stores for their names. One that knows names in another spelling only, as the environment does, is asked for
 * those that servers declare.
 */
export function namesOfStores(
  stores: readonly SecretStore[],
  declared: Iterable<string>,
): Promise<readonly NamesOfStore[]> {
  const known = [...declared]
  return Promise.all(
    stores.map(async store => {
      const {name} = store
      try {
        return {name, names: new Set(await namesIn(store, known))}
      } catch (error) {
        const hint = error instanceof PluginError ? error.hint : undefined
        return {name, names: new Set<string>(), failure: messageOf(error), hint}
      }
    }),
  )
}

async function namesIn(
  store: SecretStore,
  declared: readonly string[],
): Promise<readonly string[]> {
  const own = await store.names()
  if (!store.has) return own
  const having = await Promise.all(declared.map(async name => store.has?.(name)))
  const asDeclared = declared.filter((_name, at) => having[at])
  const spelled = new Set(asDeclared.map(variableOf))
  return [...asDeclared, ...own.filter(name => !asDeclared.includes(name) && !spelled.has(name))]
}

/** How variables spell the name of a secret. */
function variableOf(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

/** Every secret that a store has, and those that servers which are on need and no store has; by name. */
export function secretRows(
  users: ReadonlyMap<string, readonly SecretUser[]>,
  stores: readonly NamesOfStore[],
): readonly SecretRow[] {
  const needed = [...users].filter(([, all]) => all.some(one => one.enabled && one.required))
  const names = new Set([
    ...stores.flatMap(store => [...store.names]),
    ...needed.map(([name]) => name),
  ])
  return [...names].toSorted().map(name => {
    const all = stores.filter(store => store.names.has(name))
    const having = all.filter(store => store.isUsable !== false).map(store => store.name)
    const unusable = all.filter(store => store.isUsable === false).map(store => store.name)
    const [provider] = having
    return {
      name,
      ...(provider !== undefined && {provider}),
      stores: having,
      ...(unusable.length > 0 && {unusable}),
      servers: users.get(name) ?? [],
    }
  })
}
