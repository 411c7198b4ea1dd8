import type {ConnectedSpec} from '../../model/server.ts'
import type {Audit, ReadOutcome, SecretRead} from '../../secrets/audit.ts'
import type {SecretSource} from '../../secrets/source.ts'

/** Book-keeping of one start: what it is about to be given, or what it lacks. */
export interface SecretBook {
  /** Before the values are handed over: who is told of them afterwards could have them unseen. Never rejects. */
  given(): Promise<void>
  /** The start has failed before that: only what could not be read is recorded, once for each reading. Never rejects. */
  failed(): Promise<void>
}

/** Notes now what a server's secrets are; values that change later are another start's. */
export function secretBook(
  spec: Pick<ConnectedSpec, 'name' | 'secrets'>,
  {secrets, audit}: {readonly secrets: SecretSource; readonly audit: Audit},
): SecretBook {
  const reads = spec.secrets.map(
    ({name}): SecretRead => ({
      server: spec.name,
      secret: name,
      store: secrets.storeOf(name),
      outcome: outcomeOf(name, secrets),
    }),
  )
  return {
    given: () => audit.record(reads),
    failed: () => audit.record(untold(secrets, reads)),
  }
}

/** A gateway may try a start several times with one reading, which has failed once. */
const told = new WeakMap<SecretSource, Set<string>>()

function untold(source: SecretSource, reads: readonly SecretRead[]): readonly SecretRead[] {
  const known = told.get(source) ?? new Set()
  told.set(source, known)
  return reads.filter(({server, secret, outcome}) => {
    const key = `${server} ${secret}`
    if (outcome === 'given' || known.has(key)) return false
    known.add(key)
    return true
  })
}

function outcomeOf(name: string, secrets: SecretSource): ReadOutcome {
  if (secrets.problem(name)) return 'failed'
  return secrets.bytes(name) ? 'given' : 'missing'
}
