import {isJsonObject} from '../../base/json.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import type {
  CloseReason,
  MessageListener,
  Openers,
  OpenUpstream,
  Origin,
  Upstream,
} from '../upstream/upstream.ts'
import {
  isRequest,
  isResponse,
  isResult,
  RPC,
  type ErrorResponse,
  type Message,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import type {Era, EraMemory} from './eras.ts'
import {openLegacyFace} from './legacy-face.ts'

export interface EitherInput {
  readonly server: string
  readonly openers: Openers
  readonly eras: EraMemory
  /** How long the session waits for the answer to `initialize`, in milliseconds. */
  readonly startTimeoutMs: number
}

/** What a server that is remembered as a modern one may take to answer before it is taken for a legacy one. */
const LONGEST_SILENCE_MS = 10_000

/**
 * Opens a server for a legacy session in the era that it speaks (MCP 2026-07-28, versioning). Its answer to
 * `initialize` tells which one that is: when it refuses, the other one is tried before the session hears of it. What
 * came of it is remembered, so that the next session need not try, and tried anew when it is not true any more.
 */
export function openEither(either: EitherInput): OpenUpstream {
  const {server, eras, startTimeoutMs} = either
  const {legacy, modern} = either.openers
  if (!modern) return legacy
  const session: Way = {era: 'legacy', open: legacy}
  const face: Way = {era: 'modern', open: openLegacyFace(modern)}
  // Half of the session's patience is left for the other era.
  const silenceMs = Math.min(startTimeoutMs / 2, LONGEST_SILENCE_MS)
  return async input => {
    const isModern = eras.speaks(server, 'legacy') === false
    const [first, other] = isModern ? [face, session] : [session, face]
    const learn = (era: Era, speaks: boolean) => eras.learn(server, era, speaks)
    const wasModern = isModern || eras.speaks(server, 'modern') === true
    const upstream = new EitherUpstream({first, other, input, learn, wasModern, silenceMs})
    await upstream.open()
    return upstream
  }
}

/** One way to open a server for a legacy session, which is right if the server speaks that era. */
interface Way {
  readonly era: Era
  readonly open: OpenUpstream
}

interface Parts {
  readonly first: Way
  readonly other: Way
  readonly input: Parameters<OpenUpstream>[0]
  readonly learn: (era: Era, speaks: boolean) => void
  /** Whether the server has spoken the modern era. */
  readonly wasModern: boolean
  /** How long it may be silent when it is asked in the modern era first, in milliseconds. */
  readonly silenceMs: number
}

/** A server that was opened in a way that was not right. */
interface Left {
  readonly upstream: Upstream
  /** What the session hears if the other way is not right either. */
  readonly answer: {readonly message: Response; readonly origin: Origin} | undefined
}

/** A server opened in one way, and in the other one when that was not right. */
class EitherUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #parts: Parts
  readonly #stop = new AbortController()
  #end: (reason: CloseReason) => void = () => undefined
  #current: Upstream | undefined
  /** The session's `initialize`, until it has an answer that the session is given. */
  #hello: Request | undefined
  #left: Left | undefined
  /** Runs out when the first way has no answer. */
  #silence: NodeJS.Timeout | undefined
  /** What the session has sent while the other way was tried. */
  #kept: Message[] = []
  #turning: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.closed = new Promise(resolve => {
      this.#end = resolve
    })
  }

  /** @throws what keeps the server from being opened in the first way */
  async open(): Promise<void> {
    await this.#open(this.#parts.first, this.#parts.input.signal)
  }

  redact(text: string): string {
    return this.#current?.redact(text) ?? text
  }

  send(message: Message): void {
    if (this.#left && this.#hello) {
      this.#kept.push(message)
      return
    }
    if (isRequest(message) && message.method === 'initialize') this.#begin(message)
    this.#current?.send(message)
  }

  #begin(hello: Request): void {
    const {first, silenceMs} = this.#parts
    this.#hello = hello
    if (first.era === 'legacy') return
    // A legacy server may say nothing at all to what it does not know.
    this.#silence = setTimeout(() => {
      if (this.#current) this.#turn({upstream: this.#current, answer: undefined}, hello)
    }, silenceMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the session has ended'))
    clearTimeout(this.#silence)
    await this.#current?.[Symbol.asyncDispose]()
    await this.#turning
    await this.#current?.[Symbol.asyncDispose]()
  }

  async #open({open}: Way, signal: AbortSignal): Promise<Upstream> {
    let upstream: Upstream | undefined
    const onMessage: MessageListener = (message, origin) => {
      // What was left has nothing to say any more.
      if (upstream && upstream === this.#current) this.#receive(message, origin)
    }
    upstream = await open({...this.#parts.input, signal, onMessage})
    const opened = upstream
    this.#current = opened
    void opened.closed.then(reason => this.#gone(opened, reason))
    return opened
  }

  #receive(message: Message, origin: Origin): void {
    const {input, first} = this.#parts
    if (!this.#hello || !isResponse(message) || message.id !== this.#hello.id) {
      return input.onMessage(message, origin)
    }
    clearTimeout(this.#silence)
    if (isResult(message)) this.#right()
    else if (this.#left) return this.#fail(this.#left)
    else if (this.#current && mayBeOther(first.era, message)) {
      return this.#turn({upstream: this.#current, answer: {message, origin}}, this.#hello)
    }
    this.#hello = undefined
    input.onMessage(message, origin)
  }

  /** The server speaks the era that it was opened in. */
  #right(): void {
    const {first, other, learn} = this.#parts
    learn(this.#left ? other.era : first.era, true)
    if (this.#left) learn(first.era, false)
    for (const message of this.#kept.splice(0)) this.#current?.send(message)
  }

  #gone(upstream: Upstream, reason: CloseReason): void {
    if (upstream !== this.#current) return
    clearTimeout(this.#silence)
    if (this.#hello && this.#left) return this.#fail(this.#left)
    // A server may leave when it is asked something that its era does not have. A legacy one that nothing is known of
    // has other reasons.
    const isRefusal = this.#parts.wasModern && !this.#stop.signal.aborted
    if (this.#hello && isRefusal) return this.#turn({upstream, answer: undefined}, this.#hello)
    this.#end(reason)
  }

  #turn(left: Left, hello: Request): void {
    this.#left = left
    this.#current = undefined
    this.#turning = this.#openOther(left, hello).catch(() => this.#giveUp(left))
  }

  async #openOther({upstream}: Left, hello: Request): Promise<void> {
    const {input, other} = this.#parts
    // Two at once might be in each other's way.
    await upstream[Symbol.asyncDispose]()
    const signal = AbortSignal.any([input.signal, this.#stop.signal])
    signal.throwIfAborted()
    const opened = await this.#open(other, signal)
    signal.throwIfAborted()
    opened.send(hello)
  }

  #fail(left: Left): void {
    this.#turning = this.#giveUp(left)
  }

  /** No way is right: the session hears what came of the first one. */
  async #giveUp({upstream: left, answer}: Left): Promise<void> {
    const current = this.#current
    this.#current = undefined
    this.#hello = undefined
    this.#kept = []
    await Promise.resolve(current?.[Symbol.asyncDispose]()).catch(() => undefined)
    if (answer) this.#parts.input.onMessage(answer.message, answer.origin)
    this.#end(await left.closed)
  }
}

/** What tells that a server is of the modern era, however it refuses (MCP 2026-07-28, versioning). */
const MODERN_ERRORS: ReadonlySet<number> = new Set([
  RPC.headerMismatch,
  RPC.missingCapability,
  RPC.unsupportedVersion,
])

/** Whether a server that refuses `initialize` in one era may be one of the other era. */
function mayBeOther(era: Era, {error: {code, data}}: ErrorResponse): boolean {
  const {httpStatus, unreachable, supported} = isJsonObject(data) ? data : {}
  // Nobody was there, or nobody looked at the message.
  if (unreachable === true) return false
  if (typeof httpStatus === 'number' && ([401, 403, 429].includes(httpStatus) || httpStatus >= 500))
    return false
  if (era === 'legacy' || !MODERN_ERRORS.has(code)) return true
  return Array.isArray(supported) && LEGACY_VERSIONS.some(version => supported.includes(version))
}
