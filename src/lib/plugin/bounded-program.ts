import {spawn} from 'node:child_process'
import {messageOf, systemCode} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'

/** A program is started for one question, so it has time to ask its owner something first. */
const ANSWER_MS = 60_000
/** Credentials are never near this; an endless answer must not fill the memory. */
const LONGEST_ANSWER = 1024 * 1024

/** What a program gave when it ended. Both may hold a secret: nothing of them is for a person. */
export interface ProgramAnswer {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly text: string
}

/** There was no answer: what was asked for may have been done or not. */
export class Unanswered extends Error {}

/**
 * Runs a program that is asked something on its stdin to its end. What it says on stderr is for whoever runs it by hand.
 * @param program a name that is looked for on PATH, or a path
 * @param ask `env`: where the program is looked for, and what it gets; `withinMs`: 60 s when not given
 * @returns undefined when there is no such program
 * @throws Error in words that go on behind a colon, without what it printed, {@link Unanswered} when it was ended before
 *   its time; the signal's reason
 */
export async function runBounded(
  program: string,
  ask: {
    readonly args: readonly string[]
    readonly input: string | Buffer
    readonly env: NodeJS.ProcessEnv
    readonly signal?: AbortSignal | undefined
    readonly withinMs?: number | undefined
  },
): Promise<ProgramAnswer | undefined> {
  const {args, input, env, signal, withinMs = ANSWER_MS} = ask
  signal?.throwIfAborted()
  const deadline = AbortSignal.timeout(withinMs)
  const {promise, resolve, reject} = Promise.withResolvers<ProgramAnswer | undefined>()
  const child = spawn(program, args, {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    killSignal: 'SIGKILL',
    windowsHide: true,
  })
  const chunks: Buffer[] = []
  let length = 0
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length
    chunks.push(chunk)
    if (length <= LONGEST_ANSWER) return
    child.kill('SIGKILL')
    reject(new Unanswered('its answer does not end'))
  })
  child.on('error', error => {
    if (signal?.aborted) reject(signal.reason)
    else if (systemCode(error) === 'ENOENT') resolve(undefined)
    else if (deadline.aborted) {
      reject(new Unanswered(`it did not answer within ${withinMs / 1000} s`))
    } else reject(new Error(oneLine(messageOf(error))))
  })
  child.on('close', code => {
    resolve({code, text: Buffer.concat(chunks).toString()})
  })
  // One that leaves without reading has told all in its exit code.
  child.stdin.on('error', () => undefined).end(input)
  // Another program that it has started may hold the other end for longer.
  return promise.finally(() => child.stdout.destroy())
}
