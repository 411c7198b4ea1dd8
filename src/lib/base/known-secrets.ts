import {createRedactor} from './redact.ts'

/**
 * Secret values that this process has been given, for its last words: what ends it may come from anywhere, and must
 * not print them. For the whole process, as its end is.
 */
const known = new Map<string, string | Uint8Array>()

/** Remembers values until the process ends. */
export function rememberSecrets(values: Iterable<string | Uint8Array>): void {
  for (const value of values) known.set(Buffer.from(value).toString('base64'), value)
}

/** The text with a mask in place of each value that is remembered. */
export function maskKnownSecrets(text: string): string {
  return known.size === 0 ? text : createRedactor(known.values())(text)
}
