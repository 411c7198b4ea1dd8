import type {PluginError} from '../base/errors.ts'
import {rememberSecrets} from '../base/known-secrets.ts'
import {secretText} from './secret-bytes.ts'

/** Secrets that were read once. It can be logged: no value shows. */
export interface SecretSource {
  /** The value of a secret; undefined when no store has it, or when it is no text: see {@link SecretSource.bytes}. */
  get(name: string): string | undefined
  /** The value of a secret, exactly as it was set. */
  bytes(name: string): Buffer | undefined
  /** The name of the store that the value is from, or that may have it and cannot be read. */
  storeOf(name: string): string | undefined
  /** Why nobody knows whether there is a value, or what it is: a store that may have it cannot be read. */
  problem(name: string): PluginError | undefined
  /** The stores that count before the one that the value is from, may have another, and cannot be read. */
  passedOver(name: string): readonly UnreadStore[]
  /** What a person does to give it a value that has none. */
  howToSet(name: string): string
}

/** A store that may have a secret, and why it cannot be read. */
export interface UnreadStore {
  readonly store: string
  readonly problem: PluginError
}

/** What became of one secret. */
export type FoundSecret =
  | {
      readonly store: string
      readonly bytes: Buffer
      readonly passedOver?: readonly UnreadStore[]
    }
  | UnreadStore

/**
 * What the stores have of some secrets.
 * @param howToSet for those that are not there
 */
export function secretSource(
  found: ReadonlyMap<string, FoundSecret>,
  howToSet: (name: string) => string,
): SecretSource {
  rememberSecrets(
    [...found.values()].flatMap(one =>
      'bytes' in one ? [secretText(one.bytes) ?? one.bytes] : [],
    ),
  )
  return new ReadSecrets(found, howToSet)
}

/** Secrets as they are now, and those that have the value that they had before. */
export interface KeptSecrets {
  readonly secrets: SecretSource
  /** Why each of the latter could not be read. */
  readonly kept: ReadonlyMap<string, PluginError>
}

/**
 * A store that is locked, or a file that is half written, takes no secret away from a server that has it.
 * @param names those that count
 */
export function keepValues(
  before: SecretSource,
  now: SecretSource,
  names: readonly string[],
): KeptSecrets {
  const kept = new Map(
    names.flatMap(name => {
      if (!before.bytes(name)) return []
      const left = now.passedOver(name).find(({store}) => store === before.storeOf(name))
      const problem = now.problem(name) ?? left?.problem
      return problem ? [[name, problem] as const] : []
    }),
  )
  if (kept.size === 0) return {secrets: now, kept}
  const found = names.flatMap(name => {
    const one = foundIn(kept.has(name) ? before : now, name)
    return one ? [[name, one] as const] : []
  })
  return {secrets: secretSource(new Map(found), name => now.howToSet(name)), kept}
}

function foundIn(source: SecretSource, name: string): FoundSecret | undefined {
  const [store, bytes, problem] = [source.storeOf(name), source.bytes(name), source.problem(name)]
  if (store === undefined) return undefined
  if (bytes) return {store, bytes, passedOver: source.passedOver(name)}
  return problem && {store, problem}
}

/**
 * What to tell a person of a value that is not the one that should count.
 * @returns undefined when no store was passed over
 */
export function passedOverLine(name: string, source: SecretSource): string | undefined {
  const [first] = source.passedOver(name)
  if (!first) return undefined
  return `secret ${name} is taken from ${source.storeOf(name)}: ${first.problem.message}`
}

/** Private members are shown neither by `util.inspect` nor by `JSON.stringify`. */
class ReadSecrets implements SecretSource {
  readonly #found: ReadonlyMap<string, FoundSecret>
  readonly #howToSet: (name: string) => string

  constructor(found: ReadonlyMap<string, FoundSecret>, howToSet: (name: string) => string) {
    this.#found = found
    this.#howToSet = howToSet
  }

  get(name: string): string | undefined {
    const bytes = this.bytes(name)
    return bytes && secretText(bytes)
  }

  bytes(name: string): Buffer | undefined {
    const found = this.#found.get(name)
    return found && 'bytes' in found ? found.bytes : undefined
  }

  storeOf(name: string): string | undefined {
    return this.#found.get(name)?.store
  }

  problem(name: string): PluginError | undefined {
    const found = this.#found.get(name)
    return found && 'problem' in found ? found.problem : undefined
  }

  passedOver(name: string): readonly UnreadStore[] {
    const found = this.#found.get(name)
    return (found && 'bytes' in found && found.passedOver) || []
  }

  howToSet(name: string): string {
    return this.#howToSet(name)
  }
}
