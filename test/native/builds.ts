import {execFile} from 'node:child_process'
import {chmod, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

import {afterAll} from 'vitest'

import {programPath} from '../../scripts/apt.ts'
import {committed} from '../../scripts/native.ts'

const run = promisify(execFile)
const SOURCES = join(import.meta.dirname, '..', '..', 'src', 'native')

export type Program = 'shim' | 'relay'

/** One build of the two programs, and how it is run on this machine. */
export interface Build {
  readonly name: string
  /** The program, behind what runs it where this machine cannot. */
  command(program: Program): readonly [string, ...string[]]
  /** What it needs in its environment. */
  readonly env: Readonly<Record<string, string>>
}

/** What runs programs of that architecture here: nothing on its own, an emulator elsewhere. */
const RUNNERS = {
  amd64: process.arch === 'x64' ? undefined : 'qemu-x86_64-static',
  arm64: process.arch === 'arm64' ? undefined : 'qemu-aarch64-static',
}

/** The C library's start, which the compiler's checks need, in front of our own. */
const MAIN =
  'void start(char **); int main(int count, char **argv) { return (void)count, start(argv - 1), 0; }'
const CHECKS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
/** What is read before it was written is never zero by luck. */
const COMPILE = ['-std=gnu11', '-g', '-O1', '-fno-builtin', '-ftrivial-auto-var-init=pattern']
const RENAMED = ['_start', 'memcpy', 'memset'].map(name => `--redefine-sym=${name}=own_${name}`)

/** Where no program of ours runs; it keeps the titles of tests that are left out. */
const NONE: Build = {name: 'none', command: () => ['false'], env: {}}

export const isLinux = process.platform === 'linux'

const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-native-test-'))
// Some tests run them as a user that is not the one who made the folder.
await chmod(folder, 0o755)
afterAll(async () => rm(folder, {recursive: true}))

/**
 * The programs as they are committed, in each architecture, and once more with every access to memory checked. What
 * this machine cannot run is left out, but never in CI.
 */
export const builds: readonly Build[] = isLinux ? await runnable() : [NONE]

async function runnable(): Promise<readonly Build[]> {
  const all = await Promise.all([shipped('amd64'), shipped('arm64'), checked()])
  return all.filter(build => build !== undefined)
}

/** The build for this machine's own processor; undefined where Linux is not what runs. */
export const own = builds.find(({name}) => name === (process.arch === 'arm64' ? 'arm64' : 'amd64'))

/** Whether namespaces can be made. */
export const isRoot = process.getuid?.() === 0

async function shipped(name: 'amd64' | 'arm64'): Promise<Build | undefined> {
  const emulator = RUNNERS[name]
  const runner = emulator === undefined ? undefined : await pathOf(emulator)
  if (emulator !== undefined && runner === undefined) return undefined
  const {files} = await committed()
  for (const [file, content] of files) {
    if (file.endsWith(name)) await writeFile(join(folder, file), content, {mode: 0o755})
  }
  return {
    name,
    command: program => {
      const path = join(folder, `${program}-${name}`)
      return runner === undefined ? [path] : [runner, path]
    },
    env: {},
  }
}

async function checked(): Promise<Build | undefined> {
  if (!(await pathOf('gcc'))) return undefined
  const main = join(folder, 'main.c')
  await writeFile(main, MAIN)
  for (const program of ['shim', 'relay']) {
    const object = join(folder, `${program}.o`)
    await run('gcc', [...COMPILE, ...CHECKS, '-c', '-o', object, join(SOURCES, `${program}.c`)])
    await run('objcopy', [...RENAMED, object])
    await run('gcc', [...CHECKS, '-o', join(folder, `${program}-checked`), main, object])
  }
  return {
    name: 'checked',
    command: program => [join(folder, `${program}-checked`)],
    env: {ASAN_OPTIONS: 'detect_leaks=0'},
  }
}

/** Its tests run programs without the PATH of the machine. */
async function pathOf(program: string): Promise<string | undefined> {
  const path = await programPath(program)
  if (path === undefined && process.env['CI']) throw new Error(`${program} is not installed`)
  return path
}
