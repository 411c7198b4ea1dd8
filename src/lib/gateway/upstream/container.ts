import {parseMessages} from '../wire/batch.ts'
import type {Message} from '../wire/jsonrpc.ts'
import {reportOversize, type SizeLimit} from './oversize.ts'
import type {ParkedContainer} from './parked.ts'
import type {ContainerRun, RunningContainer} from './running.ts'
import type {CloseReason, MessageListener, Upstream} from './upstream.ts'

const LONGEST_JUNK = 120

/** How the program of a container is spoken with over its stdin and stdout. */
export interface StdioRun extends Omit<ContainerRun, 'onLine' | 'onOversize'>, SizeLimit {
  readonly onMessage: MessageListener
}

/** Lets the program of a container begin, and speaks MCP's stdio transport with it. */
export function speakStdio(container: ParkedContainer, run: StdioRun): Upstream {
  const reader = new StdoutReader(run)
  return new StdioUpstream(container.begin({...run, ...reader.listeners}), reader, text =>
    run.redaction.mask(text),
  )
}

/** Sorts what a program prints into messages and the rest. */
class StdoutReader {
  /** The first line that was no message, secrets masked. */
  junk: string | undefined
  readonly listeners: Pick<ContainerRun, 'onLine' | 'onOversize'>

  constructor(run: StdioRun) {
    this.listeners = {
      onLine: line => {
        const messages = parseMessages(line)
        for (const message of messages) run.onMessage(message)
        // Banners and stray prints are common; they only matter when the server never speaks.
        if (messages.length === 0) this.junk ??= run.redaction.mask(line).slice(0, LONGEST_JUNK)
      },
      onOversize: oversize => reportOversize(oversize, run, run.onMessage),
    }
  }
}

class StdioUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly redact: (text: string) => string
  readonly #container: RunningContainer

  constructor(container: RunningContainer, reader: StdoutReader, redact: (text: string) => string) {
    this.#container = container
    this.redact = redact
    this.closed = container.closed.then(reason => ({...reason, junk: reader.junk}))
  }

  send(message: Message): void {
    this.#container.write(`${JSON.stringify(message)}\n`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#container[Symbol.asyncDispose]()
  }
}
