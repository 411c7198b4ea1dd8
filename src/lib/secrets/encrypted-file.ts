import {access, constants, stat} from 'node:fs/promises'
import {dirname, join, resolve, sep} from 'node:path'
import {PluginError, systemCode} from '../base/errors.ts'
import {KeySources} from './key-sources.ts'
import type {KeyTarget} from './key-sources.ts'
import type {KeyVault} from './key-vault.ts'
import {SecretsFile} from './secrets-file.ts'
import {isSecretName, type SecretStore, storeError, type StoreInput} from './store.ts'

/** Nothing that opens a door is larger, and a container's environment takes less. */
const MOST_VALUE_BYTES = 1024 * 1024

/**
 * The encrypted file of secrets, `paths.secretsFile`: works on each machine, also where nobody has logged in.
 * @param keyring where a file may keep its key: the OS keyring when not given
 * @returns the store `file`. `get`, `set` and `remove` throw PluginError SECRET_LOCKED when the key or passphrase is not there
 *   or not the right one, FILE_INVALID for a damaged file, FILE_DENIED, FILE_BUSY, and SECRET_INVALID for a name or value that
 *   cannot be kept; the file then stays as it was
 */
export function openEncryptedFile(input: StoreInput, keyring?: KeyVault): SecretStore {
  const file = fileOf(input, keyring)
  return {
    name: 'file',
    unavailable: () => whyNowhere(input.paths.secretsFile),
    unreadable: () => file.whyShut().catch(storeError),
    key: () => file.key().catch(() => undefined),
    names: () => file.names(),
    get: async name => (await file.read())?.get(name),
    unlock: async () => {
      await file.read()
    },
    set: async (name, value) => {
      refuseInvalid(name, value)
      await file.change(secrets =>
        secrets.get(name)?.equals(value) ? undefined : new Map([...secrets, [name, value]]),
      )
    },
    remove: async name => {
      if (!(await file.names()).includes(name)) return false
      let wasThere = false
      await file.change(secrets => {
        const left = new Map(secrets)
        wasThere = left.delete(name)
        return wasThere ? left : undefined
      })
      return wasThere
    },
  }
}

/**
 * Encrypts the file anew, with a new key, salt and nonce; one that is not there is made, with nothing in it. Until the new file
 * is in its place, the old one and its key are good.
 * @param to where the new key comes from; a relative path counts from `input.cwd`; a function is asked when the
 *   file is open
 * @throws PluginError as the store's `set`; USAGE for an empty passphrase; what `readKeyFile` throws
 */
export async function reencrypt(
  input: StoreInput,
  to: KeyTarget | (() => Promise<KeyTarget>),
  keyring?: KeyVault,
): Promise<void> {
  await fileOf(input, keyring).rekey(typeof to === 'function' ? to : () => Promise.resolve(to))
}

function fileOf(input: StoreInput, keyring: KeyVault | undefined): SecretsFile {
  return new SecretsFile(input.paths, new KeySources(input, keyring))
}

function refuseInvalid(name: string, value: Buffer): void {
  if (!isSecretName(name)) {
    throw invalid(
      `${JSON.stringify(name)} is no name of a secret`,
      'use letters, digits, and . _ : - in parts that are joined by /',
    )
  }
  if (value.length === 0) {
    throw invalid(`the value of ${name} is empty`, `to have none: docker mcp secret rm ${name}`)
  }
  if (value.length > MOST_VALUE_BYTES) {
    throw invalid(
      `the value of ${name} is larger than 1 MiB`,
      'keep it in a file of its own, and mount that into the server',
    )
  }
}

function invalid(message: string, hint: string): PluginError {
  return new PluginError('SECRET_INVALID', message, {hint})
}

/** A locked file is usable, by whoever has the key; only one that is not there and cannot be made is not. */
async function whyNowhere(path: string): Promise<string | undefined> {
  let at = resolve(path)
  while (!(await isThere(at)) && dirname(at) !== at) at = dirname(at)
  if (at === resolve(path)) return undefined
  try {
    // With its end, which only a folder may have.
    await access(join(at, sep), constants.W_OK)
    return undefined
  } catch {
    return `nothing can be written in ${at}`
  }
}

/** What cannot be looked at is there, and reading it says more. */
async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const code = systemCode(error)
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}
