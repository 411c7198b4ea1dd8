import type {Duplex} from 'node:stream'
import {withDeadline} from '../../base/async.ts'
import {messageOf} from '../../base/errors.ts'
import type {Engine} from '../../engine/engine.ts'
import {splitFrames} from '../../engine/frames.ts'
import type {ContainerOptions} from '../../engine/options.ts'
import type {ContainerLife, ServerLife} from '../lives.ts'
import type {Redaction} from '../redaction.ts'
import {lineReader} from '../wire/lines.ts'
import {maskedLines} from './masked-lines.ts'
import type {Oversize} from '../wire/oversize.ts'
import {mebibytes, watchDisk} from './disk.ts'
import type {CloseReason} from './upstream.ts'

/** What a server may take between the end of its stdin and its own end, before it is removed by force. */
const GRACE_MS = 2000
/** What the engine may take to remove a container; a hung engine must not hold up the gateway's own end. */
const REMOVE_MS = 3000
/** The same for one that has filled a disk, whose files must be removed, too; nobody waits for that. */
const REMOVE_FULL_MS = 60_000
/**
 * What the engine may take to tell an exit code once the container's stream has ended, unless the end is waited for:
 * a busy one first clears up what the container had.
 */
const EXIT_CODE_MS = 10_000
const KEPT_STDERR_LINES = 20
const LONGEST_STDERR_LINE = 64 * 1024
/** What may wait for a server that does not read, besides two of the largest messages. */
const MANY_UNREAD_BYTES = 4 * 1024 * 1024

/** What is to be made, and what goes with it: all that can be settled before anybody needs the container. */
export interface ContainerPlan {
  /** The container's name, see `containerName`. */
  readonly name: string
  readonly options: ContainerOptions
  /** Done before the container is created: what it is created with. */
  readonly before?: ((signal: AbortSignal) => Promise<void>) | undefined
  /** Done when the container runs and its program does not yet: what the program must find when it starts. */
  readonly prepare?: ((id: string, signal: AbortSignal) => Promise<void>) | undefined
  /** What it may write to its own disk. Undefined where it cannot write there at all. */
  readonly diskBytes?: number | undefined
  /** Done when the container is gone. Never rejects. */
  readonly cleanUp?: (() => Promise<void>) | undefined
  /** The engine would not remove the container: it may still be there. */
  readonly onLost: (error: unknown) => void
  /** Where book is kept of it. */
  readonly life: Pick<ServerLife, 'container'>
}

/** What a container's program is given, and who hears of it. */
export interface ContainerRun {
  /** What the shim waits for, see `environmentBlock`. */
  readonly block?: Buffer | undefined
  /** The longest line of stdout that is taken. */
  readonly maxMessageBytes: number
  /** One line of stdout. */
  readonly onLine: (line: string) => void
  /** A line of stdout that was longer. */
  readonly onOversize: (oversize: Oversize) => void
  /** Takes stdout as it comes, in place of its lines. */
  readonly onStdout?: ((chunk: Buffer) => void) | undefined
  /** One line that the server wrote to stderr, secrets masked. */
  readonly onStderr: (line: string) => void
  /** Takes the secrets out of what the server says before anybody sees it. */
  readonly redaction: Pick<Redaction, 'mask' | 'stream'>
}

/** For whoever takes stdout as it comes. */
export const NO_LINES = {
  maxMessageBytes: 0,
  onLine: (): void => undefined,
  onOversize: (): void => undefined,
}

/** A container that was made and started, with our connection to it. */
export interface RunningParts {
  readonly engine: Engine
  readonly id: string
  readonly socket: Duplex
  readonly exit: Promise<{readonly exitCode: number}>
  readonly plan: ContainerPlan
  readonly life: ContainerLife
}

/** A container whose program runs, until it is gone. */
export class RunningContainer implements AsyncDisposable {
  /** Settles when the container is gone, and what belongs to it. Never rejects; `junk` is never set. */
  readonly closed: Promise<CloseReason>
  /** Settles when its streams have ended, as they do with its program: it is about to be gone. Never rejects. */
  readonly ending: Promise<void>
  readonly #parts: RunningParts
  readonly #run: ContainerRun
  readonly #stderr: string[] = []
  #exitCode: number | undefined
  #disposed: Promise<void> | undefined
  #removed: Promise<void> | undefined
  readonly #streamsEnd = Promise.withResolvers<void>()
  /** It was removed before it had ended by itself. */
  readonly #forced = Promise.withResolvers<undefined>()
  /** It was given up, though it goes on. */
  #isDeaf = false
  /** Why it was removed although nobody asked for its end. */
  #broken: string | undefined

  constructor(parts: RunningParts, run: ContainerRun) {
    this.#parts = parts
    this.#run = run
    // A server that closed its end is seen by the reading side; an error event without a listener ends the process.
    parts.socket.on('error', () => undefined)
    this.ending = this.#streamsEnd.promise
    this.closed = this.#live()
  }

  /** How its program ended by itself, if all that it printed has come; known when the container is gone. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  /** The last lines that it wrote to stderr, secrets masked. */
  get stderr(): readonly string[] {
    return this.#stderr
  }

  /** Writes to the program's stdin. One that never reads is given up. */
  write(text: string): void {
    const {socket} = this.#parts
    if (!socket.writable) return
    gather(socket)
    socket.write(text)
    if (socket.writableLength > MANY_UNREAD_BYTES + 2 * this.#run.maxMessageBytes) {
      this.#isDeaf = true
      socket.destroy(new Error(DEAF))
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
    this.#forced.resolve(undefined)
    socket.destroy()
    await this.closed
  }

  #remove(within = REMOVE_MS): Promise<void> {
    const {engine, id, plan} = this.#parts
    this.#removed ??= removeContainer(engine, id, plan.onLost, within)
    return this.#removed
  }

  async #live(): Promise<CloseReason> {
    const {engine, id, plan, life} = this.#parts
    const {diskBytes} = plan
    using _ =
      diskBytes === undefined
        ? undefined
        : watchDisk({engine, id, limit: diskBytes}, why => {
            this.#broken = why
            void this.#remove(REMOVE_FULL_MS)
          })
    const broken = await this.#read()
    this.#streamsEnd.resolve()
    const what = this.#broken ?? (await this.#howItEnded(broken))
    // By itself it goes only when its program has ended, and that is not certain here.
    await this.#remove()
    await plan.cleanUp?.()
    life.ended()
    return {what, stderr: this.#stderr, junk: undefined}
  }

  /** Reads what the program says to the end; gives what broke the connection, if something did. */
  async #read(): Promise<string | undefined> {
    const {socket} = this.#parts
    const run = this.#run
    const stdout = run.onStdout ? {push: run.onStdout} : lineReader(run.maxMessageBytes, run)
    const stderr = maskedLines(run.redaction, LONGEST_STDERR_LINE, {
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
    stderr.end()
    return broken
  }

  /** @param broken what broke the connection; where the program has ended, that is only how it was noticed */
  async #howItEnded(broken: string | undefined): Promise<string> {
    const {exit, plan} = this.#parts
    if (this.#isDeaf) return broken ?? DEAF
    if (this.#disposed) return broken ?? 'was stopped'
    const told = Promise.race([exit, this.#forced.promise])
    const end = await withDeadline(told, EXIT_CODE_MS, tooLate).catch(() => undefined)
    if (end === undefined) return broken ?? 'ended'
    if (broken === undefined) this.#exitCode = end.exitCode
    const said = this.#shimsWords(end.exitCode)
    if (said === undefined) return endOf(end.exitCode)
    // Said already, by what.
    this.#stderr.pop()
    if (end.exitCode === KILLED) return usedUpMemory(plan.options.HostConfig.Memory)
    return `could not be started: ${said}`
  }

  /** Why the program was never started, or was ended, when it is the shim that tells. */
  #shimsWords(exitCode: number): string | undefined {
    const said = SHIM_CODES.has(exitCode) ? this.#stderr.at(-1) : undefined
    return said?.startsWith(SHIM) ? said.slice(SHIM.length) : undefined
  }

  #stderrLine(line: string): void {
    this.#stderr.push(line)
    if (this.#stderr.length > KEPT_STDERR_LINES) this.#stderr.shift()
    this.#run.onStderr(line)
  }
}

const DEAF = 'it does not read what it is sent'
const SHIM = 'shim: '
/** 128 and SIGKILL. */
const KILLED = 128 + 9
/** The shim's own: no block, not executable, not found; and when the memory of the container is used up. */
const SHIM_CODES: ReadonlySet<number> = new Set([125, 126, 127, KILLED])

function usedUpMemory(limit: number | undefined): string {
  const more =
    limit === undefined ? 'memory than there is' : `than its memory limit of ${mebibytes(limit)}`
  return `was ended by the engine: it used more ${more}`
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
export async function removeContainer(
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
