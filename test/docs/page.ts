import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'

/** The folder of the project, where README.md is. */
export const ROOT = join(import.meta.dirname, '..', '..')

/**
 * One fenced block of a page that is run, with what it must print. Its first line says how it is run:
 * `sh run` must succeed, `sh run fails` must fail, `sh serve` runs until the end of the page.
 */
export interface Step {
  /** Of the block's first line in the page, counted from 1. */
  readonly line: number
  readonly how: 'run' | 'run fails' | 'serve'
  readonly script: string
  /** The lines of the `text` block right below; `…` stands for any characters or lines. Empty: nothing is said. */
  readonly output: readonly string[]
}

/** The names of all pages, relative to the project: README.md, ARCHITECTURE.md and docs/. */
export async function pageNames(): Promise<readonly string[]> {
  const pages = (await readdir(join(ROOT, 'docs'))).filter(name => name.endsWith('.md'))
  return ['README.md', 'ARCHITECTURE.md', ...pages.toSorted().map(name => `docs/${name}`)]
}

export async function readPage(name: string): Promise<string> {
  return readFile(join(ROOT, name), 'utf8')
}

/** The steps of a page, in order. */
export function stepsOf(page: string): readonly Step[] {
  const blocks = [...page.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map(match => ({
    info: match[1] ?? '',
    body: (match[2] ?? '').trimEnd(),
    start: match.index,
    end: match.index + match[0].length,
  }))
  return blocks.flatMap(({info, body, start, end}, index) => {
    const how = HOWS.find(one => info === `sh ${one}`)
    if (how === undefined) return []
    const next = blocks[index + 1]
    const isOutput = next?.info === 'text' && page.slice(end, next.start).trim() === ''
    const output = isOutput ? next.body.split('\n') : []
    return [{line: page.slice(0, start).split('\n').length, how, script: body, output}]
  })
}

const HOWS = ['run', 'run fails', 'serve'] as const

/**
 * The first line that a page promises and a program did not print, in the page's order.
 * @returns undefined when all of them are there
 */
export function missingLine(output: readonly string[], printed: string): string | undefined {
  const lines = printed.split('\n').map(narrow)
  let from = 0
  for (const wanted of output) {
    if (wanted.trim() === '' || wanted.trim() === '…') continue
    const pattern = patternOf(narrow(wanted))
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line))
    if (at === -1) return wanted
    from = at + 1
  }
  return undefined
}

/** The width of a table's columns depends on what stands in them, and a page may show other things. */
function narrow(line: string): string {
  return line.trimEnd().replaceAll(/ {2,}/g, '  ')
}

function patternOf(line: string): RegExp {
  const parts = line.split('…').map(part => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}
