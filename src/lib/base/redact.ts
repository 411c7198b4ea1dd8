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

/**
 * Makes a function that replaces every known secret value in a text with `[secret]`, in every form in which
 * programs usually print one: as it is, base64 and base64url (alone or inside a longer encoded text, such as
 * `user:password`), URL-encoded and JSON-escaped. Of a value with several lines, such as a PEM key, the longer ones
 * are masked each for itself, too: logs are read line by line. Values that overlap or touch become one mask.
 * @param values the secret values; those of three characters or fewer are left alone, since they would mask
 *   half of every text
 */
export function createRedactor(values: Iterable<string>): (text: string) => string {
  const forms = new WordAutomaton(formsOf(values))
  return text => {
    const stream = redactStream(forms)
    return stream.push(text) + stream.flush()
  }
}

/**
 * Like {@link createRedactor}, for a text that arrives in pieces: a value that is split across pieces is
 * masked too, and however the text is cut, the result is the same.
 */
export function createStreamRedactor(values: Iterable<string>): StreamRedactor {
  return redactStream(new WordAutomaton(formsOf(values)))
}

/** Every text to look for, each once. */
function formsOf(values: Iterable<string>): string[] {
  const forms = new Set<string>()
  for (const value of values) {
    if (value.length <= LONGEST_UNMASKED) continue
    for (const text of [value, ...linesOf(value)]) {
      for (const form of [text, ...jsonForms(text), ...urlForms(text), ...base64Forms(text)]) {
        forms.add(form)
      }
    }
  }
  return [...forms]
}

const LONGEST_UNMASKED = 3
/** Shorter lines are what many texts have, such as the braces of a JSON key. */
const SHORTEST_LINE = 8

/** The longer lines of a value that has several, without what programs strip of a line. */
function linesOf(value: string): string[] {
  const lines = value.split(/[\r\n]+/)
  if (lines.length === 1) return []
  return lines.map(line => line.trim()).filter(line => line.length >= SHORTEST_LINE)
}

/** The value inside a JSON string, and inside a JSON text that is itself a string of another one. */
function jsonForms(value: string): string[] {
  return [value, escapeJson(value)].flatMap(text => {
    const escaped = escapeJson(text)
    // Encoders differ: some escape the slash, some the characters that matter to HTML, some all but ASCII.
    const html = escaped.replace(/[<>&\u2028\u2029]/g, escapeUnit)
    const variants = [escaped, html, html.replace(/[^ -~]/g, escapeUnit)]
    return [...variants, ...variants.map(variant => variant.replaceAll('/', '\\/'))]
  })
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The value in a path, a query or a form, with the escapes in capitals (RFC 3986, 2.1) or in small letters. */
function urlForms(value: string): string[] {
  const text = value.toWellFormed()
  const component = encodeURIComponent(text)
  const strict = component.replace(/[!'()*]/g, percent)
  const form = strict.replaceAll('%2A', '*').replaceAll('~', '%7E').replaceAll('%20', '+')
  return [component, strict, encodeURI(text), form].flatMap(encoded => [
    encoded,
    encoded.replace(/%[0-9A-F]{2}/g, escape => escape.toLowerCase()),
  ])
}

function percent(unit: string): string {
  return `%${unit.charCodeAt(0).toString(16).toUpperCase()}`
}

/**
 * Base64 of the value alone, and what base64 makes of it where it begins one or two bytes into a group of
 * three. There, and where another byte follows, the digits that it shares with its neighbours are left out.
 */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value.toWellFormed())
  const alone = bytes.toString('base64')
  const inside = [0, 1, 2].map(offset => {
    const digits = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    return digits.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  })
  return [alone, alone.replaceAll('=', ''), ...inside].flatMap(digits => [
    digits,
    digits.replaceAll('+', '-').replaceAll('/', '_'),
  ])
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
