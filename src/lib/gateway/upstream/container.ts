import type {Duplex} from 'node:stream'
import {withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import {Scope} from '../../base/scope.ts'
import type {Engine} from '../../engine/engine.ts'
import {splitFrames} from '../../engine/frames.ts'
import type {ContainerOptions} from '../../engine/options.ts'
import {parseMessages} from '../wire/batch.ts'
import type {Message} from '../wire/jsonrpc.ts'
import {lineReader} from '../wire/lines.ts'
import {reportOversize, type SizeLimit} from './oversize.ts'
import type {CloseReason, MessageListener, Upstream} from './upstream.ts'
import {unlessAborted} from './waiting.ts'

/** What the engine may take to create a container, connect to it and start it, all in all. */
const START_MS = 60_000
/** What a server may take between the end of its stdin and its own end, before it is removed by force. */
const GRACE_MS = 2000
/** What the engine may take to remove a container; a hung engine must not hold up the gateway's own end. */
const REMOVE_MS = 3000
/** What the engine may take to tell an exit code once the container's stream has ended. */
const EXIT_CODE_MS = 2000
const KEPT_STDERR_LINES = 20
const LONGEST_STDERR_LINE = 64 * 1024
const LONGEST_JUNK = 120

/** What may wait for a server that does not read, besides two of the largest messages. */
const MANY_UNREAD_BYTES = 4 * 1024 * 1024

export interface ContainerRun extends SizeLimit {
  /** The container's name, see `containerName`. */
  readonly name: string
  readonly options: ContainerOptions
  readonly onMessage: MessageListener
  /** One line that the server wrote to stderr. */
  readonly onStderr: (line: string) => void
  /** The engine would not remove the container: it may still be there. */
  readonly onLost: (error: unknown) => void
  /** Takes the secrets out of a text before anybody sees it. */
  readonly redact: (text: string) => string
}

/**
 * Creates a container, attaches to it, starts it, and speaks MCP's stdio transport with the program inside.
 * Attached before it is started: with log driver `none`, what came earlier would be lost.
 * @throws PluginError of the engine, ENGINE_FAILED when it takes too long, or the signal's reason; then nothing is
 *   left behind
 */
export async function startContainer(
  engine: Engine,
  run: ContainerRun,
  signal: AbortSignal,
): Promise<Upstream> {
  await using starting = new Scope()
  using steps = inTime(signal)
  // One that comes too late is removed by the engine's own verb.
  const id = await steps.take('create', inner => engine.create(run.options, inner, run.name))
  starting.defer(() => removeContainer(engine, id, run.onLost))
  const socket = await steps.take('connect to', inner => engine.attach(id, inner))
  starting.defer(() => void socket.destroy())
  const exit = engine.wait(id)
  // Asked for early, read late: a failure in between is told by whoever reads it.
  exit.catch(() => undefined)
  await steps.take('start', inner => engine.start(id, inner))
  starting.release()
  return new ContainerUpstream({engine, id, socket, exit, run})
}

/** Gives several steps one time limit together. When it is over, nobody waits for the step that was under way. */
function inTime(signal: AbortSignal) {
  const late = new AbortController()
  const either = AbortSignal.any([signal, late.signal])
  let verb = ''
  const timer = setTimeout(() => late.abort(engineTooSlow(verb)), START_MS)
  return {
    take<T>(step: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
      verb = step
      return unlessAborted(run(either), late.signal)
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

function engineTooSlow(verb: string): PluginError {
  const message = `the engine did not ${verb} the container within ${START_MS / 1000} s`
  return new PluginError('ENGINE_FAILED', message, {
    hint: 'see whether the engine still works: docker ps',
  })
}

interface Parts {
  readonly engine: Engine
  readonly id: string
  readonly socket: Duplex
  readonly exit: Promise<{readonly exitCode: number}>
  readonly run: ContainerRun
}

class ContainerUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #parts: Parts
  readonly #stderr: string[] = []
  #junk: string | undefined
  #disposed: Promise<void> | undefined
  #removed: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    // A server that closed its end is seen by the reading side; an error event without a listener ends the process.
    parts.socket.on('error', () => undefined)
    this.closed = this.#read()
  }

  send(message: Message): void {
    const {socket, run} = this.#parts
    if (!socket.writable) return
    socket.write(`${JSON.stringify(message)}\n`)
    if (socket.writableLength > MANY_UNREAD_BYTES + 2 * run.maxMessageBytes) {
      socket.destroy(new Error('it does not read what it is sent'))
    }
  }

  /** Ends the server: stdin first, by force when that is not enough, in about five seconds at most. Never rejects. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    return this.#disposed
  }

  async #dispose(): Promise<void> {
    const {socket} = this.#parts
    socket.end()
    await withDeadline(this.closed, GRACE_MS, tooLate).catch(() => this.#remove())
    socket.destroy()
    await this.closed
  }

  #remove(): Promise<void> {
    const {engine, id, run} = this.#parts
    this.#removed ??= removeContainer(engine, id, run.onLost)
    return this.#removed
  }

  async #read(): Promise<CloseReason> {
    const {socket, run} = this.#parts
    const stdout = lineReader(run.maxMessageBytes, {
      onLine: line => this.#line(line),
      onOversize: oversize => reportOversize(oversize, run, run.onMessage),
    })
    const stderr = lineReader(LONGEST_STDERR_LINE, {
      onLine: line => this.#stderrLine(line),
      onOversize: ({bytes}) => run.onStderr(`a line of ${bytes} bytes is left out`),
    })
    const broken = await splitFrames(socket, {
      stdout: chunk => stdout.push(chunk),
      stderr: chunk => stderr.push(chunk),
    }).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    )
    // Output without a newline at the end still says why a server died.
    stderr.push(Buffer.from('\n'))
    const what = broken ?? (await this.#howItEnded())
    // By itself it goes only when its program has ended, and that is not certain here.
    await this.#remove()
    return {what, stderr: this.#stderr, junk: this.#junk}
  }

  async #howItEnded(): Promise<string> {
    const {exit} = this.#parts
    if (this.#disposed) return 'was stopped'
    return withDeadline(exit, EXIT_CODE_MS, tooLate).then(
      ({exitCode}) => `ended with exit code ${exitCode}`,
      () => 'ended',
    )
  }

  #line(line: string): void {
    const messages = parseMessages(line)
    for (const message of messages) this.#parts.run.onMessage(message)
    if (messages.length > 0) return
    // Banners and stray prints are common; they only matter when the server never speaks.
    this.#junk ??= this.#parts.run.redact(line).slice(0, LONGEST_JUNK)
  }

  #stderrLine(line: string): void {
    const text = this.#parts.run.redact(line)
    this.#stderr.push(text)
    if (this.#stderr.length > KEPT_STDERR_LINES) this.#stderr.shift()
    this.#parts.run.onStderr(text)
  }
}

/** What goes wrong here is told, not thrown: it must neither hide why a start failed nor keep others from ending. */
async function removeContainer(
  engine: Engine,
  id: string,
  onLost: (error: unknown) => void,
): Promise<void> {
  await withDeadline(engine.remove(id, {force: true}), REMOVE_MS, tooLate).catch(onLost)
}

function tooLate(): Error {
  return new Error('the engine did not answer in time')
}
