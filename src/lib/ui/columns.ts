/** A column of a table that fits itself to a width. */
export interface Column {
  readonly head: string
  /** A shorter head, for when there is no room. */
  readonly short?: string
  /** Numbers end under each other. */
  readonly isNumber?: boolean
  /** The higher, the sooner it is left out; 0 and 1 stay, and what is too wide for them is cut off the first. */
  readonly leaves: number
}

/** Which columns are shown, and how wide. */
export interface Layout {
  readonly gap: number
  readonly shown: readonly {
    readonly index: number
    readonly head: string
    readonly width: number
    readonly isNumber: boolean
  }[]
}

const WIDE_GAP = 3
const NARROW_GAP = 2
/** Columns up to here are never left out. */
const LEAST = 1

/**
 * Finds the columns that fit: all of them as docker spaces them, else closer and with shorter heads, else without
 * those that matter least, else with the first cut as far as it must be.
 * @param rows one array of cells a line, without the heads
 * @param room `width` of the terminal, infinite where nothing is to be left out; `first`: so wide the first column stays
 *   before another is left out
 */
export function fitColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  {width, first}: {width: number; first: number},
): Layout {
  const orders = [...new Set(columns.map(({leaves}) => leaves))]
    .filter(order => order > LEAST)
    .toSorted((a, b) => b - a)
  const [whole, close] = [WIDE_GAP, NARROW_GAP].map(gap =>
    layout(columns, rows, {gap, isShort: false, most: Infinity}),
  )
  const shorter = orders.map(most => layout(columns, rows, {gap: NARROW_GAP, isShort: true, most}))
  const attempts = [whole, close, ...shorter.map(one => cutFirst(one, widthOf(one) - width, first))]
  return (
    attempts.find(attempt => attempt && widthOf(attempt) <= width) ??
    few(layout(columns, rows, {gap: NARROW_GAP, isShort: true, most: LEAST}), width)
  )
}

function layout(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  {gap, isShort, most}: {gap: number; isShort: boolean; most: number},
): Layout {
  const shown = columns.flatMap(({head, short, isNumber = false, leaves}, index) => {
    if (leaves > most) return []
    const title = isShort ? (short ?? head) : head
    const width = Math.max(title.length, ...rows.map(row => row[index]?.length ?? 0))
    return [{index, head: title, width, isNumber}]
  })
  return {gap, shown}
}

function widthOf({gap, shown}: Layout): number {
  return shown.reduce((sum, {width}) => sum + width + gap, 0) - (shown.length > 0 ? gap : 0)
}

function few(least: Layout, width: number): Layout {
  return cutFirst(least, widthOf(least) - width, 1)
}

function cutFirst(whole: Layout, excess: number, least: number): Layout {
  const [first, ...rest] = whole.shown
  if (!first || excess <= 0) return whole
  const width = Math.max(Math.min(first.width, least), first.width - excess)
  return {...whole, shown: [{...first, width}, ...rest]}
}

/** The heads as cells, each as wide as its column. */
export function headCells({shown}: Layout): readonly string[] {
  return shown.map(({head, width, isNumber}) => padded(head, width, isNumber))
}

/** The cells of a row that are shown, each as wide as its column. */
export function rowCells({shown}: Layout, row: readonly string[]): readonly string[] {
  return shown.map(({index, width, isNumber}) => padded(row[index] ?? '', width, isNumber))
}

/** Cells as one line. */
export function joinCells({gap}: Layout, cells: readonly string[]): string {
  return cells.join(' '.repeat(gap)).trimEnd()
}

function padded(cell: string, width: number, isNumber: boolean): string {
  const text = cutMiddle(cell, width)
  return isNumber ? text.padStart(width) : text.padEnd(width)
}

/** A text in at most so many columns, with a sign where something is missing. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text
  return width < 1 ? '' : `${text.slice(0, width - 1)}…`
}

/** As `cut`, for names: their ends tell them apart as often as their beginnings. */
function cutMiddle(text: string, width: number): string {
  const kept = width - 1
  if (text.length <= width || kept < 6) return cut(text, width)
  const end = Math.floor(kept / 3)
  return `${text.slice(0, kept - end)}…${text.slice(-end)}`
}
