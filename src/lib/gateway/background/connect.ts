import type {Duplex, Readable, Writable} from 'node:stream'
import {setTimeout as delay} from 'node:timers/promises'
import {withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import {lineReader} from '../wire/lines.ts'
import {Conversation} from './conversation.ts'
import {Unsent} from './unsent.ts'

export interface ConnectInput {
  /** The client's messages, one a line. */
  readonly stdin: Readable
  readonly stdout: Writable
  /**
   * Connects to the gateway; starts it where that is to be done.
   * @param isWanted whether the client waits for it: otherwise one that was stopped stays so
   * @returns undefined when it was stopped, and nobody waits for it
   */
  readonly open: (isWanted: boolean) => Promise<Duplex | undefined>
  /** Words for people. */
  readonly notify: (line: string) => void
  /** Aborted when the client is gone, or somebody stops the program. */
  readonly signal: AbortSignal
}

/** The gateway says itself what is too large. */
const LONGEST_LINE = 512 * 1024 * 1024
/** From so many bytes on that nobody has read, the other side waits. */
const MANY_UNREAD = 8 * 1024 * 1024
/** A gateway that was stopped may be started by somebody. */
const LOOK_MS = 1000
/** What the gateway takes for its last answers, and somewhat more. */
const LAST_ANSWERS_MS = 5000
const LONGEST_PAUSE_MS = 10_000
/** A gateway that lives for less is not started again at once. */
const SHORT_LIFE_MS = 2000

const LOST =
  'the gateway ended before it answered, and what was asked may have been done; look before you ask again'

/**
 * Is a client's gateway over stdio, by means of one that runs for itself: passes all messages between them, and when
 * that gateway ends, connects the client to the next.
 */
export async function connectClient(input: ConnectInput): Promise<void> {
  await new Connecting(input).run()
}

class Connecting {
  readonly #input: ConnectInput
  readonly #talk: Conversation
  readonly #unsent = new Unsent(line => this.#write(line))
  #socket: Duplex | undefined
  #isResumed = false
  #isOver = false
  /** Why no gateway could be reached the last time. */
  #told: string | undefined
  #wake: () => void = () => undefined

  constructor(input: ConnectInput) {
    this.#input = input
    this.#talk = new Conversation({
      toClient: line => this.#write(line),
      toGateway: line => this.#send(line),
      onResumed: () => this.#flush(),
      onRefused: why => {
        const text = `the gateway that was started again does not take this client: ${why}`
        input.notify(`! ${text}`)
        this.#refuse(text)
        this.#socket?.destroy()
      },
    })
  }

  async run(): Promise<void> {
    const {stdin, signal} = this.#input
    const lines = this.#lines(line => this.#said(line))
    stdin.on('data', (chunk: Buffer) => lines.push(chunk))
    stdin.on('error', () => undefined)
    const over = () => {
      this.#isOver = true
      this.#wake()
      if (this.#isResumed) this.#socket?.end()
    }
    for (const event of ['end', 'close']) stdin.once(event, over)
    signal.addEventListener('abort', over, {once: true})
    let pause = 0
    while (!this.#isDone) {
      const started = performance.now()
      const wasTaken = await this.#converse()
      if (this.#isDone) return
      // The client has asked for something while we looked.
      if (!wasTaken && this.#isWanted) continue
      pause =
        performance.now() - started < SHORT_LIFE_MS
          ? Math.min(2 * pause + 100, LONGEST_PAUSE_MS)
          : 0
      await this.#rest(pause)
    }
  }

  get #isDone(): boolean {
    const {signal} = this.#input
    return signal.aborted || (this.#isOver && !this.#unsent.isWanted)
  }

  /** Whether the client waits for a gateway. */
  get #isWanted(): boolean {
    return this.#unsent.isWanted || this.#talk.isWanted
  }

  /** Is with one gateway until that is gone. @returns false when there was none */
  async #converse(): Promise<boolean> {
    const socket = await this.#open()
    if (!socket) {
      if (!this.#isWanted) await this.#rest(LOOK_MS)
      return false
    }
    this.#socket = socket
    this.#told = undefined
    const lines = this.#lines(line => this.#talk.fromGateway(line))
    socket.on('data', (chunk: Buffer) => {
      lines.push(chunk)
      slowDown(socket, this.#input.stdout)
    })
    const closed = new Promise<void>(resolve => void socket.once('close', resolve))
    socket.once('end', () => socket.end())
    this.#talk.resume()
    await Promise.race([closed, this.#ending(socket)])
    socket.destroy()
    this.#socket = undefined
    this.#isResumed = false
    if (!this.#isDone) this.#talk.lost(LOST)
    return true
  }

  /** Settles some time after the client has said its last word. */
  async #ending(socket: Duplex): Promise<void> {
    const finished = new Promise<void>(resolve => void socket.once('finish', resolve))
    await finished
    await delay(LAST_ANSWERS_MS, undefined, {ref: false})
  }

  async #open(): Promise<Duplex | undefined> {
    try {
      return await this.#input.open(this.#isWanted)
    } catch (error) {
      const {message, hint} =
        error instanceof PluginError ? error : {message: messageOf(error), hint: undefined}
      const why = hint === undefined ? message : `${message}\n${hint}`
      // It is tried again and again.
      if (message !== this.#told) this.#input.notify(`! ${message}`)
      this.#told = message
      this.#refuse(why)
      return undefined
    }
  }

  /** Answers all that waits for a gateway. */
  #refuse(why: string): void {
    this.#talk.giveUp(why)
    for (const line of this.#take()) this.#talk.refuse(line, why)
  }

  /** Waits for some time, or until the client asks for something more. */
  async #rest(milliseconds: number): Promise<void> {
    if (milliseconds === 0 || this.#isDone) return
    const woken = new Promise<void>(resolve => (this.#wake = resolve))
    await withDeadline(woken, milliseconds, () => new Error('time')).catch(() => undefined)
  }

  #said(line: string): void {
    if (this.#isResumed) this.#talk.fromClient(line)
    else {
      this.#unsent.push(line)
      if (this.#unsent.isFull) this.#input.stdin.pause()
      if (this.#unsent.isWanted) this.#wake()
    }
  }

  #flush(): void {
    this.#isResumed = true
    for (const line of this.#take()) this.#talk.fromClient(line)
    if (this.#isOver) this.#socket?.end()
  }

  #take(): readonly string[] {
    this.#input.stdin.resume()
    return this.#unsent.take()
  }

  #send(line: string): void {
    const {stdin} = this.#input
    const socket = this.#socket
    if (!socket || socket.destroyed) return
    socket.write(`${line}\n`)
    slowDown(stdin, socket)
  }

  #write(line: string): void {
    this.#input.stdout.write(`${line}\n`)
  }

  #lines(onLine: (line: string) => void): {push(chunk: Buffer): void} {
    return lineReader(LONGEST_LINE, {
      onLine,
      onOversize: ({bytes}) => this.#input.notify(`! a message of ${bytes} bytes was dropped`),
    })
  }
}

/** Has a source wait for a sink that does not keep up. */
function slowDown(source: Readable, sink: Writable): void {
  if (sink.writableLength <= MANY_UNREAD || source.isPaused()) return
  source.pause()
  const goOn = () => {
    for (const event of ['drain', 'close']) sink.off(event, goOn)
    source.resume()
  }
  sink.once('drain', goOn)
  sink.once('close', goOn)
}
