import {spawn} from 'node:child_process'
import type {ChildProcessByStdio} from 'node:child_process'
import {execFile} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import type {Readable, Writable} from 'node:stream'
import {text} from 'node:stream/consumers'
import {promisify} from 'node:util'
import {gunzipSync} from 'node:zlib'
import {PROGRAMS_ARCHIVE} from '../../../src/lib/engine/programs.ts'

/** The relay in a network of its own, as it is in a container without one: there is nothing but loopback. */
export type RelayProgram = ChildProcessByStdio<Writable, Readable, Readable>

export interface Outcome {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}

const RELAY = `relay-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`

/** Unpacks the programs, and writes the files of a container that decide where it looks for names. */
export async function prepareRelay(folder: string): Promise<void> {
  await mkdir(folder, {recursive: true})
  await writeFile(join(folder, 'programs.tar'), gunzipSync(Buffer.from(PROGRAMS_ARCHIVE, 'base64')))
  await promisify(execFile)('tar', ['-xf', 'programs.tar'], {cwd: folder})
  await writeFile(join(folder, 'hosts'), '127.0.0.1 localhost\n')
  await writeFile(join(folder, 'resolv.conf'), 'nameserver 127.0.0.53\n')
}

/** Starts the relay for these ports, with DNS. Its process id names its namespaces. */
export function startRelay(folder: string, ports: readonly number[]): RelayProgram {
  const script = [
    'ip link set lo up',
    `mount --bind '${join(folder, 'hosts')}' /etc/hosts`,
    `mount --bind '${join(folder, 'resolv.conf')}' /etc/resolv.conf`,
    `exec '${join(folder, RELAY)}' -d ${ports.join(' ')}`,
  ].join(' && ')
  return spawn('unshare', ['--net', '--mount', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** Starts a program of node in the namespaces of a process: `code` is the body of an async function with `args`. */
export function startInside(
  pid: number,
  code: string,
  args: readonly (string | number)[] = [],
  env: Readonly<Record<string, string>> = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const script = `const args = process.argv.slice(1); (async () => {${code}})().catch(error => {
    console.log(error.cause?.code ?? error.code ?? error.message)
    process.exitCode = 1
  })`
  return spawn(
    'nsenter',
    ['--target', `${pid}`, '--net', '--mount', process.execPath, '-e', script, ...args.map(String)],
    {stdio: ['ignore', 'pipe', 'pipe'], env: {PATH: process.env['PATH'], ...env}},
  )
}

/** Runs such a program to its end. */
export async function runInside(...program: Parameters<typeof startInside>): Promise<Outcome> {
  const child = startInside(...program)
  const ended = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await ended
  return {stdout: stdout.trim(), stderr, code: child.exitCode}
}
