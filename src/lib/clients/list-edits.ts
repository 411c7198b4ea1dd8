import {isDeepStrictEqual} from 'node:util'
import type {Json} from '../base/json.ts'

/** Items that give way to others; both may be none. */
export interface ListEdit {
  /** The place of the first in the list as it is. */
  readonly at: number
  readonly gone: readonly Json[]
  readonly come: readonly Json[]
}

/** More items than this are compared by their ends only: it takes the product of both lists. */
const MOST_COMPARED = 1000

/**
 * What makes a list another one, with as many items as can be in their place.
 * @returns in their order; what is between two of them stays
 */
export function listEdits(current: readonly Json[], wanted: readonly Json[]): readonly ListEdit[] {
  const start = alike(current, wanted)
  const [had, want] = [current.slice(start), wanted.slice(start)]
  const end = alike(had.toReversed(), want.toReversed())
  const [gone, come] = [had.slice(0, had.length - end), want.slice(0, want.length - end)]
  if (gone.length === 0 && come.length === 0) return []
  if (Math.max(gone.length, come.length) > MOST_COMPARED) return [{at: start, gone, come}]
  return between(gone, come).map(edit => ({...edit, at: edit.at + start}))
}

/** How many items two lists have in common from their start. */
function alike(a: readonly Json[], b: readonly Json[]): number {
  const other = a.findIndex((item, index) => !isDeepStrictEqual(item, b[index]))
  return other === -1 ? a.length : other
}

function between(gone: readonly Json[], come: readonly Json[]): readonly ListEdit[] {
  const common = commonLengths(gone, come)
  const edits: ListEdit[] = []
  let [from, into] = [0, 0]
  let open = {gone: from, come: into}
  const close = () => {
    const edit = {
      at: open.gone,
      gone: gone.slice(open.gone, from),
      come: come.slice(open.come, into),
    }
    if (edit.gone.length + edit.come.length > 0) edits.push(edit)
  }
  while (from < gone.length || into < come.length) {
    const here = common[from]?.[into] ?? 0
    if (from < gone.length && (common[from + 1]?.[into] ?? 0) === here) from += 1
    else if (into < come.length && (common[from]?.[into + 1] ?? 0) === here) into += 1
    else {
      close()
      from += 1
      into += 1
      open = {gone: from, come: into}
    }
  }
  close()
  return edits
}

/** The length of the longest common subsequence of what follows two places. */
function commonLengths(gone: readonly Json[], come: readonly Json[]): readonly Uint16Array[] {
  const lengths = Array.from({length: gone.length + 1}, () => new Uint16Array(come.length + 1))
  for (let from = gone.length - 1; from >= 0; from -= 1) {
    for (let into = come.length - 1; into >= 0; into -= 1) {
      const [row, below] = [lengths[from], lengths[from + 1]]
      if (!row || !below) continue
      row[into] = isDeepStrictEqual(gone[from], come[into])
        ? (below[into + 1] ?? 0) + 1
        : Math.max(below[into] ?? 0, row[into + 1] ?? 0)
    }
  }
  return lengths
}
