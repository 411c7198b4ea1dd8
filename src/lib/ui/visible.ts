/**
 * Shows control characters instead of obeying them, so that no text of a server or a catalog can steer the terminal
 * (ECMA-48 control sequences) nor make a line seem to say something else (Unicode's controls of direction, UAX #9, and
 * its own ends of lines). Line ends and tabs stay.
 * @returns the text with `\x1b` where an escape character was, `\u202e` for what has more digits
 */
export function visible(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, escaped)
}

function escaped(char: string): string {
  const code = char.charCodeAt(0)
  const digits = code.toString(16)
  return code < 0x100 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`
}
