/** A value, with what is in it when it has brackets. */
export interface TomlNode {
  readonly start: number
  readonly end: number
  readonly kind: 'plain' | 'list' | 'map'
  readonly members: readonly TomlMember[]
}

/** An item of a list, whose path is empty, or a pair of an inline table. */
export interface TomlMember {
  readonly path: readonly string[]
  readonly start: number
  readonly end: number
  readonly comma?: number | undefined
  readonly value: TomlNode
}

/** A table's header, or a pair. */
export interface Statement {
  readonly kind: 'table' | 'array' | 'pair'
  /** The whole way from the top; a number is the place in an array of tables. */
  readonly at: readonly (string | number)[]
  /** The header that the pair is under, as a whole way. */
  readonly under: readonly (string | number)[]
  readonly start: number
  readonly end: number
  /** Of a pair. */
  readonly value?: TomlNode
}

/**
 * Finds where everything in a TOML document stands.
 * @param text must have been parsed before: what is broken is not noticed here
 */
export function scanToml(text: string): readonly Statement[] {
  const statements: Statement[] = []
  const arrays = new Map<string, number>()
  let under: readonly (string | number)[] = []
  for (let at = skipSpace(text, 0); at < text.length; ) {
    const start = at
    if (text[at] === '[') {
      const isArray = text[at + 1] === '['
      const {path, end} = scanKey(text, skipBlank(text, at + (isArray ? 2 : 1)))
      under = resolve(path, arrays, isArray)
      at = skipBlank(text, end) + (isArray ? 2 : 1)
      statements.push({kind: isArray ? 'array' : 'table', at: under, under, start, end: at})
    } else {
      const {path, end} = scanKey(text, at)
      const value = scanValue(text, skipBlank(text, skipBlank(text, end) + 1))
      // A scanner that does not move on would not end.
      at = Math.max(value.end, start + 1)
      statements.push({kind: 'pair', at: [...under, ...path], under, start, end: at, value})
    }
    at = skipSpace(text, at)
  }
  return statements
}

/** A header names arrays of tables without saying which item it means: the last. */
function resolve(
  path: readonly string[],
  arrays: Map<string, number>,
  isArray: boolean,
): readonly (string | number)[] {
  const way: (string | number)[] = []
  for (const [depth, key] of path.entries()) {
    way.push(key)
    const name = JSON.stringify(way)
    const isNew = isArray && depth === path.length - 1
    if (isNew) arrays.set(name, (arrays.get(name) ?? -1) + 1)
    const index = arrays.get(name)
    if (index !== undefined) way.push(index)
  }
  return way
}

function scanKey(text: string, from: number): {path: readonly string[]; end: number} {
  const path: string[] = []
  for (let at = from; ; ) {
    const end = keyEnd(text, at)
    path.push(nameOf(text.slice(at, end)))
    const dot = skipBlank(text, end)
    if (text[dot] !== '.') return {path, end}
    at = skipBlank(text, dot + 1)
  }
}

function keyEnd(text: string, at: number): number {
  if (text[at] === '"' || text[at] === "'") return stringEnd(text, at)
  let end = at
  while (end < text.length && !/[\s.=\]]/.test(text[end] ?? '')) end += 1
  return end
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  e: '\u001B',
}

function nameOf(written: string): string {
  if (written.startsWith("'")) return written.slice(1, -1)
  if (!written.startsWith('"')) return written
  return written
    .slice(1, -1)
    .replaceAll(/\\(?:u([\dA-Fa-f]{4})|U([\dA-Fa-f]{8})|x([\dA-Fa-f]{2})|(.))/g, unescaped)
}

function unescaped(_all: string, ...found: (string | undefined)[]): string {
  const [short, long, byte, letter = ''] = found
  const code = short ?? long ?? byte
  return code === undefined
    ? (ESCAPES[letter] ?? letter)
    : String.fromCodePoint(Number.parseInt(code, 16))
}

function scanValue(text: string, start: number): TomlNode {
  const mark = text[start]
  if (mark === '"' || mark === "'") return plain(start, stringEnd(text, start))
  if (mark === '[' || mark === '{') return scanMembers(text, start)
  let end = start
  while (end < text.length && !/[,\]}#\n]/.test(text[end] ?? '')) end += 1
  return plain(start, start + text.slice(start, end).trimEnd().length)
}

function scanMembers(text: string, start: number): TomlNode {
  const kind = text[start] === '[' ? 'list' : 'map'
  const closing = kind === 'list' ? ']' : '}'
  const members: TomlMember[] = []
  let at = skipSpace(text, start + 1)
  while (at < text.length && text[at] !== closing) {
    const from = at
    const key = kind === 'map' ? scanKey(text, at) : {path: [], end: at}
    const value = scanValue(
      text,
      kind === 'map' ? skipSpace(text, skipSpace(text, key.end) + 1) : at,
    )
    const next = skipSpace(text, value.end)
    const comma = text[next] === ',' ? next : undefined
    members.push({path: key.path, start: from, end: value.end, comma, value})
    at = skipSpace(text, Math.max(comma === undefined ? next : comma + 1, from + 1))
  }
  return {start, end: at + 1, kind, members}
}

function plain(start: number, end: number): TomlNode {
  return {start, end, kind: 'plain', members: []}
}

function stringEnd(text: string, start: number): number {
  const quote = text[start] ?? ''
  const isLong = text.startsWith(quote.repeat(3), start)
  const closing = isLong ? quote.repeat(3) : quote
  for (let at = start + closing.length; at < text.length; at += 1) {
    if (quote === '"' && text[at] === '\\') at += 1
    else if (text.startsWith(closing, at)) {
      const end = at + closing.length
      // Up to two quotes may stand right before the three that close.
      return isLong ? end + leading(text.slice(end, end + 2), quote) : end
    }
  }
  return text.length
}

function leading(text: string, mark: string): number {
  const other = Array.from(text).findIndex(letter => letter !== mark)
  return other === -1 ? text.length : other
}

function skipBlank(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at += 1
  return at
}

/** Over white space, line breaks and comments. */
function skipSpace(text: string, from: number): number {
  let at = from
  for (;;) {
    while (at < text.length && /\s/.test(text[at] ?? '')) at += 1
    if (text[at] !== '#') return at
    const end = text.indexOf('\n', at)
    at = end === -1 ? text.length : end
  }
}
