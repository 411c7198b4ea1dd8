import {createHash} from 'node:crypto'
import {PluginError} from '../../base/errors.ts'
import {PROXY_ENVIRONMENT} from '../../egress/egress.ts'
import {environmentBlock, type Env} from '../../engine/block.ts'
import type {Engine} from '../../engine/engine.ts'
import {profileEnvironment, type Security} from '../../engine/hardening.ts'
import type {Mount} from '../../engine/mounts.ts'
import {
  containerOptions,
  type ContainerOptions,
  type Entry,
  type Network,
} from '../../engine/options.ts'
import {ensureShim, shimArchitecture, type ShimArchitecture} from '../../engine/shim.ts'
import type {ProgramInput, SecretValue} from '../../model/expand.ts'
import type {ContainerSpec} from '../../model/server.ts'
import type {Lives} from '../lives.ts'
import type {Redaction} from '../redaction.ts'
import {type BindHost, placesOf, resolveBinds} from './binds.ts'
import {deliver, type Delivery} from './delivery.ts'
import type {Housekeeping} from './housekeeping.ts'
import type {ReadyImage} from './image.ts'
import {type NetworkPlan, type NetworkPolicy, planNetwork} from './network.ts'
import type {ContainerRun} from './running.ts'

/** What holds for every container of a gateway. */
export interface LaunchInput {
  /** The gateway's own id; every container carries it. */
  readonly owner: string
  /** For servers whose catalog entry says nothing. */
  readonly limits: {
    readonly cpus: number
    readonly memoryBytes: number | undefined
    readonly pids: number
  }
  /** For servers whose catalog entry says nothing. */
  readonly networkPolicy: NetworkPolicy
  /** For servers whose catalog entry says nothing. */
  readonly security: Security['profile']
  /** Servers that may get secrets where others can see them. */
  readonly exposeSecrets: readonly string[]
  /** Whether to tell also what servers may reach and do. */
  readonly debugDns: boolean
  readonly home: string
  /** Places that servers may be given although they are dangerous. */
  readonly allowMounts: readonly string[]
  /** Sockets of this machine, besides the engine's, that no server may reach. */
  readonly sockets: readonly string[]
  /** Whether the gateway sees the files that the engine sees. */
  readonly sharesFiles: boolean
  /** Told of each container before it is made, and of what could not be removed. */
  readonly housekeeping: Pick<Housekeeping, 'began' | 'lost'>
  readonly log: (line: string) => void
  readonly notify: (line: string) => void
  /** Passes on what servers write to stderr. */
  readonly verbose: boolean
  /** Masks the secrets of all servers, and what they were before; learns those of each server that is started. */
  readonly redaction: Redaction
  /** Keeps what servers write to stderr last, and book of their containers. */
  readonly lives: Lives
}

/** Everything that the start of a server needs. */
export interface Launch {
  readonly mould: Mould
  /** What its program gets, in a container of that name. */
  readonly runIn: (container: string) => ServerRun
}

/** What all containers of a server have in common, made before anybody needs one. No secret is in it. */
export interface Mould {
  /** Alike for containers that differ by nothing but their name. Undefined: none can be made before it is needed. */
  readonly key: string | undefined
  readonly spec: ContainerSpec
  readonly options: (name: string) => ContainerOptions
  readonly plan: NetworkPlan
  readonly architecture: ShimArchitecture | undefined
  /** Undefined where it cannot write to its own disk at all. */
  readonly diskBytes: number | undefined
}

/** What one run of a server is given, besides those who listen to it. */
export type ServerRun = Pick<ContainerRun, 'block' | 'onStderr' | 'redaction'>

/** What a server may write to its own disk when nothing is said: more than caches need, less than disks have. */
const DISK_BYTES = 1024 ** 3

interface Opening {
  readonly engine: Engine
  readonly spec: ContainerSpec
  /** Its secrets, see `secretValues`. */
  readonly values: ReadonlyMap<string, SecretValue>
  /** Makes sure that the engine has the image, and tells about it. */
  readonly image: () => Promise<ReadyImage>
  readonly signal: AbortSignal
}

/**
 * Puts together everything that the start of a server needs, and finds what is wrong with it. Makes nothing yet but the
 * volume of our own programs.
 * @throws PluginError that names the server and what is wrong with its entry, its settings or its secrets
 */
export async function prepareLaunch(input: LaunchInput, opening: Opening): Promise<Launch> {
  const {engine, spec, values} = opening
  input.redaction.learn(values.values())
  const host = mountHost(input, engine)
  const mounts = await resolveBinds(spec, host)
  // Before any container is made: one that has an older place is thrown away then, never the other way round.
  const places = await placesOf(mounts, host)
  const image = await opening.image()
  const architecture = shimArchitecture(image.facts.architecture)
  const plan = planNetwork(spec, input.networkPolicy)
  const delivery = deliver(spec, values, {
    architecture: image.facts.architecture,
    hasShim: architecture !== undefined,
    isExposed: input.exposeSecrets.includes(spec.name),
  })
  const security = securityOf(spec, input)
  const env = environmentOf(delivery, security, plan)
  const entry = await entryOf({architecture, env, plan, image}, input, opening)
  // What goes into the block needs no other place, and there others would see it.
  const isHidden = entry.kind === 'shim' && delivery.isCommandSecret
  const block = {
    server: spec.name,
    env,
    ...(isHidden && {command: [...image.facts.entrypoint, ...delivery.command]}),
    files: delivery.files.map(([path, value]) => ({path, content: Buffer.from(value)})),
  }
  const mould = mouldOf(
    {image, architecture, plan, entry, security, mounts, places, delivery, isHidden},
    input,
    opening,
  )
  const given = {
    ...(entry.kind === 'shim' && {block: environmentBlock(block)}),
    redaction: input.redaction,
  }
  const log = input.lives.of(spec.name).log
  return {
    mould,
    runIn: container => ({
      ...given,
      onStderr: line => {
        log.write(container, line)
        if (input.verbose) input.log(`- ${spec.name}: ${line}`)
      },
    }),
  }
}

function mouldOf(
  {
    image,
    architecture,
    plan,
    entry,
    security,
    mounts,
    places,
    delivery,
    isHidden,
  }: {
    readonly image: ReadyImage
    readonly architecture: ShimArchitecture | undefined
    readonly plan: NetworkPlan
    readonly entry: Entry
    readonly security: Security
    readonly mounts: readonly Mount[]
    readonly places: readonly string[]
    readonly delivery: Delivery
    readonly isHidden: boolean
  },
  input: LaunchInput,
  {spec}: Opening,
): Mould {
  const limits = {diskBytes: DISK_BYTES, ...input.limits, ...spec.limits}
  const options = (name: string) =>
    containerOptions({
      server: spec.name,
      owner: input.owner,
      image: image.reference,
      facts: image.facts,
      // Templates and no values: the block's arguments are what counts.
      command: isHidden ? spec.command : delivery.command,
      entry,
      mounts,
      ...(spec.user !== undefined && {user: spec.user}),
      network: networkOf(plan, spec, name),
      security,
      secretFiles: delivery.files.length > 0,
      transport: spec.http ? 'http' : 'stdio',
      limits,
    })
  // A network of its own is made for one container, and a program without a shim runs at once.
  const canWait = entry.kind === 'shim' && plan.base !== 'own'
  const any = options('')
  const {base, egress} = plan
  const alike = [image.facts.id, any, places, base, egress, spec.network]
  return {
    key: canWait ? digestOf(alike) : undefined,
    spec,
    options,
    plan,
    architecture,
    diskBytes: any.HostConfig.ReadonlyRootfs ? undefined : limits.diskBytes,
  }
}

function digestOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function securityOf({security}: ContainerSpec, input: LaunchInput): Security {
  const {readOnly, profile = input.security, ...given} = security
  return {...given, profile, ...(readOnly !== undefined && {readOnly})}
}

function mountHost(input: LaunchInput, engine: Engine): BindHost {
  const {home, allowMounts, sharesFiles} = input
  const isLocal = engine.isLocal && sharesFiles
  const sockets = [...engine.sockets, ...input.sockets]
  return {home, platform: process.platform, isLocal, allowMounts, sockets}
}

/** Later ones win: what the entry says itself is what it gets. */
function environmentOf(delivery: ProgramInput, security: Security, plan: NetworkPlan): Env {
  const env = new Map<string, string>([
    ...profileEnvironment(security.profile),
    ...(plan.egress ? PROXY_ENVIRONMENT : []),
    ...delivery.env,
  ])
  return [...env]
}

async function entryOf(
  {
    architecture,
    env,
    plan,
    image,
  }: {
    readonly architecture: ShimArchitecture | undefined
    readonly env: Env
    readonly plan: NetworkPlan
    readonly image: ReadyImage
  },
  {owner}: LaunchInput,
  {engine, spec, signal}: Opening,
): Promise<Entry> {
  if (architecture === undefined) {
    if (plan.needsRelay) throw noRelay(spec.name, image.facts.architecture)
    return {kind: 'plain', env}
  }
  const volume = await ensureShim(engine, {owner, image: image.reference}, signal)
  return {
    kind: 'shim',
    volume,
    architecture,
    stdin: spec.http || spec.isOneRun ? 'lifeline' : 'messages',
  }
}

function noRelay(server: string, architecture: string): PluginError {
  return new PluginError(
    'SERVER_UNSUPPORTED',
    `server ${server} needs a network that the gateway decides about, which images for ${architecture} cannot be given`,
    {hint: 'use an image for amd64 or arm64, or disableNetwork: true in its catalog entry'},
  )
}

function networkOf(plan: NetworkPlan, spec: ContainerSpec, name: string): Network {
  if (plan.base === 'open') {
    const extraHosts = spec.network.extraHosts.map(host => `${host.name}:${host.address}`)
    return {kind: 'open', extraHosts}
  }
  const network = plan.base === 'own' ? name : undefined
  // Names are answered by the gateway, those of extraHosts too; their addresses cannot be reached from inside.
  if (network !== undefined || plan.egress) return {kind: 'relayed', network}
  return {kind: 'none'}
}
