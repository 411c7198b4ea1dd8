import type {Duplex} from 'node:stream'
import {unlessAborted, withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import type {Egress} from '../../egress/egress.ts'
import {Relay} from '../../egress/relay.ts'
import type {Engine} from '../../engine/engine.ts'
import {splitFrames} from '../../engine/frames.ts'
import {PROGRAMS_PATH} from '../../engine/mounts.ts'
import type {ShimArchitecture} from '../../engine/shim.ts'

/** What the relay may take to listen, from the moment the engine has started it. */
const READY_MS = 10_000
/**
 * A user that no server is, so that none can stop or read it but one that is root. It has no rights; below 65536, so
 * that it exists where users are mapped (userns-remap).
 */
const USER = '65432:65432'
const LONGEST_WORDS = 500

/** The way between a container without network and the gateway. */
export interface RelayLink {
  /** Connects to a port of the server's own loopback. Rejects with the code ECONNREFUSED when nobody listens. */
  connect(port: number, signal?: AbortSignal): Promise<Duplex>
  close(): void
}

/**
 * Starts the relay program in a running container and waits until it listens. Everything that comes through it is
 * decided by `egress`; without one, nothing goes out and only `connect` is of use.
 * @throws PluginError SERVER_START_FAILED with the relay's own words; the engine's errors; the signal's reason
 */
export async function openRelay(
  engine: Engine,
  id: string,
  input: {
    readonly server: string
    readonly architecture: ShimArchitecture
    readonly egress: Egress | undefined
    /** The relay has ended while the container goes on: nothing passes any more. */
    readonly onEnd: (why: string) => void
  },
  signal: AbortSignal,
): Promise<RelayLink> {
  const {server, architecture, egress} = input
  const listening = egress === undefined ? [] : ['-d', ...egress.ports.map(String)]
  const command = [`${PROGRAMS_PATH}/relay-${architecture}`, ...listening]
  const socket = await engine.exec(id, {command, user: USER}, signal)
  let words = ''
  let isListening = false
  let isOver = false
  const relay = new Relay({
    send: frame => void socket.write(frame),
    unsent: () => socket.writableLength,
    onOpen: (connection, local) =>
      egress === undefined ? connection.destroy() : egress.accept(connection, local),
    onQuery: (packet, answer) => {
      const reply = egress?.answer(packet)
      if (reply) answer(reply)
    },
    onFault: error => close(messageOf(error)),
  })
  const link: RelayLink = {
    connect: (port, inner) => relay.connect(port, inner),
    close: () => {
      isOver = true
      close('it was closed')
    },
  }

  function close(why: string): void {
    relay.close(new Error(why))
    socket.destroy()
    egress?.[Symbol.dispose]()
    if (isOver) return
    isOver = true
    input.onEnd(why)
  }

  splitFrames(socket, {
    stdout: chunk => {
      // A program that cannot be run is told there, in words instead of frames (Engine API, "Start an exec instance").
      if (!isListening) words = `${words}${chunk.toString()}`.slice(0, LONGEST_WORDS)
      relay.receive(chunk)
    },
    stderr: chunk => {
      words = `${words}${chunk.toString()}`.slice(0, LONGEST_WORDS)
    },
  }).then(
    () => close(printable(words) || 'it has ended'),
    (error: unknown) => close(messageOf(error)),
  )
  try {
    const ready = withDeadline(relay.ready, READY_MS, () => new Error('it does not listen in time'))
    await unlessAborted(ready, signal)
    isListening = true
    words = ''
    return link
  } catch (error) {
    link.close()
    signal.throwIfAborted()
    throw new PluginError(
      'SERVER_START_FAILED',
      `server ${server}: the relay for its network did not start: ${printable(words) || messageOf(error)}`,
      {hint: 'see its allowHosts: docker mcp server inspect', cause: error},
    )
  }
}

function printable(words: string): string {
  return words.replace(/\p{C}/gu, ' ').trim()
}
