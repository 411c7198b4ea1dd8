import {readdir, readFile} from 'node:fs/promises'
import {dirname, join, posix} from 'node:path'

import {describe, expect, test} from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** One import of a file: a module of ours by its path in the project, or a package by its name. */
interface Import {
  readonly from: string
  readonly to: string
  readonly isPackage: boolean
  readonly isType: boolean
  /** `import('…')`, which loads nothing before it is reached. */
  readonly isLate: boolean
}

/** Packages that only these files may import. A new dependency gets a line here. */
const DOORS: Readonly<Record<string, RegExp>> = {
  '@cfworker/json-schema': /^src\/lib\/gateway\/pipeline\/validate\.ts$/,
  '@modelcontextprotocol/sdk': /^src\/lib\/tools\//,
  '@napi-rs/keyring': /^src\/lib\/secrets\/keyring-program\.ts$/,
  '@sigstore/bundle': /^src\/lib\/images\/bundle\.ts$/,
  '@sigstore/verify': /^src\/lib\/images\/bundle\.ts$/,
  '@oclif/core': /^src\/(?:commands\/|lib\/[^/]+$|main)/,
  atomically: /^src\/lib\/files\/atomic\.ts$/,
  chokidar: /^src\/lib\/gateway\/watch\.ts$/,
  conf: /^src\/lib\/files\/settings\.ts$/,
  'dns-packet': /^src\/lib\/egress\/dns\.ts$/,
  dockerode: /^src\/lib\/engine\/dockerode\.ts$/,
  'eventsource-parser': /^src\/lib\/gateway\/wire\/events\.ts$/,
  'fastest-levenshtein': /^src\/lib\/(?:base\/near-names|command-line)\.ts$/,
  ink: /^src\/lib\/ui\/[^/]+\.tsx$/,
  'jsonc-parser': /^src\/lib\/clients\/json-tree\.ts$/,
  minisearch: /^src\/lib\/catalog\/search\.ts$/,
  'node:sqlite': /^src\/lib\/profile\/toolkit-database\.ts$/,
  'proper-lockfile': /^src\/lib\/files\/lock\.ts$/,
  react: /^src\/lib\/ui\/[^/]+\.tsx$/,
  'smol-toml': /^src\/lib\/clients\/toml-file\.ts$/,
  yaml: /^src\/lib\/(?:files\/|ui\/yaml-text\.ts$)/,
  zod: /^src\/lib\/(?:model|secrets|engine|images|catalog|clients|gateway)\//,
}
/** Their types cost nothing at run time and may be used anywhere. */
const TYPES_ARE_FREE = new Set(['@cfworker/json-schema', '@modelcontextprotocol/sdk'])
/** What takes a tenth of a second or more to load: reached only through `import()`. */
const HEAVY = new Set([
  '@modelcontextprotocol/sdk',
  '@napi-rs/keyring',
  '@sigstore/bundle',
  '@sigstore/verify',
  'conf',
  'dockerode',
  'ink',
  'react',
])

const files = new Map(
  await Promise.all(
    (await readdir(join(ROOT, 'src'), {recursive: true}))
      .filter(name => /\.tsx?$/.test(name))
      .map(name => posix.join('src', name.replaceAll('\\', '/')))
      .toSorted()
      .map(async name => [name, await readFile(join(ROOT, name), 'utf8')] as const),
  ),
)
const imports = [...files].flatMap(([from, text]) => importsOf(from, text))
const ranks = ranksOf(await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8'))

describe('the source', () => {
  test('has a rank in ARCHITECTURE.md for every room, and a room for every rank', () => {
    expect([...new Set([...files.keys()].map(roomOf))].toSorted()).toEqual(
      [...ranks.keys()].toSorted(),
    )
  })

  test('imports only from lower rooms, or from the same one', () => {
    const wrong = imports.filter(
      ({from, to, isPackage}) => !isPackage && !mayImport(roomOf(from), roomOf(to)),
    )
    expect(wrong.map(show)).toEqual([])
  })

  test('imports every package through its door', () => {
    const wrong = imports.filter(
      ({from, to, isPackage, isType}) =>
        isPackage && !DOORS[to]?.test(from) && !(isType && TYPES_ARE_FREE.has(to)),
    )
    expect(wrong.map(show)).toEqual([])
  })

  test('loads nothing heavy before a command needs it', () => {
    const starts = [...files.keys()].filter(name => /^src\/(?:main|commands\/.*)\.ts$/.test(name))
    const loaded = loadedAtOnce(starts)
    const heavy = imports.filter(one => loaded.has(one.from) && isLoading(one) && HEAVY.has(one.to))
    expect(heavy.map(show)).toEqual([])
  })

  test('has at most 250 lines in a file, blank ones and comments not counted', () => {
    const long = [...files].map(([name, text]) => ({name, lines: linesOfCode(text)}))
    expect(long.filter(({lines}) => lines > 250)).toEqual([])
  })

  test('has default exports in commands only', () => {
    const wrong = [...files].filter(
      ([name, text]) => /^export default\b/m.test(text) && !name.startsWith('src/commands/'),
    )
    expect(wrong.map(([name]) => name)).toEqual([])
  })
})

function importsOf(from: string, text: string): readonly Import[] {
  const statements = [
    ...text.matchAll(/^(?:import|export) (type )?(?:[\w*{][^'";=()]*? from )?'([^']+)'/gm),
  ].map(([, type, name = '']) => ({name, isType: type !== undefined, isLate: false}))
  const calls = [...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)].map(([, name = '']) => ({
    name,
    isType: false,
    isLate: true,
  }))
  return [...statements, ...calls].flatMap(({name, ...how}) => {
    if (name.startsWith('node:')) return []
    if (name.startsWith('.')) return toFile(posix.join(dirname(from), name), {from, ...how})
    const to = name
      .split('/')
      .slice(0, name.startsWith('@') ? 2 : 1)
      .join('/')
    return [{from, to, isPackage: true, ...how}]
  })
}

/** package.json is the one file outside of src that is imported. */
function toFile(to: string, how: Omit<Import, 'to' | 'isPackage'>): readonly Import[] {
  return to === 'package.json' ? [] : [{...how, to, isPackage: false}]
}

/** `src/lib/<room>/…` by its room; the files of src/lib itself, the commands and the entry by what they are. */
function roomOf(file: string): string {
  const [, lib, room = ''] = file.split('/')
  if (lib !== 'lib') return lib === 'commands' ? 'commands' : 'main'
  return room.endsWith('.ts') ? 'doors' : room
}

/** From the line `base < model < files, plugin < …`: the rank of each room. */
function ranksOf(page: string): ReadonlyMap<string, number> {
  const [, order = ''] = /^```ranks\n([^]*?)^```$/m.exec(page) ?? []
  const levels = order.split('<').map(level => level.split(',').map(room => room.trim()))
  return new Map(levels.flatMap((rooms, rank) => rooms.map(room => [room, rank] as const)))
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true
  if (from === 'ui') return to === 'base' || to === 'model'
  return (ranks.get(to) ?? Infinity) < (ranks.get(from) ?? -Infinity)
}

function loadedAtOnce(starts: readonly string[]): ReadonlySet<string> {
  const loaded = new Set(starts)
  // A set may grow while it is walked: what is added is walked, too.
  for (const file of loaded) {
    for (const one of imports) if (one.from === file && isLoading(one)) loaded.add(one.to)
  }
  return loaded
}

function isLoading({isType, isLate}: Import): boolean {
  return !isType && !isLate
}

function linesOfCode(text: string): number {
  const code = text.replaceAll(/^\s*\/\*[^]*?\*\/\s*$/gm, '')
  return code.split('\n').filter(line => !/^\s*(?:\/\/.*)?$/.test(line)).length
}

function show({from, to}: Import): string {
  return `${from} imports ${to}`
}
