import {execFile, spawn, type ChildProcess} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {promisify} from 'node:util'

import {ENDS_WITH_US} from './private-engine.ts'
import {staticProgram} from './static-program.ts'

const run = promisify(execFile)
const HOSTS = join(import.meta.dirname, '..', 'fixtures', 'hostile', 'hosts.ts')

/** Who is played in an outside world, by address. The test networks of RFC 5737 stand for public addresses. */
export const PLACES = {
  /** May be reached, where a test says so. */
  allowed: '203.0.113.10',
  other: '203.0.113.20',
  private: '10.99.0.5',
  metadata: '169.254.169.254',
  resolver: '203.0.113.53',
  /** The machine on which gateway and engine run. */
  machine: '192.0.2.1',
} as const

/** What listens at each address but the machine's. */
export const PORTS = {http: 80, https: 443, http2: 8080, tcp: 8443} as const
/** What listens on the machine itself, on all its addresses. */
export const MACHINE_PORT = 9100

/** What the resolver answers; a name with two answers gives the second from the second question on. */
const ZONE = {
  'allowed.example.test': [[PLACES.allowed]],
  'deep.below.example.test': [[PLACES.allowed]],
  'other.example.test': [[PLACES.other]],
  'private.example.test': [[PLACES.private]],
  'metadata.example.test': [[PLACES.metadata]],
  'loopback.example.test': [['127.0.0.1']],
  'machine.example.test': [['172.17.0.1']],
  'mapped.example.test': [[`::ffff:${PLACES.private}`]],
  'mixed.example.test': [[PLACES.private, PLACES.allowed]],
  'rebind.example.test': [[PLACES.allowed], [PLACES.private]],
}

/** A question that reached the resolver. */
export interface Query {
  readonly name: string
  readonly type: string
}

/** A connection that reached a host, by the address and port that it came to. */
export interface Contact {
  readonly address: string
  readonly port: number
}

/**
 * Two network namespaces joined by one wire: in one are the gateway and its engine, in the other everything else
 * that there is. Nothing in them can reach the real network. Disposing of it ends its hosts and removes both.
 */
export interface OutsideWorld extends AsyncDisposable {
  /** The namespace of the gateway, as `ip netns` knows it. */
  readonly netns: string
  /** What is put in front of a program and its arguments to run it there, with that world's resolver. */
  readonly enter: readonly [string, ...string[]]
  /** Runs a program there to its end; must succeed. Gives stdout. */
  exec(...command: readonly [string, ...string[]]): Promise<string>
  /** The questions that the resolver got so far. */
  queries(): readonly Query[]
  /** The connections that hosts outside of the machine got so far. */
  contacts(): readonly Contact[]
  /** The connections that the machine's own service got so far. */
  machineContacts(): readonly Contact[]
  /** All frames on the wire so far, one after the other. */
  wire(): Buffer
}

/** Makes an outside world. It takes root, and `ip`. */
export async function outsideWorld(): Promise<OutsideWorld> {
  const mark = randomBytes(3).toString('hex')
  const [inside, outside] = [`in-${mark}`, `out-${mark}`]
  const end = new AsyncDisposableStack()
  try {
    await makeNamespaces(inside, outside, end)
    const etc = join('/etc/netns', inside)
    await mkdir(etc, {recursive: true})
    end.defer(() => rm(etc, {recursive: true}))
    const words = `nameserver ${PLACES.resolver}\noptions timeout:30 attempts:1\n`
    await writeFile(join(etc, 'resolv.conf'), words)
    await writeFile(join(etc, 'hosts'), '127.0.0.1 localhost\n')

    const frames = await startSniffer(outside, end)
    const others = await startHosts(outside, OTHER_ROLES, end)
    const machine = await startHosts(inside, [`tcp:${MACHINE_PORT}`], end)
    const enter = ['ip', 'netns', 'exec', inside] as const
    return {
      netns: inside,
      enter,
      async exec(...command) {
        const [program, ...args] = [...enter, ...command]
        return (await run(program, args)).stdout
      },
      queries: () => others.flatMap(({query}) => (query === undefined ? [] : [query])),
      contacts: () => contactsOf(others),
      machineContacts: () => contactsOf(machine),
      wire: () => Buffer.concat(frames),
      [Symbol.asyncDispose]: () => end.disposeAsync(),
    }
  } catch (error) {
    await end.disposeAsync()
    throw error
  }
}

const OTHER_ROLES = [
  `http:${PORTS.http}`,
  `http:${PORTS.http2}`,
  `https:${PORTS.https}`,
  `tcp:${PORTS.tcp}`,
  `dns:${PLACES.resolver}=${JSON.stringify(ZONE)}`,
]

async function makeNamespaces(inside: string, outside: string, end: AsyncDisposableStack) {
  for (const name of [inside, outside]) {
    await ip('netns', 'add', name)
    end.defer(() => ip('netns', 'del', name))
    await ip('-n', name, 'link', 'set', 'lo', 'up')
  }
  const pair = ['type', 'veth', 'peer', 'name', 'wire', 'netns', outside]
  await ip('link', 'add', 'wire', 'netns', inside, ...pair)
  const hosts = ['192.0.2.254/24', ...OTHERS.map(address => `${address}/32`)]
  for (const address of hosts) await ip('-n', outside, 'addr', 'add', address, 'dev', 'wire')
  await ip('-n', inside, 'addr', 'add', `${PLACES.machine}/24`, 'dev', 'wire')
  for (const name of [inside, outside]) await ip('-n', name, 'link', 'set', 'wire', 'up')
  await ip('-n', inside, 'route', 'add', 'default', 'via', '192.0.2.254')
}

const OTHERS = [PLACES.allowed, PLACES.other, PLACES.private, PLACES.metadata, PLACES.resolver]

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args)
}

interface Event {
  readonly ready?: true
  readonly query?: Query
  readonly connection?: Contact
}

function contactsOf(events: readonly Event[]): readonly Contact[] {
  return events.flatMap(({connection}) => (connection === undefined ? [] : [connection]))
}

/** What hosts.ts tells, as it tells it. */
async function startHosts(netns: string, roles: readonly string[], end: AsyncDisposableStack) {
  const child = startIn(netns, [process.execPath, HOSTS, ...roles], end)
  const events: Event[] = []
  const lines = createInterface({input: child.stdout ?? process.stdin})
  await new Promise<void>((resolve, reject) => {
    child.once('close', () => reject(new Error(`${roles.join(' ')} ended`)))
    lines.on('line', line => {
      const event = JSON.parse(line) as Event
      events.push(event)
      if (event.ready) resolve()
    })
  })
  return events
}

async function startSniffer(netns: string, end: AsyncDisposableStack): Promise<readonly Buffer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sniffer-'))
  end.defer(() => rm(folder, {recursive: true}))
  const program = join(folder, 'sniff')
  await writeFile(program, await staticProgram('hostile/sniff.c'), {mode: 0o755})
  const child = startIn(netns, [program], end)
  const frames: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => frames.push(chunk))
  // Its first word says that it listens.
  if (child.stdout) await once(child.stdout, 'data')
  return frames
}

/** Starts a program in a namespace; it ends with us, even if we are killed. */
function startIn(netns: string, command: readonly string[], end: AsyncDisposableStack) {
  const [program, ...args] = [...ENDS_WITH_US, 'ip', 'netns', 'exec', netns, ...command]
  const child: ChildProcess = spawn(program, args, {stdio: ['ignore', 'pipe', 'inherit']})
  const closed = once(child, 'close')
  end.defer(async () => {
    child.kill('SIGTERM')
    await closed
  })
  return child
}
