/**
 * Shows control characters instead of obeying them, so that no text of a server or a catalog can steer the terminal
 * (ECMA-48 control sequences). Line ends and tabs stay.
 * @returns the text with `\x1b` where an escape character was, and so on
 */
export function visible(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/(?![\n\t])\p{Cc}/gu, char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
