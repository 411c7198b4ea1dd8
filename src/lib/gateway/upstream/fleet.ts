import {limitConcurrency} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import {createRedactor} from '../../base/redact.ts'
import type {Engine, ImageFacts} from '../../engine/engine.ts'
import {PROGRAMS_PATH} from '../../engine/mounts.ts'
import {forgetShim} from '../../engine/shim.ts'
import {expandHeaders} from '../../model/expand.ts'
import type {ConnectedSpec, ContainerSpec, RemoteSpec} from '../../model/server.ts'
import type {Oversize} from '../wire/oversize.ts'
import {explainMount} from './binds.ts'
import {startContainer} from './container.ts'
import {secretValues} from './delivery.ts'
import {imagePuller, type ImagePuller} from './image.ts'
import {type HttpContainer, insideUpstream} from './inside.ts'
import {type Launch, type LaunchInput, prepareLaunch} from './launch.ts'
import type {SizeLimit} from './oversize.ts'
import {RemoteUpstream, type RemoteInput} from './remote.ts'
import {RemoteModern} from './remote-modern.ts'
import {SseUpstream} from './remote-sse.ts'
import {runContainer, type RunningContainer} from './running.ts'
import type {Connect} from './stream-agent.ts'
import type {Openers, OpenUpstream, Upstream} from './upstream.ts'
import {unlessAborted} from './waiting.ts'

export interface FleetInput extends LaunchInput {
  readonly engine: () => Promise<Engine>
  /** The largest message that is taken from a server. */
  readonly maxMessageBytes: number
  readonly startsAtOnce: number
  /** The life of the gateway. */
  readonly signal: AbortSignal
}

/** What a line of a server's log may have; a longer one is left out. */
const LONGEST_LOG_LINE = 64 * 1024
/** What a server may take to listen, unless its entry says otherwise. */
const START_SECONDS = 60

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
        case 'container':
          return containerOpeners(spec)
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

  function containerOpeners(spec: ContainerSpec): Openers {
    if (spec.http === undefined) {
      const open: OpenUpstream = opening => openStdio(spec, opening)
      return {legacy: open, modern: open, tellsOrigin: false}
    }
    const {http} = spec
    return {
      legacy: opening => openHttp({...spec, http}, opening, 'legacy'),
      modern:
        http.transport === 'sse'
          ? undefined
          : opening => openHttp({...spec, http}, opening, 'modern'),
      tellsOrigin: http.transport !== 'sse',
    }
  }

  async function openStdio(
    spec: ContainerSpec,
    {onMessage, ...opening}: Opening,
  ): Promise<Upstream> {
    const {signal} = opening
    const upstream = await started(spec, opening, ({run}, engine) =>
      startContainer(engine, {...run, ...sizeLimit(spec, input), onMessage}, signal),
    )
    return endedWith(upstream, signal)
  }

  /** A server that speaks HTTP has its log on stdout, too. */
  async function openHttp(
    spec: ContainerSpec & Required<Pick<ContainerSpec, 'http'>>,
    {onMessage, ...opening}: Opening,
    era: 'legacy' | 'modern',
  ): Promise<Upstream> {
    const {port, path, transport} = spec.http
    const {signal} = opening
    const {container, redact} = await started(spec, opening, async ({run, connect}, engine) => {
      const onLine = (line: string) => run.onStderr(run.redact(line))
      const onOversize = ({bytes}: Oversize) => run.onStderr(`a line of ${bytes} bytes is left out`)
      const log = {maxMessageBytes: LONGEST_LOG_LINE, onLine, onOversize}
      const running = await runContainer(engine, {...run, ...log}, signal)
      const way: Connect = inner => connect(port, inner)
      return {container: httpContainer(running, way), redact: run.redact}
    })
    // Not part of its turn to start: a server that never listens would keep others from theirs.
    const upstream = await insideUpstream({
      ...sizeLimit(spec, input),
      container,
      kind: transport === 'sse' ? 'sse' : era,
      url: `http://localhost:${port}${path}`,
      headers: [],
      onMessage,
      redact,
      withinMs: (spec.startTimeout ?? START_SECONDS) * 1000,
      signal,
    })
    return endedWith(upstream, signal)
  }

  async function started<T>(
    spec: ContainerSpec,
    {session, signal}: Pick<Opening, 'session' | 'signal'>,
    start: (launch: Launch, engine: Engine) => Promise<T>,
  ): Promise<T> {
    // Before the engine is asked for anything: a secret that is missing is the better reason.
    secretValues(spec, input.secrets)
    const engine = await input.engine()
    const image = () => imageFacts(engine, spec, signal)
    const begin = async () => {
      const launch = await prepareLaunch(input, {engine, spec, session, image, signal})
      return turnOf({inTurn, start: () => start(launch, engine)}, signal)
    }
    return begin()
      .catch((error: unknown) => {
        if (!lacksPrograms(error)) throw error
        forgetShim(engine)
        return begin()
      })
      .catch((error: unknown) => {
        throw explainMount(error, spec.name)
      })
  }

  async function imageFacts(
    engine: Engine,
    spec: ContainerSpec,
    signal: AbortSignal,
  ): Promise<ImageFacts> {
    await ensureImage(spec, signal)
    const facts = await engine.inspectImage(spec.image, signal)
    if (facts) return facts
    throw new PluginError(
      'IMAGE_MISSING',
      `server ${spec.name}: the image ${spec.image} was removed while the server was starting`,
      {hint: `docker pull ${spec.image}`},
    )
  }
}

/** Whether a start failed for want of our own programs: their volume can be removed whenever nothing runs. */
function lacksPrograms(error: unknown): boolean {
  return error instanceof PluginError && error.message.includes(PROGRAMS_PATH)
}

function httpContainer(container: RunningContainer, connect: Connect): HttpContainer {
  return {
    closed: container.closed,
    get stderr() {
      return container.stderr
    },
    connect,
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
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
 * Starts a server when its turn comes. A session that ends while it waits for its turn is not kept waiting; one that
 * ends later is, so that what was begun is cleaned up before it is over.
 */
async function turnOf<T>(
  {inTurn, start}: {inTurn: InTurn; start: () => Promise<T>},
  signal: AbortSignal,
): Promise<T> {
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
