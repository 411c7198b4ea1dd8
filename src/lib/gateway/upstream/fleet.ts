import {limitConcurrency, withDeadline} from '../../base/async.ts'
import type {ConnectedSpec, ContainerSpec, PociSpec} from '../../model/server.ts'
import {START_TIMEOUT_S} from '../plan.ts'
import type {Oversize} from '../wire/oversize.ts'
import {speakStdio} from './container.ts'
import {imagePuller, type ImagePuller, type PullerInput} from './image.ts'
import {type HttpContainer, insideUpstream} from './inside.ts'
import type {SizeLimit} from './oversize.ts'
import {runOnce} from './one-run.ts'
import {type PociInput, PociUpstream} from './poci.ts'
import {remoteOpeners, type RemoteOpenersInput} from './remote-openers.ts'
import {maskedLines} from './masked-lines.ts'
import {maskMessages} from './mask-messages.ts'
import {NO_LINES, type RunningContainer} from './running.ts'
import {createStarter, type StarterInput} from './starter.ts'
import type {Connect} from './stream-agent.ts'
import type {Openers, OpenUpstream, Upstream} from './upstream.ts'

export interface FleetInput
  extends StarterInput,
    Pick<PullerInput, 'credentials' | 'verifier'>,
    Pick<RemoteOpenersInput, 'outgoing'> {
  /** Whether secrets are masked in all that servers say to clients, too. */
  readonly maskSecrets: boolean
  /** The largest message that is taken from a server. */
  readonly maxMessageBytes: number
  /** For servers whose entries say nothing of it; a minute when it is not given. */
  readonly startTimeoutMs?: number | undefined
}

/** What all containers together may take to end that were told to, when the gateway ends, in milliseconds. */
const END_MS = 10_000
/** So many calls of tools with a container for each run at once; the others wait. */
const MOST_RUNS = 16
/** What a line of a server's log may have; a longer one is left out. */
const LONGEST_LOG_LINE = 64 * 1024

type Opening = Parameters<OpenUpstream>[0]

/** Opens servers: never more containers at once than the machine has hands for, each image fetched once. */
export interface Fleet extends AsyncDisposable {
  openers(spec: ConnectedSpec): Openers
  /** Makes sure that the engine has the server's image. */
  readonly ensureImage: ImagePuller
  /**
   * Makes what is always to be ready of these servers, as far as their images are there. May be called again, when
   * there are more. Never rejects.
   */
  begin(specs: readonly ConnectedSpec[]): Promise<void>
  /** Ends the containers of a server that are kept ready: the next start is one from the beginning. Never rejects. */
  flush(server: string): Promise<void>
  /** The same for a server that is no more, or is another one now. Never rejects. */
  forget(server: string): Promise<void>
}

/**
 * Makes the fleet; starts nothing yet. Disposing of it ends what is kept ready, and waits for the ends of all that was
 * started, which are for their owners to begin.
 */
export function createFleet(input: FleetInput): Fleet {
  const ensureImage = imagePuller(input)
  const starter = createStarter(input, ensureImage)
  const running = new Set<Promise<unknown>>()
  const callsInTurn = limitConcurrency(MOST_RUNS)
  return {
    ensureImage,
    begin: specs => starter.begin(specs),
    flush: server => starter.flush(server),
    forget: server => starter.forget(server),
    async [Symbol.asyncDispose]() {
      await starter[Symbol.asyncDispose]()
      const over = Promise.all(running).then(() => undefined)
      await withDeadline(over, END_MS, tooLate).catch(() => undefined)
    },
    openers: spec => maskMessages(openersOf(spec), input),
  }

  function openersOf(spec: ConnectedSpec): Openers {
    switch (spec.kind) {
      case 'container':
        return containerOpeners(spec)
      case 'poci':
        return {legacy: opening => openTools(spec, opening), modern: undefined, tellsOrigin: false}
      case 'remote':
        return remoteOpeners(spec, input, sizeLimit(spec, input))
    }
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

  async function openStdio(spec: ContainerSpec, {onMessage, signal}: Opening): Promise<Upstream> {
    const {parked, run} = await starter.ready(spec, signal)
    const upstream = speakStdio(parked.container, {...run, ...sizeLimit(spec, input), onMessage})
    return endedWith(known(upstream), signal)
  }

  /** A server that speaks HTTP has its log on stdout, too. */
  async function openHttp(
    spec: ContainerSpec & Required<Pick<ContainerSpec, 'http'>>,
    {onMessage, signal}: Opening,
    era: 'legacy' | 'modern',
  ): Promise<Upstream> {
    const {port, path, transport} = spec.http
    const {parked, run} = await starter.ready(spec, signal)
    const onOversize = ({bytes}: Oversize) => run.onStderr(`a line of ${bytes} bytes is left out`)
    const log = maskedLines(run.redaction, LONGEST_LOG_LINE, {onLine: run.onStderr, onOversize})
    const onStdout = (chunk: Buffer) => log.push(chunk)
    const container = known(parked.container.begin({...run, ...NO_LINES, onStdout}))
    void container.closed.then(() => log.end())
    // Not part of its turn to start: a server that never listens would keep others from theirs.
    const upstream = await insideUpstream({
      ...sizeLimit(spec, input),
      container: httpContainer(container, inner => parked.connect(port, inner)),
      kind: transport === 'sse' ? 'sse' : era,
      url: `http://localhost:${port}${path}`,
      headers: [],
      onMessage,
      redact: text => run.redaction.mask(text),
      withinMs: startTimeoutMs(spec, input),
      signal,
    })
    return endedWith(upstream, signal)
  }

  async function openTools(spec: PociSpec, {onMessage, signal}: Opening): Promise<Upstream> {
    const {home} = input
    const limit = sizeLimit(spec, input)
    const run: PociInput['run'] = (container, stop, onSign) =>
      callsInTurn(() => runOnce(starter, container, {...limit, signal: stop, known, onSign}), stop)
    return endedWith(known(new PociUpstream({...limit, spec, home, onMessage, run})), signal)
  }

  function known<T extends {readonly closed: Promise<unknown>}>(container: T): T {
    const over = container.closed.finally(() => running.delete(over))
    running.add(over)
    return container
  }
}

function httpContainer(container: RunningContainer, connect: Connect): HttpContainer {
  return {
    closed: container.closed,
    ending: container.ending,
    get stderr() {
      return container.stderr
    },
    connect,
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  }
}

function startTimeoutMs({startTimeout}: ConnectedSpec, input: FleetInput): number {
  if (startTimeout !== undefined) return startTimeout * 1000
  return input.startTimeoutMs ?? START_TIMEOUT_S * 1000
}

function sizeLimit({name}: ConnectedSpec, {maxMessageBytes, notify}: FleetInput): SizeLimit {
  return {server: name, maxMessageBytes, warn: text => notify(`! ${text}`)}
}

function tooLate(): Error {
  return new Error('they take too long')
}

/** A server ends with its session also while it is still being introduced, which is nothing that can be waited for. */
function endedWith(upstream: Upstream, signal: AbortSignal): Upstream {
  const end = () => void upstream[Symbol.asyncDispose]()
  if (signal.aborted) end()
  signal.addEventListener('abort', end, {once: true})
  void upstream.closed.then(() => signal.removeEventListener('abort', end))
  return upstream
}
