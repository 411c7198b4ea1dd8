import type {KeyVault} from '../../src/lib/secrets/key-vault.ts'

/** No keyring, also on the machine of somebody who has one: tests write nothing into it. */
export const NO_KEYRING: KeyVault = {
  unavailable: async () => 'tests have none',
  get: async () => undefined,
  set: async () => {},
  remove: async () => {},
}
