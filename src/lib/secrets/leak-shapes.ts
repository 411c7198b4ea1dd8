/** How one kind of credential is recognised. */
export interface LeakRule {
  /** Stable name, for logs and policies. */
  readonly id: string
  /** What it is, for a person. */
  readonly title: string
  /** In small letters. The pattern can only match where one of them stands, in whatever case. */
  readonly keywords: readonly string[]
  /**
   * Matches from the keyword on. Every repetition in it is bounded, so that one attempt costs a bounded number
   * of steps and a whole scan is linear in the text.
   */
  readonly pattern: RegExp
}

/** Letters and digits. */
export const ALNUM = '[A-Za-z0-9]'

/** Hexadecimal digits. */
export const HEX = '[0-9A-Fa-f]'

/** The alphabet of base64url, with the padding. */
export const URL64 = '[\\w=-]'

/**
 * A quotation mark as it looks in JSON that was put into JSON up to three times (one, three, seven
 * backslashes), or as the escape that encoders for HTML write.
 */
export const QUOTE = '\\\\{0,7}(?:["\'`]|u002[27])'

/** White space and its escapes, a few at most. */
export const SPACE = '(?:\\s|\\\\{1,7}[nrt]){0,8}'

/**
 * What stands between a name and its value in configuration files, source, JSON, YAML, XML and URLs. Encoders
 * for HTML escape the equals sign and the angle bracket, too.
 */
export const ASSIGN = `(?:${QUOTE}\\s{0,2})?(?::=|=>|<=|\\|\\||[=:>,]|\\\\{1,7}u003[de]|%3[ad])${SPACE}`

/** Escapes whose last character is no part of the text: of JSON and source, of URLs, of terminal colours. */
export const ESCAPED = '\\\\[bfnrt]|\\\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|\\[[0-9;]{0,8}m'
