import {randomUUID} from 'node:crypto'
import type {JsonObject} from '../../src/lib/base/json.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {containerOptions, type ContainerOptions} from '../../src/lib/engine/options.ts'
import {startContainer} from '../../src/lib/gateway/upstream/container.ts'
import {createFleet} from '../../src/lib/gateway/upstream/fleet.ts'
import type {MessageListener, Upstream} from '../../src/lib/gateway/upstream/upstream.ts'
import {serverSchema} from '../../src/lib/model/catalog-schema.ts'
import {bindServer} from '../../src/lib/model/server.ts'
import {report} from '../process.ts'

/** All containers of one run of the benchmark. */
export const OWNER = `bench-${randomUUID().slice(0, 8)}`
const never = new AbortController().signal
/** How messages are limited. */
export const LIMIT = {maxMessageBytes: 16 * 1024 * 1024, warn: report}
const LIMITS = {cpus: 1, memoryBytes: 2 * 1024 ** 3, pids: 512, diskBytes: 1024 ** 3}

/** A way to have a server run in a container. */
export interface Way {
  readonly name: string
  /** @param session a label of the container, unlike any other */
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
    open: (session, onMessage) =>
      startContainer(
        engine,
        {
          name: `${OWNER}-${session}`,
          options: bareOptions(bare, session),
          server: name,
          ...LIMIT,
          onMessage,
          onStderr: () => undefined,
          onLost: error => report(`bench: a container is left behind: ${String(error)}`),
          redact: text => text,
        },
        never,
      ),
  }
}

function bareOptions({image, network, publish}: Bare, session: string): ContainerOptions {
  const ours = containerOptions({
    server: 'bench',
    owner: OWNER,
    session,
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
  const fleet = createFleet({
    engine: async () => engine,
    owner: OWNER,
    secrets: {get: () => undefined, where: () => undefined, skipped: [], names: []},
    limits: LIMITS,
    networkPolicy: 'open',
    security: 'default',
    exposeSecrets: [],
    debugDns: false,
    allowMounts: [],
    sockets: [],
    sharesFiles: true,
    maxMessageBytes: LIMIT.maxMessageBytes,
    startsAtOnce: 4,
    home: '/nowhere',
    log: report,
    notify: report,
    signal: never,
    verbose: false,
  })
  const parsed = serverSchema.parse({type: 'server', ...entry})
  const spec = bindServer({...parsed, name: 'bench'}, {}, '/nowhere')
  if (spec.kind === 'poci') throw new Error(`${name} is no server`)
  const {legacy} = fleet.openers(spec)
  return {name, open: (session, onMessage) => legacy({session, onMessage, signal: never})}
}

/** Removes what is left of this run. */
export async function removeLeftovers(engine: Engine): Promise<void> {
  const left = await engine.list({'docker-mcp-owner': OWNER})
  await Promise.all(left.map(({id}) => engine.remove(id, {force: true})))
}
