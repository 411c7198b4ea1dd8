import {createCipheriv, createDecipheriv, randomBytes} from 'node:crypto'
import {PluginError} from '../base/errors.ts'
import type {FileKey} from './derived-key.ts'
import {damaged, type Header, headerText, type SealedFile} from './sealed-format.ts'

/** readTextFile reads no more, so a larger file would be lost. */
const MOST_TEXT = 16 * 1024 * 1024
const NONCE_BYTES = 12
const LENGTH_BYTES = 4

/**
 * Encrypts secrets: AES-256-GCM (NIST SP 800-38D) with a fresh random nonce. All that is not encrypted is authenticated,
 * so nothing in the file can be changed unnoticed.
 * @returns the text of the file
 * @throws PluginError SECRET_INVALID when there is more than a file may hold
 */
export function seal(secrets: ReadonlyMap<string, Buffer>, key: FileKey): string {
  const names = [...secrets.keys()].toSorted()
  const nonce = randomBytes(NONCE_BYTES)
  const header: Header = {
    version: 1,
    cipher: 'aes-256-gcm',
    key: key.header,
    // In the clear, since whoever lists servers must know what is there without unlocking anything. What cannot be
    // changed without the key is the list; that it can be read is the price.
    names,
    nonce: nonce.toString('base64'),
  }
  const plain = packed(names.map(name => secrets.get(name) ?? Buffer.alloc(0)))
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(authenticated(header))
  const data = Buffer.concat([cipher.update(plain), cipher.final()])
  plain.fill(0)
  const file = {
    ...header,
    data: data.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
  }
  const text = `${JSON.stringify(file, undefined, 2)}\n`
  if (Buffer.byteLength(text) > MOST_TEXT) throw tooMuch()
  return text
}

/**
 * Decrypts what {@link seal} gave.
 * @param key the right one, see `FileKey`
 * @param path for errors
 * @throws PluginError FILE_INVALID when anything in it is not as it was written
 */
export function unseal(
  sealed: SealedFile,
  key: FileKey,
  path: string,
): ReadonlyMap<string, Buffer> {
  const {header, data, tag} = sealed
  const nonce = Buffer.from(header.nonce, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, {authTagLength: tag.length})
  decipher.setAAD(authenticated(header)).setAuthTag(tag)
  try {
    const plain = Buffer.concat([decipher.update(data), decipher.final()])
    const values = unpacked(plain)
    plain.fill(0)
    if (values.length === header.names.length) {
      return new Map(header.names.map((name, index) => [name, values[index] ?? Buffer.alloc(0)]))
    }
  } catch {
    // What the cipher says is no help to anybody.
  }
  throw damaged(path, 'something in it was changed after it was written')
}

function authenticated(header: Header): Buffer {
  return Buffer.from(headerText(header))
}

/** Each value after its length: bytes stay bytes, and no copy of them is left in a string. */
function packed(values: readonly Buffer[]): Buffer {
  const plain = Buffer.alloc(
    values.reduce((total, value) => total + LENGTH_BYTES + value.length, 0),
  )
  let at = 0
  for (const value of values) {
    at = plain.writeUInt32BE(value.length, at)
    at += value.copy(plain, at)
  }
  return plain
}

function unpacked(plain: Buffer): readonly Buffer[] {
  const values: Buffer[] = []
  for (let at = 0; at < plain.length; ) {
    const start = at + LENGTH_BYTES
    at = start + plain.readUInt32BE(at)
    values.push(Buffer.from(plain.subarray(start, at)))
  }
  return values
}

function tooMuch(): PluginError {
  return new PluginError(
    'SECRET_INVALID',
    'the encrypted file would be larger than 16 MiB: the secrets in it are too many or too large',
    {hint: 'remove some, or keep large files elsewhere and mount them: docker mcp secret rm NAME'},
  )
}
