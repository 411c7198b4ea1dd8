import {Lives} from '../../src/lib/gateway/lives.ts'
import {randomUUID} from 'node:crypto'
import type {JsonObject} from '../../src/lib/base/json.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {containerOptions, type ContainerOptions} from '../../src/lib/engine/options.ts'
import {Redaction} from '../../src/lib/gateway/redaction.ts'
import {speakStdio} from '../../src/lib/gateway/upstream/container.ts'
import {createFleet} from '../../src/lib/gateway/upstream/fleet.ts'
import {parkContainer} from '../../src/lib/gateway/upstream/parked.ts'
import type {MessageListener, Upstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {serverSchema} from '../../src/lib/model/catalog-schema.ts'
import {bindServer} from '../../src/lib/model/server.ts'
import {report} from '../process.ts'
import {secretSource} from '../../src/lib/secrets/source.ts'

const OWNER = `bench-${randomUUID().slice(0, 8)}`
/** The label `docker-mcp-owner` of the one container of a session of this run. */
export function ownerOf(session: string): string {
  return `${OWNER}-${session}`
}

const never = new AbortController().signal
/** How messages are limited. */
export const LIMIT = {maxMessageBytes: 16 * 1024 * 1024, warn: report}
const LIMITS = {cpus: 1, memoryBytes: 2 * 1024 ** 3, pids: 512, diskBytes: 1024 ** 3}

/** A way to have a server run in a container. */
export interface Way {
  readonly name: string
  /** @param session unlike any other */
  readonly open: (session: string, onMessage: MessageListener) => Promise<Upstream>
}

/** What docker itself makes of a container. */
export interface Bare {
  readonly image: string
  /** `disabled` is what servers without network have: the engine does not even make a loopback network for them. */
  readonly network: 'disabled' | 'none' | 'bridge'
  /** The port of the container that is published at a port of this machine. */
  readonly publish?: {readonly inside: number; readonly outside: number}
}

/**
 * A container as `docker run -i --rm` makes one, with our client at its stdin and stdout. It has the gateway's limits
 * and no log, as it had before there was any isolation: what differs is that alone.
 */
export function bareWay(engine: Engine, name: string, bare: Bare): Way {
  return {
    name,
    async open(session, onMessage) {
      const plan = {
        name: ownerOf(session),
        options: bareOptions(bare, session),
        onLost: (error: unknown) => report(`bench: a container is left behind: ${String(error)}`),
        life: new Lives(Date.now).of(name),
      }
      const heard = {onMessage, onStderr: () => undefined, redaction: new Redaction()}
      return speakStdio(await parkContainer(engine, plan, never), {
        server: name,
        ...LIMIT,
        ...heard,
      })
    },
  }
}

function bareOptions({image, network, publish}: Bare, session: string): ContainerOptions {
  const ours = containerOptions({
    server: 'bench',
    owner: ownerOf(session),
    image,
    facts: {user: '', volumes: [], entrypoint: [], cmd: [], workingDir: ''},
    command: [],
    entry: {kind: 'plain', env: []},
    mounts: [],
    network: {kind: 'none'},
    security: {profile: 'default', capAdd: [], tmpfs: []},
    secretFiles: false,
    transport: 'stdio',
    limits: LIMITS,
  })
  const {AutoRemove, LogConfig, RestartPolicy, NanoCpus, Memory, MemorySwap, PidsLimit} =
    ours.HostConfig
  const limits = {NanoCpus, Memory, MemorySwap, PidsLimit}
  const NetworkMode = network === 'disabled' ? 'none' : network
  const HostConfig = {AutoRemove, LogConfig, RestartPolicy, ...limits, NetworkMode}
  const bare = {...ours, NetworkDisabled: network === 'disabled'}
  if (!publish) return Object.assign(bare, {HostConfig})
  const port = `${publish.inside}/tcp`
  const PortBindings = {[port]: [{HostIp: '127.0.0.1', HostPort: String(publish.outside)}]}
  return Object.assign(bare, {
    ExposedPorts: {[port]: {}},
    HostConfig: {...HostConfig, PortBindings},
  })
}

/** The gateway's own way: a server of a catalog. */
export function gatewayWay(engine: Engine, name: string, entry: JsonObject): Way {
  const fleetOf = (session: string) =>
    createFleet({
      engine: async () => engine,
      owner: ownerOf(session),
      secrets: secretSource(new Map(), () => ''),
      audit: {record: async () => undefined},
      redaction: new Redaction(),
      maskSecrets: false,
      limits: LIMITS,
      networkPolicy: 'open',
      security: 'default',
      exposeSecrets: [],
      debugDns: false,
      allowMounts: [],
      sockets: [],
      credentials: async () => undefined,
      housekeeping: {began: () => undefined, lost: () => undefined},
      sharesFiles: true,
      maxMessageBytes: LIMIT.maxMessageBytes,
      startsAtOnce: 4,
      home: '/nowhere',
      log: report,
      notify: report,
      signal: never,
      verbose: false,
      lives: new Lives(Date.now),
      life: {idleMs: undefined, longLived: false, standby: {min: 0, max: 0}},
      standbyMemoryBytes: 0,
    })
  const parsed = serverSchema.parse({type: 'server', ...entry})
  const spec = bindServer({...parsed, name: 'bench'}, {}, '/nowhere')
  if (spec.kind === 'poci') throw new Error(`${name} is no server`)
  return {
    name,
    open: (session, onMessage) =>
      fleetOf(session).openers(spec).legacy({session, onMessage, signal: never}),
  }
}

/** Removes what is left of this run. */
export async function removeLeftovers(engine: Engine): Promise<void> {
  const all = await engine.list({'docker-mcp': 'true'})
  const left = all.filter(({labels}) => labels['docker-mcp-owner']?.startsWith(OWNER))
  await Promise.all(left.map(({id}) => engine.remove(id, {force: true})))
}
