import {spawn} from 'node:child_process'
import {constants} from 'node:os'

import {messageOf, PluginError} from '../src/lib/base/errors.ts'

/** What a finished program left behind. `code` is 128 + the signal's number when a signal ended it. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Where a program runs, and for how long at most (milliseconds; then it is killed). */
export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeout?: number
}

/**
 * Runs a program without stdin and collects what it prints.
 * @returns its outcome, whatever the exit code is
 * @throws the system's error when the program cannot be started (`ENOENT`: it is not there)
 */
export async function capture(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const {promise, resolve, reject} = Promise.withResolvers<Outcome>()
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    ...options,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.on('error', reject)
  child.on('close', (code, signal) => resolve({code: exitCode(code, signal), stdout, stderr}))
  return promise
}

/**
 * Runs a program on our own stdin, stdout and stderr and passes on the signals that we get.
 * @returns its exit code
 * @throws the system's error when the program cannot be started
 */
export async function foreground(
  command: string,
  args: readonly string[],
  options: {readonly env?: NodeJS.ProcessEnv} = {},
): Promise<number> {
  const {promise, resolve, reject} = Promise.withResolvers<number>()
  const child = spawn(command, args, {stdio: 'inherit', ...options})
  const forward = (signal: NodeJS.Signals) => {
    // The terminal has already sent these to the whole foreground group; twice would mean "now".
    if (signal !== 'SIGTERM' && process.stdin.isTTY) return
    child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, forward)
  child.on('error', reject)
  child.on('exit', (code, signal) => resolve(exitCode(code, signal)))
  try {
    return await promise
  } finally {
    for (const signal of signals) process.off(signal, forward)
  }
}

/**
 * Runs npm with the arguments given, in the foreground.
 * @returns its exit code
 */
export async function npm(args: readonly string[]): Promise<number> {
  const [command, ...first] = npmCommand()
  return foreground(command, [...first, ...args])
}

/** How npm is started: by the very npm that runs us, else by its name. */
export function npmCommand(env: NodeJS.ProcessEnv = process.env): readonly [string, ...string[]] {
  const script = env['npm_execpath']
  return script?.endsWith('.js') ? [process.execPath, script] : ['npm']
}

/**
 * The outermost frame of a script: its number is the exit code, its error becomes words on stderr and exit code 1.
 */
export async function runMain(task: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await task()
  } catch (error) {
    report(`error: ${messageOf(error)}`)
    if (error instanceof PluginError && error.hint !== undefined) report(error.hint)
    process.exitCode = 1
  }
}

/** One line of progress for people. */
export function report(line: string): void {
  process.stderr.write(`${line}\n`)
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
}
