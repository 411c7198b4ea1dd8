import type {OpenServers} from './open.ts'

/** A server that declares a secret. */
export interface SecretUser {
  readonly name: string
  readonly enabled: boolean
  /** Whether it can do without. */
  readonly required: boolean
}

/** The servers that declare each secret, by its name: those that are on first, then by name. */
export function secretUsers({
  servers,
  profile,
}: Pick<OpenServers, 'servers'> & {
  readonly profile: Pick<OpenServers['profile'], 'enabled'>
}): ReadonlyMap<string, readonly SecretUser[]> {
  const enabled = new Set(profile.enabled)
  const users = new Map<string, SecretUser[]>()
  for (const [server, entry] of servers) {
    for (const {name, required} of entry.secrets ?? []) {
      const user = {name: server, enabled: enabled.has(server), required: required !== false}
      const known = users.get(name)
      if (!known) users.set(name, [user])
      else if (known.at(-1)?.name !== server) known.push(user)
    }
  }
  return new Map([...users].map(([name, all]) => [name, all.toSorted(inOrder)]))
}

function inOrder(a: SecretUser, b: SecretUser): number {
  return Number(b.enabled) - Number(a.enabled) || a.name.localeCompare(b.name, 'en')
}
