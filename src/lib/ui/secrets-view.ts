import {table} from './table.ts'

/** What is shown of a secret; never its value. */
export interface ShownSecret {
  readonly name: string
  readonly stores: readonly string[]
  readonly servers: readonly {readonly name: string; readonly enabled: boolean}[]
}

/** Secrets in columns: where each is, and which servers declare it, those that are on with a mark. */
export function secretsView(secrets: readonly ShownSecret[], width?: number): string {
  const lines = secrets.map(({name, stores, servers}) => [
    name,
    stores.join(', ') || '▲ missing',
    servers.map(server => (server.enabled ? `✓ ${server.name}` : server.name)).join(', ') || '-',
  ])
  return table([['NAME', 'STORE', 'USED BY'], ...lines], width)
}

/** What a store is called in a sentence. */
export function storeTitle(name: string): string {
  return TITLES.get(name) ?? name
}

const TITLES: ReadonlyMap<string, string> = new Map([
  ['keyring', 'the keyring'],
  ['file', 'the encrypted file'],
  ['pass', 'docker pass'],
  ['credentials', 'docker’s credential helper'],
  ['env', 'the environment'],
])

/** What opens the encrypted file, in a sentence. */
export const KEY_TITLES: Readonly<
  Record<'key-file' | 'passphrase' | 'keyring' | 'own-key', string>
> = {
  'key-file': 'the key file',
  passphrase: 'a passphrase',
  keyring: 'a key in the keyring',
  'own-key': 'a key in secrets.key beside it',
}
