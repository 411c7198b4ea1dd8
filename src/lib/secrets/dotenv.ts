import {PluginError} from '../base/errors.ts'

/**
 * Reads `KEY=VALUE` lines. A line may start with `export`; a key may hold what names of secrets do
 * (see `isSecretName`); a value is plain (trimmed, cut before ` #`), in single quotes (taken as it is) or in double quotes (`\n \r \t \" \\ \$` are
 * escapes), and a quoted one may span lines. A later line replaces an earlier one of the same key. `\r\n` is a line break
 * like `\n`, also in quotes. A line with a name alone is wrong, though docker's files of variables have it for one of the
 * environment: it may as well be the second line of a value that stands in no quotes.
 * @param file the name to use in errors
 * @returns values by key, in the order of the file
 * @throws PluginError FILE_INVALID with `file:line`, never with what stands there
 */
export function parseDotenv(text: string, file: string): ReadonlyMap<string, string> {
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  const values = new Map<string, string>()
  for (let at = 0; at < source.length; ) {
    const bad = (reason: string) => badLine(`${file}:${lineAt(source, at)}`, reason)
    const blank = match(BLANK, source, at)
    if (blank) {
      at += blank[0].length
      continue
    }
    const name = match(NAME, source, at)
    if (!name) throw bad(NO_PAIR)
    const start = at + name[0].length
    const value = readValue(source, start)
    if (!value) throw bad('the quote is never closed')
    const rest = match(BLANK, source, value.end)
    if (!rest) throw bad('something follows the closing quote')
    values.set(name[1] ?? '', value.value)
    at = value.end + rest[0].length
  }
  return values
}

const NO_PAIR = 'the line is not KEY=VALUE: write KEY= if it has no value, or take it out'
const BLANK = /[^\S\n]*(?:#.*)?(?:\n|$)/y
const NAME = /[^\S\n]*(?:export[^\S\n]+)?([\w.:-][\w.:/-]*)[^\S\n]*=[^\S\n]*/y

/** Whether a line of such a file can have this name before its `=`. */
export function isKey(name: string): boolean {
  return /^[\w.:-][\w.:/-]*$/.test(name)
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['"', '"'],
  ['\\', '\\'],
  ['$', '$'],
])

/** Undefined when a quote is never closed. */
function readValue(source: string, at: number): {value: string; end: number} | undefined {
  const quote = source[at]
  if (quote !== "'" && quote !== '"') return readPlain(source, at)
  const close = quote === "'" ? source.indexOf("'", at + 1) : closingQuote(source, at + 1)
  if (close === -1) return undefined
  const inside = source.slice(at + 1, close)
  return {value: quote === "'" ? inside : unescape(inside), end: close + 1}
}

/** A loop and no pattern: a pattern runs out of stack in a value of some megabytes. */
function closingQuote(source: string, from: number): number {
  for (let at = from; at < source.length; at += 1) {
    if (source[at] === '"') return at
    if (source[at] === '\\') at += 1
  }
  return -1
}

function readPlain(source: string, at: number): {value: string; end: number} {
  const newline = source.indexOf('\n', at)
  const lineEnd = newline === -1 ? source.length : newline
  // From the character before, which is a space when the whole value is a comment.
  const comment = source.slice(at - 1, lineEnd).search(/\s#/)
  const end = comment === -1 ? lineEnd : Math.max(at, at - 1 + comment)
  return {value: source.slice(at, end).trim(), end}
}

function unescape(text: string): string {
  return text.replaceAll(/\\([^])/g, (all, letter: string) => ESCAPES.get(letter) ?? all)
}

function match(pattern: RegExp, source: string, at: number): RegExpExecArray | undefined {
  const sticky = new RegExp(pattern)
  sticky.lastIndex = at
  return sticky.exec(source) ?? undefined
}

function lineAt(source: string, at: number): number {
  return source.slice(0, at).split('\n').length
}

function badLine(where: string, reason: string): PluginError {
  return new PluginError('FILE_INVALID', `${where}: ${reason}`, {
    hint: 'write one KEY=VALUE a line, and put values with special characters or several lines in quotes',
  })
}
