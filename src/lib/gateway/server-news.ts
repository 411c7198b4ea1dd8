import {messageOf, PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import type {ConnectedSpec} from '../model/server.ts'
import type {Listed} from './directory.ts'
import type {Plan} from './plan.ts'
import type {Kind} from './relay/pages.ts'
import type {SessionEvents} from './relay/session-input.ts'
import type {StatusStore} from './status.ts'
import {ToolBudget, type ToolLimits} from './tool-budget.ts'

export interface ServerNewsInput {
  /** What is served now. */
  readonly plan: () => Plan
  /** How much clients may be shown now before a person is told. */
  readonly limits: () => ToolLimits
  readonly status: StatusStore
  /** Masks the secrets of all servers, which may quote them in whatever they say. */
  readonly redact: (text: string) => string
  /** Running commentary. */
  readonly log: (line: string) => void
  /** What a person must know. */
  readonly notify: (line: string) => void
}

/** What becomes of the servers of a gateway: told to people once, and remembered for the next gateway. */
export class ServerNews implements SessionEvents {
  readonly #input: ServerNewsInput
  readonly #budget: ToolBudget
  /** Servers whose last start failed, in this run or an earlier one, and may take as long to fail again. */
  readonly #doubtful = new Set<string>()
  readonly #failures = new Map<string, PluginError>()
  /** Those of which it is known by now that they start. */
  readonly #proven = new Set<string>()
  /** The last write of each server's record; they happen one after the other. */
  readonly #writes = new Map<string, Promise<void>>()

  constructor(input: ServerNewsInput) {
    this.#input = input
    this.#budget = new ToolBudget(input.limits, line => input.notify(line))
  }

  /**
   * Reads what became of the servers in earlier runs.
   * @param prints what tells each server from one of the same name that was another one
   */
  async load(prints: ReadonlyMap<string, string>): Promise<void> {
    for (const [name, {state, error, fingerprint}] of await this.#input.status.read()) {
      if (state !== 'failed' || fingerprint !== prints.get(name)) continue
      if (isSlow(error?.code)) this.#doubtful.add(name)
    }
  }

  /** The servers that cannot be used now, and why. */
  get failures(): ReadonlyMap<string, PluginError> {
    return this.#failures
  }

  /** Whether the last start of a server failed, so that the next one had better not be waited for. */
  isDoubtful(server: string): boolean {
    return this.#doubtful.has(server)
  }

  /** A server is another one now, or is gone: what was said of it does not count any more. */
  forget(server: string): void {
    this.#doubtful.delete(server)
    this.#failures.delete(server)
    this.#proven.delete(server)
  }

  onOpened(server: string): void {
    this.#doubtful.delete(server)
    this.#failures.delete(server)
    const spec = this.#specOf(server)
    // Some are opened with every call, and each time is as good as the first.
    if (!spec || this.#proven.has(server)) return
    this.#proven.add(server)
    this.#keep(server, () => this.#input.status.ready(server, spec))
  }

  onFailed(server: string, failed: PluginError): void {
    const error = masked(failed, this.#input.redact)
    this.#proven.delete(server)
    // Once for each new reason: a server that is asked for again and again fails again and again.
    if (this.#failures.get(server)?.message === error.message) return
    this.#failures.set(server, error)
    if (isSlow(error.code)) this.#doubtful.add(server)
    const about = error.message.startsWith(`server ${server}`) ? '' : `server ${server}: `
    const hint = error.hint ? `\n  ${oneLine(error.hint)}` : ''
    this.#input.notify(`! ${about}${oneLine(error.message)}${hint}`)
    this.#keep(server, () => this.#input.status.failed(server, error, this.#specOf(server)))
  }

  onListed(server: string, kind: Kind, count: number): void {
    this.#input.log(`  > ${server}: (${count} ${kind})`)
  }

  onTools(listed: readonly Listed[]): void {
    this.#budget.shown(listed)
  }

  onWarning(text: string): void {
    this.#input.log(`  ! ${oneLine(this.#input.redact(text))}`)
  }

  /** Waits until everything is written. */
  async kept(): Promise<void> {
    await Promise.all(this.#writes.values())
  }

  #specOf(server: string): ConnectedSpec | undefined {
    const start = this.#input.plan().servers.find(({name}) => name === server)?.start
    return start instanceof PluginError ? undefined : start
  }

  #keep(server: string, write: () => Promise<void>): void {
    const before = this.#writes.get(server) ?? Promise.resolve()
    const kept = before
      .then(write)
      .catch((error: unknown) =>
        this.#input.notify(`! the state of a server could not be kept: ${messageOf(error)}`),
      )
    this.#writes.set(server, kept)
  }
}

/**
 * Whether a server that fails like this takes time for it. What the user had not set up is said before anything is
 * started, and may be there the next time: it is no part of a server's fingerprint.
 */
function isSlow(code: string | undefined): boolean {
  return !/^(?:SECRET|FILE|CONFIG)_/.test(code ?? '')
}

/** An error as it may be told and kept: what it quotes of a server is the server's. */
function masked({code, message, hint}: PluginError, redact: (text: string) => string): PluginError {
  return new PluginError(code, redact(message), hint === undefined ? {} : {hint: redact(hint)})
}
