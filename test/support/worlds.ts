import {once} from 'node:events'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {PassThrough} from 'node:stream'
import {createInterface} from 'node:readline'
import {vi} from 'vitest'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {runGateway} from '../../src/lib/gateway/run.ts'
import {fixtureImage} from './fixture-images.ts'
import {testHome, testOptions} from './in-process-gateway.ts'
import {Inbox} from './inbox.ts'
import {HttpWire, startNode, stdioWire, type Deliver, type RawWire} from './raw-wires.ts'

/** What decides which scenarios a world is good for. */
export interface WorldKind {
  /** Whether a gateway is between. */
  readonly isGateway: boolean
  /** How the client speaks. */
  readonly client: 'stdio' | 'http'
  /** How its only server speaks; undefined for one over stdio, and for several. */
  readonly server?: 'http'
}

/** How long the lists of a gateway wait for servers, and what they then have of them. */
export interface Waiting {
  /** Longer than any server takes to start, unless it is given. */
  readonly patienceMs?: number
  /** Whether what other clients were listed is shown of a server that is not there within a few seconds. */
  readonly showRemembered?: boolean
}

/** A way from a client to the lab server (test/fixtures/mcp-server/lab.mjs). */
export interface World extends AsyncDisposable {
  /** A connection for one session. */
  connect(deliver: Deliver): RawWire
  /** What the servers wrote to stderr. */
  readonly stderr: Inbox<string>
}

const LAB = join(import.meta.dirname, '..', 'fixtures', 'mcp-server', 'lab.mjs')

/** The server as a process of each client's own. */
export async function directStdio(): Promise<World> {
  const stderr = new Inbox<string>()
  return {
    stderr,
    connect(deliver) {
      const child = startNode([LAB])
      readLines(child.stderr, stderr)
      return stdioWire(child, deliver)
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/** The server as one process that all clients reach over HTTP. */
export async function directHttp(): Promise<World> {
  const stderr = new Inbox<string>()
  const server = await startRemote(LAB, {LAB_NAME: 'lab'}, stderr)
  return {
    stderr,
    connect: deliver => new HttpWire(server.url, deliver),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** How a server behind a gateway is reached: over HTTP, in a container, or not at all. */
export type Place = 'remote' | 'container' | 'nowhere'

/**
 * A gateway in front of lab servers, in this process. Each client has them list something else: what others were listed
 * is of no use to it.
 * @param places by server name, in configured order
 */
export async function gatewayWorld(
  places: Readonly<Record<string, Place>>,
  waiting: Waiting = {showRemembered: false},
): Promise<World> {
  const stderr = new Inbox<string>()
  const names = Object.keys(places)
  const remotes = new Map<string, Remote>()
  const registry: Record<string, JsonObject> = {}
  for (const name of names) {
    if (places[name] === 'remote') {
      remotes.set(name, await startRemote(LAB, {LAB_NAME: name}, stderr))
    }
    registry[name] = await entryOf(name, places[name], remotes.get(name)?.url)
  }
  const gateway = await startGateway(registry, stderr, waiting)
  return {
    stderr,
    connect: deliver => new HttpWire(gateway.url, deliver),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      for (const remote of remotes.values()) await remote[Symbol.asyncDispose]()
    },
  }
}

async function entryOf(name: string, place?: Place, url?: string): Promise<JsonObject> {
  if (place === 'container') {
    const env = [{name: 'LAB_NAME', value: name}]
    return {type: 'server', image: await fixtureImage('lab'), env, disableNetwork: true}
  }
  // Port 9 (discard) refuses at once wherever nobody listens there.
  return {type: 'remote', remote: {url: url ?? 'http://127.0.0.1:9/mcp', transport_type: 'http'}}
}

/** Something that listens on this machine. Disposing of it ends it. */
export interface Remote extends AsyncDisposable {
  readonly url: string
}

/** Starts a server of test/fixtures/mcp-server over HTTP, and keeps what it writes to stderr. */
export async function startRemote(
  script: string,
  env: Readonly<Record<string, string>>,
  stderr: Inbox<string>,
): Promise<Remote> {
  const child = startNode([script, 'http'], env)
  readLines(child.stderr, stderr)
  const [line] = await once(createInterface({input: child.stdout}), 'line')
  const url = /^listening (\S+)$/.exec(String(line))?.[1]
  if (url === undefined) throw new Error(`no address: ${String(line)}`)
  return {
    url,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill()
      await gone
    },
  }
}

/**
 * Starts a gateway in this process, and keeps what it and its servers say.
 * @param registry its servers, as in a catalog
 */
export async function startGateway(
  registry: Readonly<Record<string, JsonObject>>,
  stderr: Inbox<string>,
  {patienceMs = 120_000, showRemembered = true}: Waiting = {},
): Promise<Remote> {
  const folder = await mkdtemp(join(tmpdir(), 'world-'))
  const catalog = join(folder, 'catalog.yaml')
  await writeFile(catalog, JSON.stringify({version: 3, name: 'world', registry}))
  const home = await testHome()
  const stop = new AbortController()
  const deps = {...home.deps, log: (line: string) => stderr.add(line)}
  const over = runGateway({
    deps,
    options: () =>
      testOptions(home, {
        catalog,
        servers: Object.keys(registry),
        patienceMs,
        showRemembered,
        verbose: true,
        maxMessageBytes: 64 * 1024 * 1024,
      }),
    transport: {kind: 'streamable', host: '127.0.0.1', port: 0, allowUnauthenticated: true},
    refreshCatalogs: async () => [],
    isWatching: false,
    stdin: new PassThrough(),
    write: () => undefined,
    unreadBytes: () => 0,
    signal: stop.signal,
  })
  const address = () => /> Gateway: (\S+)/.exec(home.notices.join('\n'))?.[1]
  await Promise.race([over, vi.waitUntil(address, {timeout: 60_000})])
  return {
    url: address() ?? '',
    async [Symbol.asyncDispose]() {
      stop.abort()
      await over
      await home[Symbol.asyncDispose]()
      await rm(folder, {recursive: true})
    },
  }
}

function readLines(input: NodeJS.ReadableStream, into: Inbox<string>): void {
  createInterface({input}).on('line', line => into.add(line))
}
