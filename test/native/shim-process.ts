import {execFileSync, spawn, type ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {
  closeSync,
  constants,
  createWriteStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import {constants as system, tmpdir} from 'node:os'
import {join} from 'node:path'
import {buffer, text} from 'node:stream/consumers'
import type {Writable} from 'node:stream'

import {afterEach, expect} from 'vitest'

import {systemCode} from '../../src/lib/base/errors.ts'
import type {Build} from './builds.ts'

/** What became of a shim. */
export interface ShimOutcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A running shim. Disposing of it ends it. */
export interface Shim extends AsyncDisposable {
  readonly child: ChildProcess
  readonly pid: number
  /** The writing end of its stdin. */
  readonly stdin: Writable
  /** Waits until stdout matches. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  ended(): Promise<ShimOutcome>
}

export interface ShimOptions {
  readonly options?: readonly string[]
  /** What ends the options. */
  readonly end?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly uid?: number
  /** What fd 0 is: a pipe, as in a container, unless said otherwise. A number is a file descriptor. */
  readonly stdin?: 'pipe' | 'nonblocking pipe' | 'socket' | number
  /** A command in front, which runs the shim in its own place. */
  readonly wrapper?: readonly string[]
}

/** What a test started and has not disposed of, since it took too long. */
const groups = new Set<number>()
afterEach(() => {
  for (const leader of groups) endGroup(leader)
})

/** Starts a shim as a plain process. Its environment is `env` alone. */
export function startShim(build: Build, options: ShimOptions = {}): Shim {
  const {wrapper = [], end = ['--'], cwd, uid, env = {PATH: '/usr/bin:/bin'}} = options
  const line = [...wrapper, ...build.command('shim'), ...(options.options ?? []), ...end]
  const [program = '', ...args] = [...line, ...(options.command ?? [])]
  const stdin = openStdin(options.stdin ?? 'pipe')
  const child = spawn(program, args, {
    stdio: [stdin.reader, 'pipe', 'pipe'],
    // A group of its own, so that what it leaves behind can be ended, too.
    detached: true,
    env: {...env, ...build.env},
    ...(cwd === undefined ? {} : {cwd}),
    ...(uid === undefined ? {} : {uid, gid: uid}),
  })
  if (child.pid !== undefined) groups.add(child.pid)
  const writer = stdin.opened() ?? child.stdin
  // Who does not read to the end is what is tested.
  writer?.on('error', () => undefined)
  return running(child, writer as Writable)
}

function running(child: ChildProcess, stdin: Writable): Shim {
  let output = ''
  child.stdout?.on('data', chunk => (output += chunk))
  // Text that begins with a byte order mark keeps it.
  const stdout = buffer(child.stdout!).then(bytes => bytes.toString())
  const stderr = text(child.stderr!)
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const ended = async () => {
    const [code, signal] = await closed
    return {code, signal, stdout: await stdout, stderr: await stderr}
  }
  return {
    child,
    pid: child.pid!,
    stdin,
    ended,
    said: async pattern => {
      for (;;) {
        const match = pattern.exec(output)
        if (match) return match
        const more = once(child.stdout!, 'data').then(() => true)
        if (await Promise.race([more, closed.then(() => false)])) continue
        throw new Error(`it ended and said ${output} ${await stderr}`)
      }
    },
    [Symbol.asyncDispose]: async () => {
      endGroup(child.pid!)
      stdin?.destroy()
      await closed
    },
  }
}

function endGroup(leader: number): void {
  groups.delete(leader)
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

/** Runs a shim with that as all of its stdin. */
export async function runShim(
  build: Build,
  input: Buffer | string,
  options: ShimOptions = {},
): Promise<ShimOutcome> {
  await using shim = startShim(build, options)
  shim.stdin.end(input)
  return await shim.ended()
}

/** The exit code that tells of a death by that signal. */
export function codeOf(signal: NodeJS.Signals): number {
  return 128 + system.signals[signal]
}

/** Whether a signal that arrives now has to wait (proc(5)). */
function isBlocked(pid: number, signal: NodeJS.Signals): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const blocked = BigInt(`0x${/^SigBlk:\s*(\w+)/m.exec(status)?.[1]}`)
  return (blocked & (1n << BigInt(system.signals[signal] - 1))) !== 0n
}

/**
 * Waits until a shim has begun to look after its signals. Who starts it, and what emulates a processor, block all of
 * them for a moment; the shim leaves out those that are nothing to it.
 */
export async function untilCareful(shim: Shim): Promise<void> {
  const isCareful = () => isBlocked(shim.pid, 'SIGTERM') && !isBlocked(shim.pid, 'SIGALRM')
  await expect.poll(isCareful).toBe(true)
}

/** fd 0 of a shim: the end that it gets, and, once it has been started, the end that is ours. */
interface Stdin {
  readonly reader: number | 'pipe'
  opened(): Writable | undefined
}

function openStdin(kind: ShimOptions['stdin'] & {}): Stdin {
  if (kind === 'socket') return {reader: 'pipe', opened: () => undefined}
  if (typeof kind === 'number') return {reader: kind, opened: () => undefined}
  return openPipe(kind === 'nonblocking pipe' ? constants.O_NONBLOCK : 0)
}

/** A pipe; what Node itself would make for a child is a socket. */
function openPipe(flags: number): Stdin {
  const folder = mkdtempSync(join(tmpdir(), 'docker-mcp-pipe-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  // With both ends open nobody waits for the other.
  const both = openSync(path, constants.O_RDWR)
  const reader = openSync(path, constants.O_RDONLY | flags)
  const writer = openSync(path, constants.O_WRONLY)
  closeSync(both)
  rmSync(folder, {recursive: true})
  return {
    reader,
    opened: () => {
      closeSync(reader)
      return createWriteStream('', {fd: writer})
    },
  }
}
