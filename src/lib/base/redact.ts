import {formsOf} from './secret-forms.ts'
import {WordAutomaton} from './word-automaton.ts'

/** What stands in a text in place of a secret value. */
export const SECRET_MASK = '[secret]'

/** Masks secret values in a text that arrives in pieces. */
export interface StreamRedactor {
  /**
   * Takes the next piece and gives what can be shown of everything so far. Only an end that may be the
   * beginning of a value is held back: at most the length of the longest form of a value minus one.
   */
  push(chunk: string): string
  /** Gives what was held back, and starts anew. */
  flush(): string
}

/** Masks secret values. */
export interface Redactor {
  /** The text with `[secret]` in place of each value. */
  (text: string): string
  /**
   * For a text that arrives in pieces: a value that is split across pieces is masked too, and however the text is cut,
   * the result is the same.
   */
  stream(): StreamRedactor
}

/**
 * Knows secret values in every form in which programs usually print one, see {@link formsOf}. Values that overlap or
 * touch become one mask.
 * @param values the secret values; those of three characters or fewer are left alone
 */
export function createRedactor(values: Iterable<string | Uint8Array>): Redactor {
  const forms = new WordAutomaton(formsOf(values))
  const mask = (text: string) => {
    const stream = redactStream(forms)
    return stream.push(text) + stream.flush()
  }
  return Object.assign(mask, {stream: () => redactStream(forms)})
}

/** A part of the held text that is to be masked; `end` is exclusive. */
interface Run {
  readonly start: number
  readonly end: number
}

function redactStream(forms: WordAutomaton): StreamRedactor {
  let state = 0
  let held = ''
  let runs: readonly Run[] = []
  // The last thing given out is a mask, so that a run at the very start of the held text belongs to it.
  let isMasking = false

  function push(chunk: string): string {
    const text = held + chunk
    const found = [...runs]
    state = forms.read({text, from: held.length, state}, (word, end) => {
      cover(found, {start: end - forms.depth(word), end})
      return false
    })
    return release(text, found, text.length - forms.pending(state))
  }

  function release(text: string, found: readonly Run[], end: number): string {
    let shown = ''
    let from = 0
    for (const run of found) {
      if (run.start >= end) break
      shown += text.slice(from, run.start)
      if (run.start > 0 || !isMasking) shown += SECRET_MASK
      from = Math.min(run.end, end)
    }
    shown += text.slice(from, end)
    if (end > 0) isMasking = found.some(run => run.start < end && run.end >= end)
    held = text.slice(end)
    runs = found
      .filter(run => run.end > end)
      .map(run => ({start: Math.max(run.start - end, 0), end: run.end - end}))
    return shown
  }

  function flush(): string {
    const rest = release(held, runs, held.length)
    state = 0
    isMasking = false
    return rest
  }

  return {push, flush}
}

/** Adds a run, and makes one of all that overlap or touch it. Runs arrive in the order of their ends. */
function cover(runs: Run[], {start, end}: Run): void {
  let first = start
  for (let last = runs.at(-1); last && last.end >= first; last = runs.at(-1)) {
    first = Math.min(first, last.start)
    runs.pop()
  }
  runs.push({start: first, end})
}
