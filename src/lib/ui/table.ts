/**
 * Text in columns, as docker prints its lists: upper-case heads, three spaces between. The last column is cut to
 * the terminal's width; line breaks and runs of blanks in a cell become one blank.
 * @param rows one array of cells a line, the first row being the heads
 * @param width columns of the terminal; undefined when stdout is no terminal, then nothing is cut
 */
export function table(rows: readonly (readonly string[])[], width?: number): string {
  const lines = rows.map(row => row.map(cell => cell.replace(/\s+/g, ' ').trim()))
  const widths: number[] = []
  for (const row of lines) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    })
  }
  return lines.map(row => `${cut(line(row, widths), width)}\n`).join('')
}

function line(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('   ')
    .trimEnd()
}

function cut(text: string, width: number | undefined): string {
  return width === undefined || text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
