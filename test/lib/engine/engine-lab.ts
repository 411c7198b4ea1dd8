import {execFile} from 'node:child_process'
import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {chmod, mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises'
import {createServer as createHttpServer, type IncomingMessage} from 'node:http'
import {connect as dial, createServer, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import type {Duplex} from 'node:stream'
import {promisify} from 'node:util'
import {gzipSync} from 'node:zlib'
import type {Scope} from '../../../src/lib/base/scope.ts'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import type {Endpoint} from '../../../src/lib/engine/endpoint.ts'
import type {Engine} from '../../../src/lib/engine/engine.ts'
import {splitFrames} from '../../../src/lib/engine/frames.ts'

export const run = promisify(execFile)
const SOCKET = '/var/run/docker.sock'
export const endpoint: Endpoint = {kind: 'unix', path: SOCKET, from: 'the default'}

/** A folder that is removed when the scope closes. */
export async function tempDir(scope: Scope): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'engine-test-'))
  scope.defer(() => rm(dir, {recursive: true}))
  return dir
}

/**
 * Listens on a socket file or a port (0: any) of this machine until the scope closes.
 * @param accept gets every connection
 * @returns the port
 */
export async function listenOn(
  scope: Scope,
  where: string | number,
  accept: (socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({allowHalfOpen: true}, socket => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    accept(socket)
  })
  if (typeof where === 'string') server.listen(where)
  else server.listen(where, '127.0.0.1')
  await once(server, 'listening')
  scope.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A proxy in front of the engine that keeps every byte that goes to it. */
export interface RecordingProxy {
  readonly endpoint: Endpoint
  /** Everything that was sent so far. */
  readonly sent: () => string
  /** Resolves when what was sent has this in it. */
  readonly hasSent: (what: RegExp) => Promise<void>
  readonly connections: () => number
}

export async function recordingProxy(scope: Scope): Promise<RecordingProxy> {
  const path = join(await tempDir(scope), 'proxy.sock')
  const bytes: Buffer[] = []
  const looks = new Set<() => void>()
  let connections = 0
  await listenOn(scope, path, near => {
    connections += 1
    const far = dial({path: SOCKET, allowHalfOpen: true}).on('error', () => near.destroy())
    near.on('data', chunk => {
      bytes.push(Buffer.from(chunk))
      for (const look of looks) look()
    })
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
  })
  const sent = () => Buffer.concat(bytes).toString('latin1')
  const hasSent = (what: RegExp) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (!what.test(sent())) return
        looks.delete(look)
        resolve()
      }
      looks.add(look)
      look()
    })
  const from = 'the test'
  return {endpoint: {kind: 'unix', path, from}, sent, hasSent, connections: () => connections}
}

/** The engine behind such a proxy. */
export type WatchedEngine = RecordingProxy & {readonly engine: Engine}

export async function watchedEngine(scope: Scope): Promise<WatchedEngine> {
  const proxy = await recordingProxy(scope)
  return {...proxy, engine: await openEngine(proxy.endpoint)}
}

export interface FakeAnswer {
  readonly status?: number
  readonly body: unknown
}

/** Something that speaks HTTP as an engine does, and answers by `METHOD /path`, without the version and the query. */
export async function fakeEngine(
  scope: Scope,
  answers: Readonly<Record<string, FakeAnswer>>,
): Promise<{readonly engine: Engine; readonly asked: readonly string[]}> {
  const asked: string[] = []
  const version = {Version: '1', ApiVersion: '1.41', Os: 'linux', Arch: 'amd64'}
  const answerTo = ({method, url = ''}: IncomingMessage) => {
    const what = `${method} ${url.replace(/^\/v\d[\d.]*|\?.*/g, '')}`
    asked.push(what)
    const {status = 200, body} = answers[what] ?? {body: version}
    return {status, text: JSON.stringify(body)}
  }
  const path = join(await tempDir(scope), 'engine.sock')
  const server = createHttpServer((request, response) => {
    const {status, text} = answerTo(request)
    response.writeHead(status).end(text)
  }).listen(path)
  // An engine that refuses a raw stream does it with an answer of HTTP.
  server.on('upgrade', (request, socket) => {
    const {status, text} = answerTo(request)
    socket.end(`HTTP/1.1 ${status} Any\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
  })
  await once(server, 'listening')
  scope.defer(() => server.closeAllConnections())
  scope.defer(() => void server.close())
  return {engine: await openEngine({kind: 'unix', path, from: 'the test'}), asked}
}

/** Reads a framed stream to its end. */
export async function outputOf(stream: Duplex): Promise<{stdout: string; stderr: string}> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  await splitFrames(stream, {
    stdout: chunk => void out.push(chunk),
    stderr: chunk => void err.push(chunk),
  })
  return {stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString()}
}

/**
 * Sends more than any buffer holds to a program that gives back what it gets, and ends its input.
 * @returns the digests of what was sent, and of what came back
 */
export async function muchBothWays(stream: Duplex): Promise<{sent: string; received: string}> {
  const piece = Buffer.alloc(1024 * 1024, 'abcdefgh')
  const [sent, received] = [createHash('sha256'), createHash('sha256')]
  const write = async () => {
    for (let turn = 0; turn < 16; turn += 1) {
      sent.update(piece)
      if (!stream.write(piece)) await once(stream, 'drain')
    }
    stream.end()
  }
  const sinks = {stdout: (chunk: Buffer) => void received.update(chunk), stderr: () => undefined}
  await Promise.all([splitFrames(stream, sinks), write()])
  return {sent: sent.digest('hex'), received: received.digest('hex')}
}

/** What a test archive has in it: a file with its mode, a link, or a folder. */
export type Entry =
  | {readonly content: string | Buffer; readonly mode?: number}
  | {readonly link: string}
  | {readonly folder: true}

/** A tar archive, made by the system's own program. */
export async function tarOf(
  scope: Scope,
  entries: Readonly<Record<string, Entry>>,
): Promise<Buffer> {
  const root = await tempDir(scope)
  for (const [name, entry] of Object.entries(entries)) {
    const path = join(root, name)
    await mkdir(dirname(path), {recursive: true})
    if ('folder' in entry) await mkdir(path)
    else if ('link' in entry) await symlink(entry.link, path)
    else {
      await writeFile(path, entry.content)
      await chmod(path, entry.mode ?? 0o644)
    }
  }
  const names = Object.keys(entries)
  const ownership = ['--owner=0', '--group=0', '--numeric-owner']
  const {stdout} = await run(
    'tar',
    ['--create', ...ownership, '--directory', root, '--files-from', '/dev/null', ...names],
    {encoding: 'buffer', maxBuffer: 64 * 1024 ** 2},
  )
  return stdout
}

export async function gzippedTarOf(
  scope: Scope,
  entries: Readonly<Record<string, Entry>>,
): Promise<Buffer> {
  return gzipSync(await tarOf(scope, entries))
}

/** Gives the engine an image of this archive, with Dockerfile lines applied, until the scope closes. */
export async function importImage(
  scope: Scope,
  ref: string,
  {archive, changes = []}: {archive: Buffer; changes?: readonly string[]},
): Promise<string> {
  const file = join(await tempDir(scope), 'root.tar')
  await writeFile(file, archive)
  await run('docker', ['import', ...changes.flatMap(each => ['--change', each]), file, ref])
  scope.defer(async () => void (await run('docker', ['image', 'rm', '--force', ref])))
  return ref
}
