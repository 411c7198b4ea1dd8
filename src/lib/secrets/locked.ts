import {PluginError} from '../base/errors.ts'
import type {KeyHeader} from './sealed-format.ts'
import {setCommand} from './store.ts'

/** @param paths the key files that were tried */
export function wrongKeyFile(
  file: string,
  paths: readonly string[],
  header: KeyHeader,
): PluginError {
  return locked(
    `${file} was not encrypted with the key in ${paths.join(' or ')}`,
    `it was last written with ${header.path}: name that file in DOCKER_MCP_SECRETS_KEY_FILE, and change keys with docker mcp secret rekey`,
  )
}

/** A key file that belongs to a file of secrets is not there. A new one would open nothing. */
export function keyFileGone(file: string, path: string): PluginError {
  return new PluginError('FILE_MISSING', `the key file ${path} of ${file} does not exist`, {
    hint: 'put it back, or name the place where it is now in DOCKER_MCP_SECRETS_KEY_FILE',
  })
}

/** There is nobody to ask for the passphrase, and no variable has it. */
export function noPassphrase(file: string): PluginError {
  return locked(
    `${file} needs its passphrase`,
    'set DOCKER_MCP_SECRETS_PASSPHRASE, or name a file that has it in DOCKER_MCP_SECRETS_PASSPHRASE_FILE',
  )
}

/** Another passphrase gives another key. */
export function wrongPassphrase(file: string): PluginError {
  return locked(
    `the passphrase is not the one that ${file} was encrypted with`,
    `give the right one; if it is lost, remove the file and set the secrets again (${setCommand()})`,
  )
}

/** @param keyPath the file where the key belongs; undefined for the keyring */
export function keyGone(file: string, keyPath: string | undefined): PluginError {
  return locked(
    `the key of ${file} is not in ${keyPath ?? 'the keyring'}`,
    keyPath === undefined
      ? 'use the keyring of the user who wrote the file; if its entry is lost, remove the file and set the secrets again'
      : `put ${keyPath} back; without it, remove the file and set the secrets again (${setCommand()})`,
  )
}

/** @param keyPath the file where the key is; undefined for the keyring */
export function changedKey(file: string, keyPath: string | undefined): PluginError {
  return locked(
    `the key in ${keyPath ?? 'the keyring'} is not the one that ${file} was encrypted with: one of the two was changed`,
    `put back a copy of both; without one, remove them and set the secrets again (${setCommand()})`,
  )
}

/** @param why from the keyring itself */
export function noKeyring(file: string, why: string): PluginError {
  return locked(
    `the key of ${file} belongs in the keyring, which cannot be used: ${why}`,
    'go to where the keyring is, and choose a key there that needs none: docker mcp secret rekey --own-key, or --passphrase',
  )
}

/**
 * There is no keyring to put a key into.
 * @param why from the keyring itself
 */
export function nowhereToKeep(why: string): PluginError {
  return new PluginError(
    'STORE_UNUSABLE',
    `there is no keyring here: ${why}; nothing was changed`,
    {
      hint: 'choose another key: --own-key, --passphrase or --key-file',
    },
  )
}

function locked(message: string, hint: string): PluginError {
  return new PluginError('SECRET_LOCKED', message, {hint})
}
