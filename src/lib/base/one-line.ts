/**
 * Foreign text for the middle of a line of our own: line breaks and other control characters, the invisible ones that
 * turn text around included, become `?`. Nobody may write lines that look like ours.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}
