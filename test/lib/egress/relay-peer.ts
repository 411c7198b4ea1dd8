import type {Duplex} from 'node:stream'
import {FRAME, FrameReader, frameOf} from '../../../src/lib/egress/frames.ts'
import type {Frame, FrameType} from '../../../src/lib/egress/frames.ts'
import {Relay} from '../../../src/lib/egress/relay.ts'
import type {LocalPlace} from '../../../src/lib/egress/relay.ts'

/** A relay as the gateway has it, and what the other end of its pipes says and hears. */
export class RelayPeer {
  readonly opened: {readonly connection: Duplex; readonly local: LocalPlace}[] = []
  readonly queries: {readonly packet: Buffer; readonly answer: (packet: Buffer) => void}[] = []
  readonly faults: Error[] = []
  /** What was sent and not looked at yet. */
  readonly #sent: Frame[] = []
  readonly #reader = new FrameReader()
  unsent = 0
  readonly relay = new Relay({
    send: frame => this.#sent.push(...this.#reader.read(frame)),
    unsent: () => this.unsent,
    onOpen: (connection, local) => this.opened.push({connection, local}),
    onQuery: (packet, answer) => this.queries.push({packet, answer}),
    onFault: error => this.faults.push(error),
  })

  say(type: FrameType, stream: number, payload?: Buffer): void {
    this.relay.receive(frameOf(type, stream, payload))
  }

  /** A program connects. */
  open(stream: number, place: readonly number[] = [127, 1, 0, 1, 1, 187]): Duplex {
    this.say(FRAME.open, stream, Buffer.from(place))
    const connection = this.opened.at(-1)?.connection
    if (!connection) throw new Error('it was not opened')
    return connection
  }

  /** What was sent since the last time, as `type stream payload`. */
  heard(): string[] {
    const names = new Map<number, string>(Object.entries(FRAME).map(([name, type]) => [type, name]))
    return this.#sent.splice(0).map(({type, stream, payload}) => {
      const text = type === FRAME.data ? payload.toString() : payload.toString('hex')
      return `${names.get(type)} ${stream} ${text}`.trim()
    })
  }

  /** The sizes of the data that was sent since the last time. */
  heardSizes(): number[] {
    return this.#sent
      .splice(0)
      .filter(({type}) => type === FRAME.data)
      .map(({payload}) => payload.length)
  }
}
