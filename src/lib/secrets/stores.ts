import {openRunSecrets} from './folder.ts'
import type {StoreWord} from './spec.ts'
import type {SecretStore, StoreInput} from './store.ts'

type OpenStore = (input: StoreInput) => SecretStore

/** The stores that `--secrets` calls by a word. */
export const STORES: Readonly<Record<StoreWord, () => Promise<OpenStore>>> = {
  keyring: async () => (await import('./keyring.ts')).openKeyring,
  file: async () => {
    const [{openEncryptedFile}, {keyringVault}] = await Promise.all([
      import('./encrypted-file.ts'),
      import('./keyring-vault.ts'),
    ])
    return input => openEncryptedFile(input, keyringVault(input))
  },
  pass: async () => (await import('./docker-pass.ts')).openDockerPass,
  credentials: async () => (await import('./credential-store.ts')).openCredentialStore,
  'run-secrets': async () => openRunSecrets,
}
