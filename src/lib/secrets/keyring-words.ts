/** What the library says, and what that means for a person: of Linux, macOS and Windows in this order. */
const WORDS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/prompt was dismissed/i, 'it is locked, and was not unlocked'],
  [/secret service: locked|is locked/i, 'it is locked'],
  [/no result found/i, 'the keyring service has no default keyring yet'],
  [/-25308|interaction is not allowed/i, 'it is locked, or this session cannot show its question'],
  [/-25293|passphrase you entered is not correct/i, 'its password was not the right one'],
  [/-128\b|user canceled/i, 'its owner did not allow it'],
  [/\b1312\b|no such logon session/i, 'this session, as one over ssh, has no Credential Manager'],
]

/**
 * The keyring library's error for a person: its own text where nothing better is known, without an end.
 * @param message one line, of the library or of our own
 */
export function inWords(message: string): string {
  const [, words] = WORDS.find(([pattern]) => pattern.test(message)) ?? []
  return words ?? message.slice(0, 200)
}

/** What Windows keeps of a credential at most, in bytes (wincred.h, `CRED_MAX_CREDENTIAL_BLOB_SIZE`: 5 times 512). */
const WINDOWS_MOST_BYTES = 2560

/** How long a value in the keyring of that platform may be, in bytes. */
export function mostBytes(platform: NodeJS.Platform): number {
  return platform === 'win32' ? WINDOWS_MOST_BYTES : Number.POSITIVE_INFINITY
}
