// A host with a network of its own: it plays machines with addresses of every kind, servers that listen on all of them, a DNS, and a
// gateway that starts containers. Run as `unshare --net --mount node gateway-process.ts FOLDER`, told what to do over
// node's IPC.

import {execFileSync} from 'node:child_process'
import {createSocket} from 'node:dgram'
import {once} from 'node:events'
import {writeFileSync} from 'node:fs'
import {createServer as createHttpServer} from 'node:http'
import type {IncomingMessage, ServerResponse} from 'node:http'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {decode, encode, RECURSION_AVAILABLE} from 'dns-packet'
import type {Answer} from 'dns-packet'
import {createEgress, pinsOf, PROXY_ENVIRONMENT} from '../../../src/lib/egress/egress.ts'
import type {Egress} from '../../../src/lib/egress/egress.ts'
import {Relay} from '../../../src/lib/egress/relay.ts'
import {parseAllowRule} from '../../../src/lib/model/allow-rule.ts'
import type {RelayProgram} from './relay-program.ts'
import {prepareRelay, startRelay} from './relay-program.ts'

export type Order =
  | {readonly kind: 'start'; readonly rules: readonly string[]; readonly pins: readonly Pin[]}
  | {readonly kind: 'connect'; readonly container: number; readonly port: number}
  | {readonly kind: 'dispose' | 'stop' | 'lines'; readonly container: number}
  | {readonly kind: 'visits' | 'lookups' | 'resources'; readonly container?: undefined}

export interface Pin {
  readonly name: string
  readonly address: string
}

export interface Started {
  /** The process id of its relay. */
  readonly container: number
  readonly env: Readonly<Record<string, string>>
  readonly ports: readonly number[]
}

interface Container {
  readonly program: RelayProgram
  readonly relay: Relay
  readonly egress: Egress
  readonly lines: string[]
}

/** Other machines: they are reached here, and yet are no addresses of this host. */
const ADDRESSES = ['203.0.113.10', '10.0.0.5', '169.254.169.254']
const OWN_ADDRESS = '198.51.100.7'
const A_RECORDS: Readonly<Record<string, readonly string[]>> = {
  'allowed.test': ['203.0.113.10'],
  'other.test': ['203.0.113.10'],
  'deep.in.wild.test': ['203.0.113.10'],
  'private.test': ['10.0.0.5'],
  'metadata.test': ['169.254.169.254'],
  'both.test': ['10.0.0.5', '203.0.113.10'],
  'loop.test': ['127.0.0.1'],
  'six.test': ['203.0.113.10'],
  'own.test': [OWN_ADDRESS],
}
const AAAA_RECORDS: Readonly<Record<string, readonly string[]>> = {
  'mapped.test': ['::ffff:10.0.0.5'],
  'six.test': ['2001:db8::5'],
}

const containers = new Map<number, Container>()
/** `address:port` of every connection that came to a server here. */
const visits: string[] = []
/** The names that somebody asked this host's DNS for an IPv4 address of. */
const lookups: string[] = []

const folder = process.argv[2] ?? ''

function setUp(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  for (const address of ADDRESSES) {
    execFileSync('ip', ['route', 'add', 'local', `${address}/32`, 'dev', 'lo'])
  }
  execFileSync('ip', ['address', 'add', `${OWN_ADDRESS}/32`, 'dev', 'lo'])
  const files = {
    hosts: '127.0.0.1 localhost\n',
    // The wait for a name is longer than anybody has patience for here.
    'resolv.conf': 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n',
  }
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, `host-${name}`), content)
    execFileSync('mount', ['--bind', join(folder, `host-${name}`), `/etc/${name}`])
  }
}

/** Answers from the tables; `rebind.test` is public and loopback in turn, `silent.test` has no answer. */
function serveNames(): void {
  const socket = createSocket('udp4')
  socket.on('message', (query, {port, address}) => {
    const packet = decode(query)
    const [question] = packet.questions ?? []
    if (!question) return
    const {name, type} = question
    if (type === 'A') lookups.push(name)
    if (name === 'silent.test') return
    const answers = recordsOf(name, type).map(data => ({type, name, ttl: 0, data}) as Answer)
    const flags = RECURSION_AVAILABLE | (answers.length > 0 ? 0 : NO_SUCH_NAME)
    const id = packet.id ?? 0
    const response = encode({type: 'response', id, flags, questions: [question], answers})
    socket.send(response, port, address)
  })
  socket.bind(53, '127.0.0.1')
}

const NO_SUCH_NAME = 3

function recordsOf(name: string, type: string): readonly string[] {
  if (type !== 'A') return AAAA_RECORDS[name] ?? []
  if (name !== 'rebind.test') return A_RECORDS[name] ?? []
  const turn = lookups.filter(each => each === name).length
  return [turn % 2 === 1 ? '203.0.113.10' : '127.0.0.1']
}

/** 8443 says where it was reached and then repeats all; 8444 counts, and tells when it has heard all; 80 is HTTP. */
function serve(): void {
  const greet = createServer({allowHalfOpen: true}, socket => {
    visits.push(`${socket.localAddress}:${socket.localPort}`)
    socket.on('error', (error: NodeJS.ErrnoException) => visits.push(`${error.code}`))
    socket.once('data', word => {
      if (String(word) === 'reset') socket.resetAndDestroy()
    })
    socket.write(`hello from ${socket.localAddress}\n`)
    socket.pipe(socket)
  })
  greet.listen(8443, '0.0.0.0')
  const count = createServer({allowHalfOpen: true}, socket => {
    let bytes = 0
    socket.on('error', () => {})
    socket.on('data', chunk => {
      bytes += chunk.length
    })
    socket.on('end', () => socket.end(`${bytes} bytes`))
  })
  count.listen(8444, '0.0.0.0')
  const web = createHttpServer((request, response) => void tell(request, response))
  web.listen(80, '0.0.0.0')
  const odd = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', head => {
      const [, path = ''] = head.toString().split(' ')
      visits.push(path)
      if (path !== '/wait') socket.end(ODD_ANSWERS[path] ?? '')
    })
  })
  odd.listen(8081, '0.0.0.0')
}

/** What a server may answer that is broken, or wants to be more than an answer, by the path that is asked for. */
const ODD_ANSWERS: Readonly<Record<string, string>> = {
  '/upgrade': 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nmore',
  '/encoded': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  '/both': 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  '/garbage': 'hello\r\n\r\n',
  '/code': 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n',
  '/nothing': '',
  '/large': `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
  '/control': 'HTTP/1.1 200 OK\r\nX: a\u0001b\r\nContent-Length: 0\r\n\r\n',
  '/short': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
  '/hint': 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine',
  '/reason': 'HTTP/1.1 200 a\u0001b\r\nContent-Length: 4\r\n\r\nfine',
  '/dropped': 'HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 4\r\n\r\nfine',
  '/open': 'HTTP/1.1 200 OK\r\n\r\nfine',
  '/extra': 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfineHTTP/1.1 200 OK\r\n\r\nsmuggled',
}

/** Says what was asked. */
async function tell(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const {method, url, rawHeaders, socket} = request
  visits.push(`${socket.localAddress}:${socket.localPort}`)
  const body = await text(request)
  response.setHeader('Set-Cookie', ['a=1', 'b=2'])
  response.setHeader('Proxy-Authenticate', 'Basic')
  response.end(JSON.stringify({address: socket.localAddress, method, url, rawHeaders, body}))
}

async function start(rules: readonly string[], pins: readonly Pin[]): Promise<Started> {
  const lines: string[] = []
  const egress = createEgress({
    server: 'time',
    rules: rules.map(parseAllowRule),
    pins: pinsOf(pins, undefined),
    onDenied: line => lines.push(line),
    onAllowed: line => lines.push(line),
  })
  const program = startRelay(folder, egress.ports)
  const relay = new Relay({
    send: frame => program.stdin.write(frame),
    unsent: () => program.stdin.writableLength,
    onOpen: (connection, local) => egress.accept(connection, local),
    onQuery: (packet, answer) => {
      const reply = egress.answer(packet)
      if (reply) answer(reply)
    },
    onFault: error => {
      lines.push(`fault: ${error.message}`)
      program.kill()
    },
  })
  program.stdin.on('error', () => {})
  program.stdout.on('data', chunk => relay.receive(chunk))
  program.stderr.on('data', chunk => lines.push(`stderr: ${chunk}`))
  program.once('close', () => relay.close())
  await relay.ready
  const container = program.pid ?? 0
  containers.set(container, {program, relay, egress, lines})
  return {container, env: Object.fromEntries(PROXY_ENVIRONMENT), ports: egress.ports}
}

async function obey(order: Order): Promise<unknown> {
  if (order.kind === 'start') return start(order.rules, order.pins)
  if (order.kind === 'visits') return visits.splice(0)
  if (order.kind === 'lookups') return lookups.splice(0)
  if (order.kind === 'resources') return process.getActiveResourcesInfo().toSorted()
  const {program, relay, egress, lines} = containers.get(order.container ?? 0) ?? fail()
  if (order.kind === 'lines') return lines.splice(0)
  if (order.kind === 'connect') return text(await relay.connect(order.port))
  egress[Symbol.dispose]()
  if (order.kind === 'stop') {
    containers.delete(order.container)
    relay.close()
    if (program.exitCode !== null || program.signalCode !== null) return undefined
    const closed = once(program, 'close')
    program.stdin.end()
    await closed
  }
  return undefined
}

function fail(): never {
  throw new Error('there is no such container')
}

process.on('message', ({id, order}: {id: number; order: Order}) => {
  void obey(order).then(
    result => process.send?.({id, result}),
    (error: unknown) => process.send?.({id, error: String(error)}),
  )
})
// An exit would wait for lookups that nobody answers.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

setUp()
await prepareRelay(folder)
serveNames()
serve()
process.send?.({id: 0})
