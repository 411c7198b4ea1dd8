import {messageOf, PluginError} from '../base/errors.ts'
import type {ReadFiles} from '../files/reads.ts'
import type {ConfigurationState} from './control/state.ts'
import type {GatewayOptions, GatewaySetup} from './setup.ts'
import type {Reloaded} from './reload.ts'

export interface ReloaderInput {
  /** Knows what the configuration was read from. */
  readonly reads: ReadFiles
  /** Reads what the user chose. */
  readonly options: () => Promise<GatewayOptions>
  /** What the gateway was started with. */
  readonly started: GatewayOptions
  readonly setup: Pick<GatewaySetup, 'reload' | 'redact' | 'lacksSecrets'>
  /** Whether changes of the files are followed. */
  readonly isWatched: boolean
  /** Running commentary. */
  readonly log: (line: string) => void
  /** What a person must know. */
  readonly notify: (line: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Reads the configuration anew for a gateway that runs, says what came of it, and remembers that for who asks. */
export class Reloader {
  readonly #input: ReloaderInput
  #last: Pick<ConfigurationState, 'reloadedAt' | 'added' | 'removed' | 'changed'> = {}
  #failure: ConfigurationState['failure']
  #needsRestart: readonly string[] = []

  #options: GatewayOptions
  #isEnded = false

  constructor(input: ReloaderInput) {
    this.#input = input
    this.#options = input.started
  }

  /** So often everything is to be read anew, whether or not a file has changed; 0 for never. */
  get discoveryIntervalMs(): number {
    return this.#options.discoveryIntervalMs ?? 0
  }

  /** Whether something can be mended without a change of a file: then only reading it again tells. */
  get mayBeMended(): boolean {
    return UNTOLD.test(this.#failure?.code ?? '') || this.#input.setup.lacksSecrets
  }

  /** What became of the configuration since the gateway was started. */
  get state(): ConfigurationState {
    return {
      isWatched: this.#input.isWatched,
      ...this.#last,
      ...(this.#failure && {failure: this.#failure}),
      needsRestart: this.#needsRestart,
    }
  }

  /** Reads everything once more and serves that, or, when it is wrong, goes on with what there was. Never rejects. */
  async reload(): Promise<void> {
    const {reads, options, setup} = this.#input
    try {
      const reloaded = await reads.anew(async () => {
        const wanted = await options()
        const outcome = await setup.reload(wanted)
        this.#options = wanted
        return outcome
      })
      if (!this.#isEnded) this.#succeeded(reloaded)
    } catch (error) {
      if (!this.#isEnded) this.#failed(error)
    }
  }

  /** The gateway stops: what a reload comes to that is under way says nothing of the configuration. */
  end(): void {
    this.#isEnded = true
  }

  #succeeded({added, removed, changed, notices, needsRestart, unread}: Reloaded): void {
    const {log, notify, now} = this.#input
    const isMended = this.#failure !== undefined && !unread
    if (unread) {
      this.#fail(unread, {
        what: 'the configuration counts, but for what cannot be read',
        until: 'the servers that have it go on with the value from before',
      })
    } else this.#failure = undefined
    this.#last = {reloadedAt: iso(now()), added, removed, changed}
    const news = newsOf({added, removed, changed})
    if (isMended) notify('> The configuration can be read again, and is served.')
    if (news !== '') log(`> Reloaded: ${news}`)
    for (const line of notices) notify(`! ${line}`)
    const isNews = needsRestart.some(option => !this.#needsRestart.includes(option))
    this.#needsRestart = needsRestart
    if (isNews) notify(`! ${restartLine(needsRestart)}`)
  }

  #failed(error: unknown): void {
    this.#fail(error, {
      what: 'the configuration was changed and cannot be used',
      until: 'the gateway goes on with what it had',
    })
  }

  #fail(error: unknown, {what, until}: {readonly what: string; readonly until: string}): void {
    const {setup, notify, now} = this.#input
    const {code, message, hint} = wordsOf(error, setup.redact)
    const isNews = this.#failure?.message !== message
    const at = this.#failure?.at ?? iso(now())
    this.#failure = {code, message, ...(hint !== undefined && {hint}), at}
    if (!isNews) return
    const lines = [
      `! ${what}: ${message}`,
      ...(hint === undefined ? [] : [`  ${hint}`]),
      `  Until it is mended, ${until}.`,
    ]
    notify(lines.join('\n'))
  }
}

/**
 * Codes of failures that may end without a change of a file: somebody is given rights, a store is unlocked. What else is
 * wrong is wrong in a file, and reading all again for it would have stores and keyrings asked for nothing.
 */
const UNTOLD = /^(?:FILE_DENIED$|STORE_|SECRET_)/

/** What to say of settings that the running gateway cannot take over. */
function restartLine(options: readonly string[]): string {
  return `changed, and counts when the gateway is started again: ${options.join(', ')}`
}

function newsOf(parts: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(parts)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.join(', ')}`)
    .join('; ')
}

function wordsOf(
  error: unknown,
  redact: (text: string) => string,
): {code: string; message: string; hint?: string | undefined} {
  // What is no PluginError is a defect of ours; it must not end what others are using.
  if (!(error instanceof PluginError)) return {code: 'INTERNAL', message: redact(messageOf(error))}
  const {code, message, hint} = error
  return {code, message: redact(message), hint: hint === undefined ? hint : redact(hint)}
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
