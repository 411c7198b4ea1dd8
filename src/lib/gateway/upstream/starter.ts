import {limitConcurrency} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import type {Engine} from '../../engine/engine.ts'
import {PROGRAMS_PATH} from '../../engine/mounts.ts'
import {forgetShim} from '../../engine/shim.ts'
import type {ConnectedSpec, ContainerSpec} from '../../model/server.ts'
import type {Audit} from '../../secrets/audit.ts'
import type {SecretSource} from '../../secrets/source.ts'
import {type LifeDefaults, lifePolicy} from '../life-policy.ts'
import {explainMount} from './binds.ts'
import {secretValues} from './delivery.ts'
import type {ImagePuller} from './image.ts'
import {type Launch, type LaunchInput, type Mould, prepareLaunch, type ServerRun} from './launch.ts'
import {parkServer, type ParkedServer} from './parked-server.ts'
import {secretBook} from './secret-book.ts'
import {type Shelf, Standby, type Waiting} from './standby.ts'

export interface StarterInput extends LaunchInput {
  readonly engine: () => Promise<Engine>
  readonly secrets: SecretSource
  /** Told of each secret before its server has it. */
  readonly audit: Audit
  /** For servers whose catalog entry says nothing. */
  readonly life: LifeDefaults
  /** What all containers that are kept ready may take together. */
  readonly standbyMemoryBytes: number
  readonly startsAtOnce: number
  /** The life of the gateway. */
  readonly signal: AbortSignal
}

/** A container whose program can begin, and what it is to be given. */
interface Ready {
  readonly parked: ParkedServer
  readonly run: ServerRun
}

/** Makes containers, some of them before they are needed. Disposing of it ends those. */
export interface Starter extends AsyncDisposable {
  /**
   * Gives a container whose program can begin at once: one that waits for it, or a new one.
   * @throws PluginError that names the server, the cause and the next step; the signal's reason
   */
  ready(spec: ContainerSpec, signal: AbortSignal): Promise<Ready>
  /** As that of `Fleet`. */
  begin(specs: readonly ConnectedSpec[]): Promise<void>
  /** As that of `Fleet`. */
  flush(server: string): Promise<void>
  /** As that of `Fleet`. */
  forget(server: string): Promise<void>
}

/** Makes the starter; starts nothing yet. */
export function createStarter(input: StarterInput, ensureImage: ImagePuller): Starter {
  const inTurn = limitConcurrency(input.startsAtOnce)
  /** The servers whose uses are heard of, as they are now. */
  const watched = new Map<string, ContainerSpec>()
  /** Those whose lives tell of their uses, once for each name. */
  const heard = new Set<string>()
  let starting = 0
  const isBusy = () => starting > 0
  const standby = new Standby<ReadyServer>({
    get memoryBytes() {
      return input.standbyMemoryBytes
    },
    isBusy,
  })
  // At once, while the sessions end.
  input.signal.addEventListener('abort', () => void standby[Symbol.asyncDispose](), {once: true})
  return {
    ready: (spec, signal) => withPrograms(spec, () => ready(spec, signal)),
    async begin(specs) {
      const kept = specs
        .filter(spec => spec.kind === 'container')
        .filter(spec => shelfOf(spec).size.min > 0)
      await Promise.all(kept.map(keep))
    },
    flush: server => standby.flush(server),
    forget(server) {
      watched.delete(server)
      return standby.forget(server)
    },
    [Symbol.asyncDispose]: () => standby[Symbol.asyncDispose](),
  }

  async function ready(spec: ContainerSpec, signal: AbortSignal): Promise<Ready> {
    const book = secretBook(spec, input)
    try {
      const {engine, mould, runIn} = await prepare(spec, signal)
      const {key} = mould
      watchUse(spec)
      const waiting = key && (await standby.take(shelfOf(spec), key, signal))
      const [parked] = await Promise.all([
        waiting ? waiting.parked : startNow(engine, mould, signal),
        book.given(),
      ])
      return {parked, run: runIn(parked.container.name)}
    } catch (error) {
      await book.failed()
      throw error
    }
  }

  /** Counted no longer than the machine is at work for it: what comes before, the pull of an image, may take minutes. */
  async function startNow(
    engine: Engine,
    mould: Mould,
    signal: AbortSignal,
  ): Promise<ParkedServer> {
    starting += 1
    try {
      // One that has begun is not left: what was begun is cleaned up before its session is over.
      return await inTurn(() => park(engine, mould, signal), signal)
    } finally {
      starting -= 1
    }
  }

  function watchUse(spec: ContainerSpec): void {
    const {name} = spec
    watched.set(name, spec)
    if (heard.has(name)) return
    heard.add(name)
    input.lives.of(name).onUse(() => {
      const now = watched.get(name)
      const shelf = now && shelfOf(now)
      if (shelf && shelf.size.max > 0) standby.used(shelf)
    })
  }

  async function prepare(
    spec: ContainerSpec,
    signal: AbortSignal,
  ): Promise<Launch & {readonly engine: Engine}> {
    // Before the engine is asked for anything: a secret that is missing is the better reason.
    const values = secretValues(spec, input.secrets)
    const engine = await input.engine()
    const image = async () => {
      const found = await ensureImage(spec, signal)
      input.housekeeping.began(engine, found)
      return found
    }
    return {engine, ...(await prepareLaunch(input, {engine, spec, values, image, signal}))}
  }

  function park(engine: Engine, mould: Mould, signal: AbortSignal): Promise<ParkedServer> {
    return parkServer(input, {engine, mould}, signal)
  }

  function shelfOf(spec: ContainerSpec): Shelf<ReadyServer> {
    const {standby: size, idleMs: usedMs} = lifePolicy(spec, input.life)
    const makeOne = async (signal: AbortSignal): Promise<ReadyServer> => {
      const {engine, mould} = await prepare(spec, signal)
      const {key} = mould
      if (key === undefined) throw new Error('none of this server can be made before it is needed')
      const parked = await park(engine, mould, signal)
      const {container} = parked
      return {key, parked, gone: container.gone, end: () => container[Symbol.asyncDispose]()}
    }
    const make = (signal: AbortSignal) => withPrograms(spec, () => makeOne(signal))
    return {server: spec.name, size, usedMs, make}
  }

  async function keep(spec: ContainerSpec): Promise<void> {
    try {
      const engine = await input.engine()
      if (await engine.hasImage(spec.image, input.signal)) standby.keep(shelfOf(spec))
    } catch {
      // What is wrong is told to whoever needs the server.
    }
  }

  /** Tries again once our own programs are back. */
  async function withPrograms<T>(spec: ContainerSpec, begin: () => Promise<T>): Promise<T> {
    try {
      return await begin().catch(async (error: unknown) => {
        if (!lacksPrograms(error)) throw error
        forgetShim(await input.engine())
        return begin()
      })
    } catch (error) {
      throw explainMount(error, spec.name)
    }
  }
}

/** A container that waits for somebody who needs its server. */
interface ReadyServer extends Waiting {
  readonly parked: ParkedServer
}

/** Whether a start failed for want of our own programs: their volume can be removed whenever nothing runs. */
function lacksPrograms(error: unknown): boolean {
  return error instanceof PluginError && error.message.includes(PROGRAMS_PATH)
}
