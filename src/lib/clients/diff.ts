const CONTEXT = 2

/** What of a client's file is no secret, since it is our own entry. */
export interface Ours {
  /** A file with our entry and nothing else. */
  readonly text: string
  /** Its keys and values. */
  readonly words: ReadonlySet<string>
}

/**
 * What differs between two texts, as a unified diff of one part. Of what is not ours, only keys are shown: files of clients
 * have credentials in them.
 * @param ours undefined when nothing is
 * @returns '' for equal texts
 */
export function diffOf({
  path,
  before,
  after,
  ours,
}: {
  path: string
  before: string | undefined
  after: string | undefined
  ours?: Ours | undefined
}): string {
  const old = linesOf(before ?? '')
  const now = linesOf(after ?? '')
  if (before === after) return ''
  const same = commonStart(old, now)
  const end = commonStart(old.slice(same).toReversed(), now.slice(same).toReversed())
  const gone = old.slice(same, old.length - end)
  const come = now.slice(same, now.length - end)
  const above = old.slice(Math.max(0, same - CONTEXT), same)
  const below = old.slice(old.length - end, old.length - end + CONTEXT)
  const start = same - above.length + 1
  const count = (own: readonly string[]) => above.length + own.length + below.length
  const shown = masked(ours)
  return [
    `--- ${before === undefined ? 'no file' : path}`,
    `+++ ${after === undefined ? 'no file' : path}`,
    `@@ -${start},${count(gone)} +${start},${count(come)} @@`,
    ...above.map(line => ` ${shown(line)}`),
    ...gone.map(line => `-${shown(line)}`),
    ...come.map(line => `+${shown(line)}`),
    ...below.map(line => ` ${shown(line)}`),
    '',
  ].join('\n')
}

/** Quoted texts, marks, and what stands between them. */
const TOKEN = /"(?:\\.|[^"\\])*"|'[^']*'|[:=]+|[^\s{}[\](),:="']+|["']/g
/** A key that a line begins with; a text in base64 may end with `=`. */
const LINE_KEY = /^\s*(?:-\s+)?(?:"[^"]*"|[\w.-]+)\s*(?::(?=\s|$)|=(?=[\s"'[{]))/
/** At the start of a line, where JSON and YAML have no list that could be taken for it. */
const TABLE = /^\[{1,2}\w[^\]=]*\]{1,2}\s*$/

/** How a line is shown: what is not ours, and no key, is hidden. */
function masked(ours: Ours | undefined): (line: string) => string {
  const own = new Set(linesOf(ours?.text ?? '').map(bare))
  const words = ours?.words ?? new Set()
  return line => {
    if (own.has(bare(line)) || TABLE.test(line)) return line
    const head = LINE_KEY.exec(line)?.[0] ?? ''
    const rest = line.slice(head.length)
    const hidden = rest.replace(TOKEN, (token, at: number) => {
      const isKey = /^["]/.test(token) && /^\s*:/.test(rest.slice(at + token.length))
      return isKey || /^[:=]$/.test(token) || words.has(unquoted(token)) ? token : '…'
    })
    return head + hidden.replace(/…(?:[\s,:=]*…)+/g, '…')
  }
}

function bare(line: string): string {
  return line.trim().replace(/,$/, '')
}

function unquoted(token: string): string {
  return /^(["']).*\1$/s.test(token) ? token.slice(1, -1) : token
}

function commonStart<T>(a: readonly T[], b: readonly T[]): number {
  let count = 0
  while (count < Math.min(a.length, b.length) && a[count] === b[count]) count += 1
  return count
}

function linesOf(text: string): readonly string[] {
  if (text === '') return []
  const lines = text.split(/\r?\n/)
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}
