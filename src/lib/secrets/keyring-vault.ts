import type {KeyVault} from './key-vault.ts'
import type {StoreInput} from './store.ts'

const load = () => import('./keyring.ts')

/**
 * The keys of encrypted files in the OS keyring. They are in no list of secrets, so that nobody removes one as a secret;
 * nothing of the keyring is loaded before a file needs it.
 */
export function keyringVault(input: StoreInput): KeyVault {
  return {
    unavailable: async () => (await load()).openKeyring(input).unavailable(),
    get: async id => (await load()).keyringEntry(accountOf(id), input).get(),
    set: async (id, key) => (await load()).keyringEntry(accountOf(id), input).set(key),
    remove: async id => (await load()).keyringEntry(accountOf(id), input).remove(),
  }
}

/** With a blank, which no name of a secret has. */
function accountOf(id: string): string {
  return `key of a file ${id}`
}
