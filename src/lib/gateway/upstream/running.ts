import type {Duplex} from 'node:stream'
import {withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import {Scope} from '../../base/scope.ts'
import type {Engine} from '../../engine/engine.ts'
import {splitFrames} from '../../engine/frames.ts'
import type {ContainerOptions} from '../../engine/options.ts'
import {lineReader} from '../wire/lines.ts'
import type {Oversize} from '../wire/oversize.ts'
import {watchDisk} from './disk.ts'
import type {CloseReason} from './upstream.ts'
import {unlessAborted} from './waiting.ts'

/** What the engine may take to create a container, connect to it and start it, all in all. */
const START_MS = 60_000
/** What a server may take between the end of its stdin and its own end, before it is removed by force. */
const GRACE_MS = 2000
/** What the engine may take to remove a container; a hung engine must not hold up the gateway's own end. */
const REMOVE_MS = 3000
/** The same for one that has filled a disk, whose files must be removed, too; nobody waits for that. */
const REMOVE_FULL_MS = 60_000
/** What the engine may take to tell an exit code once the container's stream has ended. */
const EXIT_CODE_MS = 2000
const KEPT_STDERR_LINES = 20
const LONGEST_STDERR_LINE = 64 * 1024
/** What may wait for a server that does not read, besides two of the largest messages. */
const MANY_UNREAD_BYTES = 4 * 1024 * 1024

/** What is to run, who hears of it, and what goes with it. */
export interface ContainerRun {
  /** The container's name, see `containerName`. */
  readonly name: string
  readonly options: ContainerOptions
  /** Done before the container is created: what it is created with. */
  readonly before?: ((signal: AbortSignal) => Promise<void>) | undefined
  /** Done when the container runs and its program does not yet: what the program must find when it starts. */
  readonly prepare?: ((id: string, signal: AbortSignal) => Promise<void>) | undefined
  /** What the shim waits for, see `environmentBlock`. */
  readonly block?: Buffer | undefined
  /** What it may write to its own disk. Undefined where it cannot write there at all. */
  readonly diskBytes?: number | undefined
  /** Done when the container is gone. Never rejects. */
  readonly cleanUp?: (() => Promise<void>) | undefined
  /** The longest line of stdout that is taken. */
  readonly maxMessageBytes: number
  /** One line of stdout. */
  readonly onLine: (line: string) => void
  /** A line of stdout that was longer. */
  readonly onOversize: (oversize: Oversize) => void
  /** One line that the server wrote to stderr, secrets masked. */
  readonly onStderr: (line: string) => void
  /** The engine would not remove the container: it may still be there. */
  readonly onLost: (error: unknown) => void
  /** Takes the secrets out of a text before anybody sees it. */
  readonly redact: (text: string) => string
}

/**
 * Creates a container, attaches to it, starts it, and lets its program begin. Attached before it is started: with log
 * driver `none`, what came earlier would be lost.
 * @throws PluginError of the engine, ENGINE_FAILED when it takes too long, or the signal's reason; then nothing is
 *   left behind
 */
export async function runContainer(
  engine: Engine,
  run: ContainerRun,
  signal: AbortSignal,
): Promise<RunningContainer> {
  await using starting = new Scope()
  if (run.cleanUp) starting.defer(run.cleanUp)
  using steps = inTime(signal)
  const {before, prepare, block} = run
  if (before) await steps.take('make the network of', before)
  // One that comes too late is removed by the engine's own verb.
  const id = await steps.take('create', inner => engine.create(run.options, inner, run.name))
  starting.defer(() => removeContainer(engine, id, run.onLost))
  const socket = await steps.take('connect to', inner => engine.attach(id, inner))
  starting.defer(() => void socket.destroy())
  const exit = engine.wait(id)
  // Asked for early, read late: a failure in between is told by whoever reads it.
  exit.catch(() => undefined)
  await steps.take('start', inner => engine.start(id, inner))
  if (prepare) await steps.take('prepare', inner => prepare(id, inner))
  if (block) socket.write(block)
  starting.release()
  return new RunningContainer({engine, id, socket, exit, run})
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

/** A container that was started, until it is gone. */
export class RunningContainer implements AsyncDisposable {
  /** Settles when the container is gone, and what belongs to it. Never rejects; `junk` is never set. */
  readonly closed: Promise<CloseReason>
  readonly #parts: Parts
  readonly #stderr: string[] = []
  #disposed: Promise<void> | undefined
  #removed: Promise<void> | undefined
  /** Why it was removed although nobody asked for its end. */
  #broken: string | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    // A server that closed its end is seen by the reading side; an error event without a listener ends the process.
    parts.socket.on('error', () => undefined)
    this.closed = this.#live()
  }

  /** The last lines that it wrote to stderr, secrets masked. */
  get stderr(): readonly string[] {
    return this.#stderr
  }

  /** Writes to the program's stdin. One that never reads is given up. */
  write(text: string): void {
    const {socket, run} = this.#parts
    if (!socket.writable) return
    gather(socket)
    socket.write(text)
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

  #remove(within = REMOVE_MS): Promise<void> {
    const {engine, id, run} = this.#parts
    this.#removed ??= removeContainer(engine, id, run.onLost, within)
    return this.#removed
  }

  async #live(): Promise<CloseReason> {
    const {engine, id, run} = this.#parts
    const {diskBytes} = run
    using _ =
      diskBytes === undefined
        ? undefined
        : watchDisk({engine, id, limit: diskBytes}, why => {
            this.#broken = why
            void this.#remove(REMOVE_FULL_MS)
          })
    const broken = await this.#read()
    const what = this.#broken ?? broken ?? (await this.#howItEnded())
    // Said already, by what.
    if (what.startsWith(NOT_STARTED)) this.#stderr.pop()
    // By itself it goes only when its program has ended, and that is not certain here.
    await this.#remove()
    await run.cleanUp?.()
    return {what, stderr: this.#stderr, junk: undefined}
  }

  /** Reads what the program says to the end; gives what broke the connection, if something did. */
  async #read(): Promise<string | undefined> {
    const {socket, run} = this.#parts
    const stdout = lineReader(run.maxMessageBytes, run)
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
    return broken
  }

  async #howItEnded(): Promise<string> {
    const {exit} = this.#parts
    if (this.#disposed) return 'was stopped'
    return withDeadline(exit, EXIT_CODE_MS, tooLate).then(
      ({exitCode}) => shimsWords(exitCode, this.#stderr) ?? endOf(exitCode),
      () => 'ended',
    )
  }

  #stderrLine(line: string): void {
    const text = this.#parts.run.redact(line)
    this.#stderr.push(text)
    if (this.#stderr.length > KEPT_STDERR_LINES) this.#stderr.shift()
    this.#parts.run.onStderr(text)
  }
}

const SHIM = 'shim: '
const NOT_STARTED = 'could not be started'
/** The shim's own: no block, not executable, not found. */
const SHIM_CODES: ReadonlySet<number> = new Set([125, 126, 127])

/** Why the program was never started, when that is so. */
function shimsWords(exitCode: number, stderr: readonly string[]): string | undefined {
  const said = SHIM_CODES.has(exitCode) ? stderr.at(-1) : undefined
  return said?.startsWith(SHIM) ? `${NOT_STARTED}: ${said.slice(SHIM.length)}` : undefined
}

/** 128 and SIGXFSZ, which is not seen otherwise: the program has no word to say about it. */
const FILE_TOO_LARGE = 128 + 25

function endOf(exitCode: number): string {
  const what = `ended with exit code ${exitCode}`
  return exitCode === FILE_TOO_LARGE ? `${what}: it wrote a file that is larger than may be` : what
}

/** Makes one write of all that is written in this turn of the event loop: each is a call of the system. */
function gather(socket: Duplex): void {
  if (socket.writableCorked > 0) return
  socket.cork()
  setImmediate(() => socket.uncork())
}

/** What goes wrong here is told, not thrown: it must neither hide why a start failed nor keep others from ending. */
async function removeContainer(
  engine: Engine,
  id: string,
  onLost: (error: unknown) => void,
  within = REMOVE_MS,
): Promise<void> {
  await withDeadline(engine.remove(id, {force: true}), within, tooLate).catch(onLost)
}

function tooLate(): Error {
  return new Error('the engine did not answer in time')
}
