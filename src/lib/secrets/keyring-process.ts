import {spawn, type ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {createInterface} from 'node:readline'
import {systemCode} from '../base/errors.ts'
import {Unanswered} from '../plugin/bounded-program.ts'
import type {KeyringAnswer, KeyringRequest} from './keyring-program.ts'

/** Asks the keyring for something. Rejects with an error in words, without a value: `Unanswered`, or what the library says. */
export type AskKeyring = (request: KeyringRequest) => Promise<KeyringAnswer>

/**
 * Asks the keyring in a process of its own ({@link KeyringRequest} tells why), which is started with the first request
 * and ended with the last answer: requests at the same time share one.
 * @param input `program`: its file; `env`: what it gets; `withinMs`: how long a request may take, since the keyring may
 *   ask its owner something, and its owner may be away
 */
export function keyringProcess(input: {
  readonly program: string
  readonly env: NodeJS.ProcessEnv
  readonly withinMs: number
}): AskKeyring {
  let current: Running | undefined
  return request => {
    if (!current?.isUsable) current = new Running(input.program, input.env)
    return current.ask(request, input.withinMs)
  }
}

type Pending = PromiseWithResolvers<KeyringAnswer>

class Running {
  readonly #child: ChildProcess
  readonly #pending: Pending[] = []
  isUsable = true

  constructor(program: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [program], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
    })
    // One that cannot be written to has ended, which is told below.
    this.#child.stdin?.on('error', () => {})
    if (this.#child.stdout) {
      createInterface({input: this.#child.stdout}).on('line', line => this.#answered(line))
    }
    void once(this.#child, 'close').then(
      ([code]) => this.#end(`its program ended (${code ?? 'killed'})`),
      (error: unknown) => this.#end(`its program does not start (${systemCode(error)})`),
    )
  }

  async ask(request: KeyringRequest, withinMs: number): Promise<KeyringAnswer> {
    const pending = Promise.withResolvers<KeyringAnswer>()
    this.#pending.push(pending)
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`)
    const timer = setTimeout(() => {
      this.#end(`it did not answer within ${withinMs / 1000} s`)
    }, withinMs)
    try {
      return await pending.promise
    } finally {
      clearTimeout(timer)
    }
  }

  #answered(line: string): void {
    // Requests are answered in the order in which they came.
    const pending = this.#pending.shift()
    const answer = parse(line)
    if (answer?.error !== undefined) pending?.reject(new Error(answer.error))
    else if (answer) pending?.resolve(answer)
    else pending?.reject(new Error('its program gives an answer of no sense'))
    if (this.#pending.length === 0) this.#end('')
  }

  #end(why: string): void {
    this.isUsable = false
    for (const pending of this.#pending.splice(0)) pending.reject(new Unanswered(why))
    // It may be waiting in the library, where no other signal is heard.
    this.#child.kill('SIGKILL')
  }
}

function parse(line: string): KeyringAnswer | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
