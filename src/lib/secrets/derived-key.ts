import {hkdfSync, randomBytes} from 'node:crypto'
import type {KeyHeader} from './sealed-format.ts'

/** The key of a file, and what the file says about it. */
export interface FileKey {
  readonly header: KeyHeader
  /** 32 bytes for the cipher. */
  readonly bytes: Buffer
}

const PURPOSE = 'docker mcp secrets file 1'
const KEY_BYTES = 32
const CHECK_BYTES = 16

/** A new salt, in base64. */
export function newSalt(): string {
  return randomBytes(KEY_BYTES).toString('base64')
}

/**
 * The key that a file with this salt has: HKDF-SHA-256 (RFC 5869). A key file may be longer than a key, and may serve others
 * too; what is derived from it is for one file alone.
 * @param secret the bytes of a key file, or what scrypt made of a passphrase
 */
export function fileKey(secret: Buffer, about: Omit<KeyHeader, 'check'>): FileKey {
  const salt = Buffer.from(about.salt, 'base64')
  const okm = Buffer.from(hkdfSync('sha256', secret, salt, PURPOSE, KEY_BYTES + CHECK_BYTES))
  const check = okm.subarray(KEY_BYTES).toString('base64')
  return {header: {...about, check}, bytes: okm.subarray(0, KEY_BYTES)}
}

/** The key if this is the right secret for it, else undefined. */
export function matchingKey(secret: Buffer, header: KeyHeader): FileKey | undefined {
  const key = fileKey(secret, header)
  return key.header.check === header.check ? key : undefined
}
