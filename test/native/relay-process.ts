import {spawn, type ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {connect, createServer, type AddressInfo, type Socket} from 'node:net'
import {text} from 'node:stream/consumers'

import {afterEach} from 'vitest'

import type {Build} from './builds.ts'

/** The types of frames. */
export const READY = 1
export const OPEN = 2
export const DATA = 3
export const END = 4
export const CLOSE = 5
export const CREDIT = 6
export const CONNECT = 7
export const CONNECTED = 8
export const QUERY = 9
export const ANSWER = 10

/** What CLOSE carries. */
export const DONE = Buffer.of(0)
export const RESET = Buffer.of(1)

/** Bytes that each side may send without credit. */
export const WINDOW = 65_536
/** Streams of programs that connect. */
export const STREAMS = 200
/** The first of the streams that the gateway makes, and how many there are. */
export const MADE = 0x8000
export const MADE_STREAMS = 56

export interface Frame {
  readonly type: number
  readonly stream: number
  readonly payload: Buffer
}

/** A running relay, and the gateway's end of its frames. Disposing of it ends it. */
export interface Relay extends AsyncDisposable {
  readonly child: ChildProcess
  send(type: number, stream: number, payload?: Buffer): void
  /** Bytes that need not be frames. */
  write(bytes: Buffer): void
  /** The payload of the first frame of that type and stream that nobody has taken yet; waits for it. */
  frame(type: number, stream: number): Promise<Buffer>
  /** The frames that nobody has taken. */
  waiting(): readonly Frame[]
  /** From now on every new frame goes to `take` alone. */
  each(take: (frame: Frame) => void): void
  /** Ends stdin. */
  end(): void
  ended(): Promise<{code: number | null; signal: NodeJS.Signals | null; stderr: string}>
}

/** Starts a relay as a plain process; with ports, it listens on the addresses of this machine. */
export function startRelay(
  build: Build,
  args: readonly (string | number)[],
  wrapper: readonly string[] = [],
): Relay {
  const [program = '', ...rest] = [...wrapper, ...build.command('relay'), ...args.map(String)]
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {...process.env, ...build.env},
  })
  relays.add(child)
  const {stdin} = child
  stdin.on('error', () => undefined)
  const frames: Frame[] = []
  let take = (frame: Frame): void => {
    frames.push(frame)
  }
  let bytes: Buffer = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    for (let length; bytes.length >= 8 && bytes.length >= (length = 8 + bytes.readUInt32LE(4)); ) {
      take({type: bytes[0]!, stream: bytes.readUInt16LE(2), payload: bytes.subarray(8, length)})
      bytes = bytes.subarray(length)
    }
    child.emit('frames')
  })
  const stderr = text(child.stderr)
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const write = (chunk: Buffer) => void stdin.write(chunk)
  return {
    child,
    write,
    send: (type, stream, payload) => write(frameOf(type, stream, payload)),
    frame: async (type, stream) => {
      for (;;) {
        const index = frames.findIndex(one => one.type === type && one.stream === stream)
        if (index !== -1) return frames.splice(index, 1)[0]!.payload
        const more = once(child, 'frames').then(() => true)
        if (await Promise.race([more, closed.then(() => false)])) continue
        throw new Error(`the relay has ended: ${await stderr}`)
      }
    },
    waiting: () => frames,
    each: taker => (take = taker),
    end: () => void stdin.end(),
    ended: async () => {
      const [code, signal] = await closed
      return {code, signal, stderr: await stderr}
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** The bytes of a frame. */
export function frameOf(type: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(8)
  header[0] = type
  header.writeUInt16LE(stream, 2)
  header.writeUInt32LE(payload.length, 4)
  return Buffer.concat([header, payload])
}

/** The payload of CREDIT. */
export function credit(bytes: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32LE(bytes)
  return payload
}

/** The payload of CONNECT. */
export function toPort(port: number): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16LE(port)
  return payload
}

/** What the running test started and connected, which ends with it, also when it took too long. */
const relays = new Set<ChildProcess>()
const sockets = new Set<Socket>()
afterEach(() => {
  for (const relay of relays) relay.kill('SIGKILL')
  relays.clear()
  for (const socket of sockets) socket.destroy()
  sockets.clear()
})

/** A program's connection, which reads only when it is told to. */
export async function dial(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({port, host, allowHalfOpen: true})
  await once(socket, 'connect')
  return kept(socket)
}

function kept(socket: Socket): Socket {
  sockets.add(socket)
  socket.on('error', () => undefined)
  return socket
}

/** A server beside the relay, and the first that connects to it. */
export async function serverInside(): Promise<
  {port: number; connection: Promise<Socket>} & Disposable
> {
  const server = createServer({allowHalfOpen: true}).listen(0, '127.0.0.1')
  server.on('connection', kept)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connection: once(server, 'connection').then(([socket]) => socket as Socket),
    [Symbol.dispose]: () => void server.close(),
  }
}

/** Reads that many bytes. */
export async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let missing = count; missing > 0; ) {
    const chunk = socket.read(
      Math.min(missing, Math.max(socket.readableLength, 1)),
    ) as Buffer | null
    if (chunk === null) {
      await once(socket, 'readable')
    } else {
      chunks.push(chunk)
      missing -= chunk.length
    }
  }
  return Buffer.concat(chunks)
}

/** Waits until the other side has ended its half. */
export async function untilEnd(socket: Socket): Promise<void> {
  if (socket.readableEnded) return
  socket.resume()
  await once(socket, 'end')
}
