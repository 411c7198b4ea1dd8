import {createCipheriv, createDecipheriv, randomBytes} from 'node:crypto'
import {isJsonObject, type JsonObject} from '../../base/json.ts'

/** Names the format; it is part of what is authenticated. */
const VERSION = 'v1.'
const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
/** 96 bits, at random: fit for some billions of texts under one key (NIST SP 800-38D, 8.3). */
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Characters. */
const LONGEST = 256 * 1024

/**
 * Closes JSON up in a text that a client keeps for us and cannot read, make or change: AES-256-GCM under a key that
 * only this process ever has.
 */
export class Seal {
  readonly #key = randomBytes(KEY_BYTES)

  /** @throws RangeError for what would be longer than 256 KiB, which could not be opened again */
  seal(value: JsonObject): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, nonce, {authTagLength: TAG_BYTES})
    cipher.setAAD(Buffer.from(VERSION))
    const hidden = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
    const sealed = Buffer.concat([nonce, cipher.getAuthTag(), hidden]).toString('base64url')
    const text = VERSION + sealed
    if (text.length > LONGEST) throw new RangeError('too much to be sealed')
    return text
  }

  /** @returns what was sealed here; undefined for every text that was not, or is not whole and unchanged */
  open(text: string): JsonObject | undefined {
    if (text.length > LONGEST || !text.startsWith(VERSION)) return undefined
    const encoded = text.slice(VERSION.length)
    const bytes = Buffer.from(encoded, 'base64url')
    // Several texts stand for the same bytes; only one of them was made here.
    if (bytes.toString('base64url') !== encoded) return undefined
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
    const opened = this.#decrypt(bytes)
    const value: unknown = opened === undefined ? undefined : JSON.parse(opened)
    return isJsonObject(value) ? value : undefined
  }

  #decrypt(bytes: Buffer): string | undefined {
    const tagAt = NONCE_BYTES + TAG_BYTES
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, {authTagLength: TAG_BYTES})
    decipher.setAAD(Buffer.from(VERSION))
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, tagAt))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(tagAt)), decipher.final()]).toString()
    } catch {
      return undefined
    }
  }
}
