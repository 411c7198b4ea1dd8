/**
 * Breaks a text at spaces; a word that is wider than the screen stays whole, so that it can be copied.
 * @param columns width of the screen
 * @param indent what every line starts with
 * @returns lines without line ends
 */
export function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(/\s+/)) {
    const isFirst = line === indent
    if (!isFirst && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = indent + word
    } else line += isFirst ? word : ` ${word}`
  }
  return [...lines, line]
}

/** As `wrap`, but breaks words that are too wide, for screens where what runs over the edge cannot be seen. */
export function wrapWhole(text: string, columns: number, indent: string): string[] {
  const most = Math.max(1, columns)
  return wrap(text, most, indent).flatMap(line => {
    const pieces = Math.max(1, Math.ceil(line.length / most))
    return Array.from({length: pieces}, (_, piece) => line.slice(piece * most, (piece + 1) * most))
  })
}
