/**
 * A word as shells take it, for commands that a person is to copy, where names in catalogs are somebody else's, and for
 * those that ssh hands to the shell on another machine.
 * @returns the word itself when nothing in it means anything to a shell, else in single quotes (POSIX, "Shell Command
 *   Language", 2.2.2)
 */
export function shellWord(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
