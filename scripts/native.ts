/**
 * `npm run native`: builds the programs of src/native for both architectures and writes them into
 * src/lib/engine/programs.ts. With `--check` it builds them elsewhere and compares them with what is committed.
 */
import {createHash} from 'node:crypto'
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {gunzipSync, gzipSync} from 'node:zlib'

import {systemCode} from '../src/lib/base/errors.ts'
import {capture, report, runMain} from './process.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCES = join(ROOT, 'src', 'native')
const GENERATED = join(ROOT, 'src', 'lib', 'engine', 'programs.ts')

/** Debian's names of the compilers, which are the same whatever the machine's own architecture is. */
const TARGETS = {amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu'} as const
const PROGRAMS = ['shim', 'relay'] as const

const ADVICE = 'apt-get install gcc gcc-aarch64-linux-gnu (Debian 12, amd64)'

const FLAGS = [
  '-std=gnu11',
  '-Os',
  '-Wall',
  '-Wextra',
  '-Werror',
  // Nothing but our own code: no C library, no start files, no helpers that the compiler would like to call.
  '-ffreestanding',
  '-nostdlib',
  '-nostartfiles',
  '-static',
  '-fno-builtin',
  '-fno-tree-loop-distribute-patterns',
  '-fno-stack-protector',
  // Nothing that only costs room.
  '-fno-pic',
  '-no-pie',
  '-fomit-frame-pointer',
  '-fno-asynchronous-unwind-tables',
  '-fno-unwind-tables',
  '-fno-jump-tables',
  '-fno-ident',
  '-Wl,-s,--build-id=none,-z,noexecstack,-z,norelro,-z,noseparate-code',
]

/** The name of a program in the archive and in the volume. */
type ProgramFiles = ReadonlyMap<string, Buffer>

/**
 * Builds the four programs.
 * @param folder where they are written to, as `shim-amd64` and so on
 * @throws Error with the compiler's words
 */
export async function build(folder: string): Promise<ProgramFiles> {
  const files = new Map<string, Buffer>()
  for (const [architecture, target] of Object.entries(TARGETS)) {
    for (const program of PROGRAMS) {
      const name = `${program}-${architecture}`
      const output = join(folder, name)
      await compile(target, join(SOURCES, `${program}.c`), output)
      files.set(name, await readFile(output))
    }
  }
  return files
}

async function compile(target: string, source: string, output: string): Promise<void> {
  const {code, stderr} = await capture(`${target}-gcc`, [...FLAGS, '-o', output, source], {
    timeout: 60_000,
  })
  if (code !== 0) throw new Error(`${target}-gcc failed:\n${stderr.trim()}`)
}

/**
 * Which compilers and linkers are installed, in one line that is the same for those that build the same bytes.
 * @returns undefined when one of them is missing
 */
export async function installedCompiler(): Promise<string | undefined> {
  const versions = new Set<string>()
  for (const target of Object.values(TARGETS)) {
    const gcc = await firstLine(`${target}-gcc`, ['-dumpfullversion'])
    const ld = await firstLine(`${target}-ld`, ['--version'])
    if (gcc === undefined || ld === undefined) return undefined
    versions.add(`gcc ${gcc}, ld ${ld.split(' ').at(-1)}`)
  }
  return [...versions].join('; ')
}

async function firstLine(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const {stdout} = await capture(command, args, {timeout: 10_000})
    return stdout.split('\n')[0]
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    return undefined
  }
}

/** What src/lib/engine/programs.ts holds: the programs, and what they were built with. */
export async function committed(): Promise<{readonly files: ProgramFiles; compiler: string}> {
  const {PROGRAMS_ARCHIVE, PROGRAMS_COMPILER} = await import('../src/lib/engine/programs.ts')
  const tar = gunzipSync(Buffer.from(PROGRAMS_ARCHIVE, 'base64'))
  return {files: filesOf(tar), compiler: PROGRAMS_COMPILER}
}

/** The files of a tar that `archiveOf` made. */
function filesOf(tar: Buffer): ProgramFiles {
  const files = new Map<string, Buffer>()
  for (let at = 0; tar[at] !== 0; ) {
    const name = tar.toString('latin1', at, tar.indexOf(0, at))
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8)
    files.set(name, tar.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** A ustar archive (POSIX pax(1)) of programs that are owned by root and cannot be written to; the same for the same files. */
function archiveOf(files: ProgramFiles): Buffer {
  const parts = [...files].flatMap(([name, content]) => [
    headerOf(name, content.length),
    content,
    Buffer.alloc(-content.length & 511),
  ])
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, at: number, digits: number) =>
    header.write(value.toString(8).padStart(digits, '0'), at)
  header.write(name, 0)
  octal(0o555, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size, 124, 11)
  octal(0, 136, 11)
  header.write('        0', 148)
  header.write('ustar\x0000', 257)
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  )
  header.write('\x00 ', 154)
  return header
}

/** The text of src/lib/engine/programs.ts. */
function moduleOf(files: ProgramFiles, compiler: string): string {
  const tar = archiveOf(files)
  const archive = gzipSync(tar, {level: 9}).toString('base64')
  const digest = createHash('sha256').update(tar).digest('hex').slice(0, 12)
  return [
    '// Made from src/native by `npm run native`; `npm run native -- --check` compares.',
    '',
    `/** A gzipped tar with ${[...files.keys()].join(', ')} at its top, mode 0555, owner 0, mtime 0. */`,
    'export const PROGRAMS_ARCHIVE =',
    `  '${archive}'`,
    '',
    '/** Names the volume that holds them: the first 12 hex digits of the sha256 of the tar inside. */',
    `export const PROGRAMS_DIGEST = '${digest}'`,
    '',
    '/** What built them. Another compiler builds other bytes of the same sources. */',
    `export const PROGRAMS_COMPILER = '${compiler}'`,
    '',
  ].join('\n')
}

/**
 * Compares two builds bit for bit.
 * @returns the names of the programs that differ or that only one has
 */
export function differences(a: ProgramFiles, b: ProgramFiles): readonly string[] {
  const names = new Set([...a.keys(), ...b.keys()])
  return [...names].filter(name => {
    const [one, other] = [a.get(name), b.get(name)]
    return one === undefined || other === undefined || !one.equals(other)
  })
}

async function generate(compiler: string): Promise<number> {
  const files = await inTemporaryFolder(build)
  await writeFile(GENERATED, moduleOf(files, compiler))
  const sizes = [...files].map(([name, content]) => `${name} ${content.length}`)
  report(`native: ${sizes.join(', ')} bytes`)
  return 0
}

async function check(compiler: string): Promise<number> {
  const before = await committed()
  const different = differences(await inTemporaryFolder(build), before.files)
  if (different.length === 0) return 0
  report(`native: ${different.join(', ')}: the sources build other bytes than are committed`)
  if (compiler !== before.compiler)
    report(`native: this is ${compiler}, they were built with ${before.compiler} (Debian 12)`)
  else report('native: build them anew (npm run native) and commit src/lib/engine/programs.ts')
  return 1
}

async function inTemporaryFolder<T>(task: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-native-'))
  try {
    return await task(folder)
  } finally {
    await rm(folder, {recursive: true})
  }
}

if (import.meta.main) {
  await runMain(async () => {
    const compiler = await installedCompiler()
    if (compiler === undefined) {
      throw new Error(`the C compilers are not installed: ${ADVICE}`)
    }
    return process.argv[2] === '--check' ? check(compiler) : generate(compiler)
  })
}
