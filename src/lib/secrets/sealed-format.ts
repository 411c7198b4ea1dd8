import {PluginError} from '../base/errors.ts'
import {canonical, isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {isSafeCost, type ScryptCost} from './passphrase.ts'
import {isSecretName, setCommand} from './store.ts'

/** Where the key of a file comes from. */
export type KeyKind = 'key-file' | 'passphrase' | 'keyring' | 'own-key'

/** What a file says about its key: enough to find the right one, and nothing that helps to guess it. */
export interface KeyHeader {
  readonly kind: KeyKind
  /** 32 random bytes in base64, new with each key. */
  readonly salt: string
  /** 16 bytes in base64 that follow from the key, so that a wrong key and a changed file are told apart. */
  readonly check: string
  /** `passphrase`: what it costs to derive the key. */
  readonly scrypt?: ScryptCost | undefined
  /** `key-file`: the file, for the time when nobody names it. */
  readonly path?: string | undefined
  /** `keyring`, `own-key`: which of the keys that are kept there. */
  readonly id?: string | undefined
}

/** All of a file that is not encrypted. */
export interface Header {
  readonly version: 1
  readonly cipher: 'aes-256-gcm'
  readonly key: KeyHeader
  readonly names: readonly string[]
  readonly nonce: string
}

/** An encrypted file, taken apart. Nothing in it counts before it was decrypted with success. */
export interface SealedFile {
  readonly header: Header
  readonly data: Buffer
  readonly tag: Buffer
}

/**
 * Takes the text of an encrypted file apart.
 * @param path for errors
 * @throws PluginError FILE_INVALID when it is not what this version writes, saying whether a newer one did
 */
export function parseSealed(text: string, path: string): SealedFile {
  const value = parsed(text, path)
  const {version} = value
  if (typeof version === 'number' && Number.isInteger(version) && version > 1) {
    throw new PluginError('FILE_INVALID', `${path} was written by a newer version of docker mcp`, {
      hint: `update docker mcp; this version knows version 1 of the file, and that is version ${version}`,
    })
  }
  const header = headerIn(value)
  const data = bytesIn(value['data'])
  const tag = bytesIn(value['tag'], 16)
  const {data: _data, tag: _tag, ...rest} = value
  // One comparison finds every member that is unknown.
  if (!header || !data || !tag || headerText(header) !== textOf(rest)) {
    throw damaged(path, 'it does not have the shape of a file of secrets')
  }
  return {header, data, tag}
}

/** What the cipher authenticates: the same text for the same header, however the file is laid out. */
export function headerText(header: Header): string {
  return canonical(JSON.parse(JSON.stringify(header)))
}

/** The error for a file that cannot be what was written. */
export function damaged(path: string, reason: string): PluginError {
  return new PluginError('FILE_INVALID', `${path} is damaged: ${reason}`, {
    hint: `put back a copy of it; without one, remove it and set the secrets again (${setCommand()})`,
  })
}

function parsed(text: string, path: string): JsonObject {
  try {
    const value: Json = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    // The parser's message quotes what is there.
  }
  throw damaged(path, text.trim() === '' ? 'it is empty' : 'it is cut off, or is no JSON')
}

function headerIn(value: JsonObject): Header | undefined {
  const key = keyHeaderIn(value['key'])
  const {names, nonce} = value
  if (!key || value['version'] !== 1 || value['cipher'] !== 'aes-256-gcm') return undefined
  if (typeof nonce !== 'string' || !bytesIn(nonce, 12)) return undefined
  if (!Array.isArray(names) || !names.every(isName)) return undefined
  if (new Set(names).size !== names.length) return undefined
  return {version: 1, cipher: 'aes-256-gcm', key, names, nonce}
}

function isName(name: Json): name is string {
  return typeof name === 'string' && isSecretName(name)
}

function keyHeaderIn(value: Json | undefined): KeyHeader | undefined {
  if (!isJsonObject(value)) return undefined
  const {kind, salt, check, scrypt, path, id} = value
  if (typeof salt !== 'string' || !bytesIn(salt, 32)) return undefined
  if (typeof check !== 'string' || !bytesIn(check, 16)) return undefined
  const common = {salt, check}
  if (kind === 'passphrase') {
    const cost = costIn(scrypt)
    return cost && {kind, ...common, scrypt: cost}
  }
  if (kind === 'key-file') return typeof path === 'string' ? {kind, ...common, path} : undefined
  if (kind !== 'keyring' && kind !== 'own-key') return undefined
  return typeof id === 'string' && /^[0-9a-f]{16}$/.test(id) ? {kind, ...common, id} : undefined
}

function costIn(value: Json | undefined): ScryptCost | undefined {
  if (!isJsonObject(value)) return undefined
  const {N, r, p} = value
  if (typeof N !== 'number' || typeof r !== 'number' || typeof p !== 'number') return undefined
  return isSafeCost({N, r, p}) ? {N, r, p} : undefined
}

/** Undefined for what is not base64 exactly as it is written here: each text then stands for other bytes. */
function bytesIn(value: Json | undefined, length?: number): Buffer | undefined {
  if (typeof value !== 'string') return undefined
  const bytes = Buffer.from(value, 'base64')
  if (bytes.toString('base64') !== value) return undefined
  return length === undefined || bytes.length === length ? bytes : undefined
}

/** Undefined for what is nested so deeply that no file of ours is. */
function textOf(value: JsonObject): string | undefined {
  try {
    return canonical(value)
  } catch {
    return undefined
  }
}
