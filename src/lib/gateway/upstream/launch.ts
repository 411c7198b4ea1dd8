import {randomBytes} from 'node:crypto'
import type {Duplex} from 'node:stream'
import {PluginError} from '../../base/errors.ts'
import {createRedactor} from '../../base/redact.ts'
import {createEgress, type Egress} from '../../egress/egress.ts'
import {environmentBlock, type Env} from '../../engine/block.ts'
import type {Engine, ImageFacts} from '../../engine/engine.ts'
import {profileEnvironment, type Security} from '../../engine/hardening.ts'
import {containerName, containerOptions, type Entry, type Network} from '../../engine/options.ts'
import {ensureShim, shimArchitecture, type ShimArchitecture} from '../../engine/shim.ts'
import type {ProgramInput} from '../../model/expand.ts'
import type {ContainerSpec} from '../../model/server.ts'
import type {SecretSource} from '../../secrets/source.ts'
import {type BindHost, resolveBinds} from './binds.ts'
import {deliver, secretValues, shownSecrets} from './delivery.ts'
import {namedAddresses, type NetworkPlan, type NetworkPolicy, planNetwork} from './network.ts'
import type {ContainerRun} from './running.ts'
import {waysOf} from './ways.ts'

/** What holds for every container of a gateway. */
export interface LaunchInput {
  /** The gateway's own id; every container carries it. */
  readonly owner: string
  readonly secrets: SecretSource
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
  readonly log: (line: string) => void
  readonly notify: (line: string) => void
  /** Passes on what servers write to stderr. */
  readonly verbose: boolean
}

/** A container that is ready to be started. */
export interface Launch {
  readonly run: Omit<ContainerRun, 'maxMessageBytes' | 'onLine' | 'onOversize'>
  /** The way in, for a server that speaks HTTP. Not before the container runs. */
  readonly connect: (port: number, signal: AbortSignal) => Promise<Duplex>
}

/** How many random bytes tell the containers of one server apart by name. */
const NAME_BYTES = 3
/** What a server may write to its own disk when nothing is said: more than caches need, less than disks have. */
const DISK_BYTES = 1024 ** 3

interface Opening {
  readonly engine: Engine
  readonly spec: ContainerSpec
  readonly session: string
  /** Makes sure that the engine has the image, and tells about it. */
  readonly image: () => Promise<ImageFacts>
  readonly signal: AbortSignal
}

/**
 * Puts together everything that the start of a server needs, and finds what is wrong with it. Makes nothing yet but the
 * volume of our own programs.
 * @throws PluginError that names the server and what is wrong with its entry, its settings or its secrets
 */
export async function prepareLaunch(input: LaunchInput, opening: Opening): Promise<Launch> {
  const {engine, spec} = opening
  const values = secretValues(spec, input.secrets)
  const mounts = await resolveBinds(spec, mountHost(input, engine))
  const facts = await opening.image()
  const architecture = shimArchitecture(facts.architecture)
  const plan = planNetwork(spec, input.networkPolicy)
  const delivery = deliver(spec, values, {
    architecture: facts.architecture,
    hasShim: architecture !== undefined,
    isExposed: input.exposeSecrets.includes(spec.name),
  })
  const name = containerName(spec.name, randomBytes(NAME_BYTES).toString('hex'))
  const security = securityOf(spec, input)
  const egress = await egressOf(plan, values, input, opening)
  const env = environmentOf(delivery, security, egress)
  const entry = await entryOf({architecture, env, plan, facts}, input, opening)
  // What goes into the block needs no other place, and there others would see it.
  const isHidden = entry.kind === 'shim' && shownSecrets(spec, values).length > 0
  const limits = {diskBytes: DISK_BYTES, ...input.limits, ...spec.limits}
  const options = containerOptions({
    server: spec.name,
    owner: input.owner,
    session: opening.session,
    image: spec.image,
    facts,
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
  const block = {
    server: spec.name,
    env,
    ...(isHidden && {command: [...facts.entrypoint, ...delivery.command]}),
    files: delivery.files.map(([path, value]) => ({path, content: Buffer.from(value)})),
  }
  const {notify, owner} = input
  const ways = waysOf({engine, owner, notify, spec, plan, name, egress, architecture})
  return {
    run: {
      name,
      options,
      ...(entry.kind === 'shim' && {block: environmentBlock(block)}),
      ...(!options.HostConfig.ReadonlyRootfs && {diskBytes: limits.diskBytes}),
      ...ways.run,
      onStderr: line => {
        if (input.verbose) input.log(`- ${spec.name}: ${line}`)
      },
      redact: createRedactor(values.values()),
    },
    connect: ways.connect,
  }
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

async function egressOf(
  plan: NetworkPlan,
  values: ReadonlyMap<string, string>,
  input: LaunchInput,
  {engine, spec, signal}: Opening,
): Promise<Egress | undefined> {
  if (plan.egress === undefined) return undefined
  // What a program asks for may be a secret itself; names are told in lower case.
  const redact = createRedactor([...values.values()].flatMap(value => [value, value.toLowerCase()]))
  return createEgress({
    server: spec.name,
    rules: plan.egress,
    pins: await namedAddresses(spec, engine, signal),
    onDenied: line => input.notify(redact(line)),
    ...(input.debugDns && {onAllowed: line => input.notify(`- ${redact(line)}`)}),
  })
}

/** Later ones win: what the entry says itself is what it gets. */
function environmentOf(
  delivery: ProgramInput,
  security: Security,
  egress: Egress | undefined,
): Env {
  const env = new Map<string, string>([
    ...profileEnvironment(security.profile),
    ...(egress?.env ?? []),
    ...delivery.env,
  ])
  return [...env]
}

async function entryOf(
  {
    architecture,
    env,
    plan,
    facts,
  }: {
    readonly architecture: ShimArchitecture | undefined
    readonly env: Env
    readonly plan: NetworkPlan
    readonly facts: ImageFacts
  },
  {owner}: LaunchInput,
  {engine, spec, signal}: Opening,
): Promise<Entry> {
  if (architecture === undefined) {
    if (plan.needsRelay) throw noRelay(spec.name, facts.architecture)
    return {kind: 'plain', env}
  }
  const volume = await ensureShim(engine, {owner, image: spec.image}, signal)
  return {kind: 'shim', volume, architecture, stdin: spec.http ? 'lifeline' : 'messages'}
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
  if (network !== undefined || plan.egress) return {kind: 'relayed', network, extraHosts: []}
  return {kind: 'none'}
}
