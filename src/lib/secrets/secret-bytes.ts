import {isUtf8} from 'node:buffer'

/** More than any key, certificate or token has; Kubernetes has the same limit for its secrets. */
export const MOST_SECRET_BYTES = 1024 * 1024

/**
 * What a file says that is one secret: its bytes, without the line break behind a single line of text, which editors
 * and `echo` leave there and no token has. Keys of several lines and binary ones stay as they are.
 */
export function secretInFile(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0x0a)
  if (end === -1 || end !== bytes.length - 1) return bytes
  const line = bytes.subarray(0, bytes[end - 1] === 0x0d ? end - 1 : end)
  return isUtf8(line) && !line.some(isControl) ? line : bytes
}

/** @returns the text that the bytes are; undefined when they are none that a variable or a header can have */
export function secretText(bytes: Buffer): string | undefined {
  return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString() : undefined
}

function isControl(byte: number): boolean {
  return byte < 0x20 && byte !== 0x09
}
