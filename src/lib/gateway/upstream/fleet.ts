import {randomBytes} from 'node:crypto'
import {limitConcurrency} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import {createRedactor} from '../../base/redact.ts'
import type {Engine} from '../../engine/engine.ts'
import {containerName, containerOptions, type ContainerOptions} from '../../engine/options.ts'
import {expandHeaders, expandSecrets} from '../../model/expand.ts'
import type {ConnectedSpec, ContainerSpec, RemoteSpec} from '../../model/server.ts'
import type {SecretSource} from '../../secrets/source.ts'
import {resolveBinds} from './binds.ts'
import {startContainer} from './container.ts'
import {imagePuller, type ImagePuller} from './image.ts'
import type {SizeLimit} from './oversize.ts'
import {RemoteUpstream, type RemoteInput} from './remote.ts'
import {RemoteModern} from './remote-modern.ts'
import {SseUpstream} from './remote-sse.ts'
import type {Openers, OpenUpstream, Upstream} from './upstream.ts'
import {unlessAborted} from './waiting.ts'

export interface FleetInput {
  readonly engine: () => Promise<Engine>
  /** The gateway's own id; every container carries it. */
  readonly owner: string
  readonly secrets: SecretSource
  /** For servers whose catalog entry says nothing. */
  readonly limits: {
    readonly cpus: number
    readonly memoryBytes: number | undefined
    readonly pids: number
  }
  /** The largest message that is taken from a server. */
  readonly maxMessageBytes: number
  readonly startsAtOnce: number
  readonly home: string
  readonly log: (line: string) => void
  readonly notify: (line: string) => void
  /** The life of the gateway. */
  readonly signal: AbortSignal
  /** Passes on what servers write to stderr. */
  readonly verbose: boolean
}

/** How many random bytes tell the containers of one server apart by name. */
const NAME_BYTES = 3

type Opening = Parameters<OpenUpstream>[0]

/** Opens servers: never more containers at once than the machine has hands for, each image fetched once. */
export interface Fleet {
  openers(spec: ConnectedSpec): Openers
  /** Makes sure that the engine has the server's image. */
  readonly ensureImage: ImagePuller
}

/** Makes the fleet; starts nothing yet. */
export function createFleet(input: FleetInput): Fleet {
  const inTurn = limitConcurrency(input.startsAtOnce)
  const ensureImage = imagePuller(input)
  return {
    ensureImage,
    openers(spec) {
      switch (spec.kind) {
        case 'container': {
          const open: OpenUpstream = opening => openContainer(spec, opening)
          return {legacy: open, modern: open, tellsOrigin: false}
        }
        case 'remote': {
          if (spec.transport === 'sse') {
            const legacy = remoteOpener(spec, input, remote => new SseUpstream(remote))
            return {legacy, modern: undefined, tellsOrigin: false}
          }
          return {
            legacy: remoteOpener(spec, input, remote => new RemoteUpstream(remote)),
            modern: remoteOpener(spec, input, remote => new RemoteModern(remote)),
            tellsOrigin: true,
          }
        }
      }
    },
  }

  async function openContainer(spec: ContainerSpec, opening: Opening): Promise<Upstream> {
    const values = secretValues(spec, input.secrets)
    const engine = await input.engine()
    const host = {home: input.home, platform: process.platform, isLocal: engine.isLocal}
    const volumes = await resolveBinds(spec, host)
    await ensureImage(spec, opening.signal)
    const options = optionsFor({...input, spec, session: opening.session, values, volumes})
    const name = containerName(spec.name, randomBytes(NAME_BYTES).toString('hex'))
    const redact = createRedactor(values.values())
    const onStderr = (line: string) => {
      if (input.verbose) input.log(`- ${spec.name}: ${line}`)
    }
    const onLost = (error: unknown) =>
      input.notify(`! the container ${name} may be left behind: ${messageOf(error)}`)
    const {onMessage} = opening
    const run = {name, options, onMessage, onStderr, onLost, redact, ...sizeLimit(spec, input)}
    const start = () => startContainer(engine, run, opening.signal)
    return endedWith(await turnOf({inTurn, start}, opening.signal), opening.signal)
  }
}

function sizeLimit({name}: ConnectedSpec, {maxMessageBytes, notify}: FleetInput): SizeLimit {
  return {server: name, maxMessageBytes, warn: text => notify(`! ${text}`)}
}

function remoteOpener(
  spec: RemoteSpec,
  input: FleetInput,
  make: (remote: RemoteInput) => Upstream,
): OpenUpstream {
  return async ({onMessage}) => {
    const values = secretValues(spec, input.secrets)
    return make({
      ...sizeLimit(spec, input),
      url: spec.url,
      headers: expandHeaders(spec, values),
      onMessage,
      redact: createRedactor(values.values()),
    })
  }
}

/**
 * The values of the secrets that a server declares, by environment variable.
 * @throws PluginError SECRET_MISSING naming the secret and the command that sets it; never a value
 */
export function secretValues(
  spec: Pick<ConnectedSpec, 'name' | 'secrets'>,
  source: SecretSource,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const {name, env, required} of spec.secrets) {
    const value = source.get(name)
    if (value) values.set(env, value)
    else if (required) throw missingSecret(spec.name, name)
  }
  return values
}

function missingSecret(server: string, name: string): PluginError {
  return new PluginError(
    'SECRET_MISSING',
    `server ${server} needs the secret ${name}, which has no value`,
    {
      hint: `put the line ${name}=<value> into a file that only you can read, and run the gateway with --secrets <file>`,
    },
  )
}

function optionsFor(
  input: FleetInput & {
    spec: ContainerSpec
    session: string
    values: ReadonlyMap<string, string>
    volumes: readonly string[]
  },
): ContainerOptions {
  const {spec, limits} = input
  const {env, command} = expandSecrets(spec, input.values)
  return containerOptions({
    server: spec.name,
    owner: input.owner,
    session: input.session,
    image: spec.image,
    command,
    env,
    volumes: input.volumes,
    ...(spec.user !== undefined && {user: spec.user}),
    networkDisabled: spec.networkDisabled,
    extraHosts: spec.extraHosts,
    limits: {
      cpus: spec.limits.cpus ?? limits.cpus,
      memoryBytes: spec.limits.memoryBytes ?? limits.memoryBytes,
      pids: spec.limits.pids ?? limits.pids,
    },
  })
}

/**
 * Starts a server when its turn comes. A session that ends while it waits for its turn is not kept waiting; one that
 * ends later is, so that what was begun is cleaned up before it is over.
 */
async function turnOf(
  {inTurn, start}: {inTurn: InTurn; start: () => Promise<Upstream>},
  signal: AbortSignal,
): Promise<Upstream> {
  let hasBegun = false
  const turn = inTurn(() => {
    signal.throwIfAborted()
    hasBegun = true
    return start()
  })
  return unlessAborted(turn, signal, () => !hasBegun)
}

type InTurn = ReturnType<typeof limitConcurrency>

/** A server ends with its session also while it is still being introduced, which is nothing that can be waited for. */
function endedWith(upstream: Upstream, signal: AbortSignal): Upstream {
  const end = () => void upstream[Symbol.asyncDispose]()
  if (signal.aborted) end()
  signal.addEventListener('abort', end, {once: true})
  void upstream.closed.then(() => signal.removeEventListener('abort', end))
  return upstream
}
