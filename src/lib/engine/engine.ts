import type {Duplex} from 'node:stream'
import type {ContainerOptions} from './options.ts'

/**
 * The few things that this program asks of a Docker engine. Every method rejects with a PluginError:
 * `ENGINE_UNREACHABLE` when no engine answers, `ENGINE_FAILED` with the engine's own words when it refuses.
 * A signal that is aborted rejects with the signal's reason.
 */
export interface Engine {
  /** Whether the paths of this machine are the engine's own: it listens on a socket or pipe here, not over TCP. */
  readonly isLocal: boolean
  /** The engine's version and platform; bounded in time, so it also tells a dead engine from a slow one. */
  info(signal?: AbortSignal): Promise<EngineInfo>
  /** Whether the engine holds an image under this reference or id. */
  hasImage(ref: string, signal?: AbortSignal): Promise<boolean>
  /** What an image says about itself; undefined when the engine does not hold it. */
  inspectImage(ref: string, signal?: AbortSignal): Promise<ImageFacts | undefined>
  /**
   * Fetches an image; a reference without tag and digest means `latest`.
   * @throws PluginError IMAGE_MISSING with the engine's reason when it cannot be had
   */
  pullImage(
    ref: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void>
  /**
   * Creates a container and gives its id. An aborted create leaves no container behind.
   * @param name what people see in `docker ps`, see `containerName`; without one the engine makes one up
   */
  create(options: ContainerOptions, signal?: AbortSignal, name?: string): Promise<string>
  /**
   * Connects to a container's standard streams. Writing is its stdin as it is, reading is docker's framed
   * stream (see `splitFrames`). Attach before start: with log driver `none`, earlier output is lost.
   * The caller owns the stream and reads it to its end or destroys it; the signal ends only the connecting.
   */
  attach(id: string, signal?: AbortSignal): Promise<Duplex>
  /** Starts a container; a `wait` that was called before is armed first. */
  start(id: string, signal?: AbortSignal): Promise<void>
  /** Waits for the next exit of a container. Call it before `start`, or a short life is missed. */
  wait(id: string, signal?: AbortSignal): Promise<{readonly exitCode: number}>
  /** Removes a container and its anonymous volumes. When this resolves it is gone, whoever removed it. */
  remove(id: string, options: {readonly force: boolean}): Promise<void>
  /** All containers, running or not, that carry every one of these labels. */
  list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerFacts[]>
  /** One container's state; undefined when there is no such container. */
  inspect(id: string, signal?: AbortSignal): Promise<ContainerDetails | undefined>
}

export interface EngineInfo {
  readonly version: string
  /** The version of the API that is spoken with this engine, such as `1.41`. */
  readonly apiVersion: string
  readonly os: string
  readonly arch: string
}

export interface ImageFacts {
  readonly id: string
  readonly architecture: string
  readonly os: string
  /** Empty when the image names no user, which means root. */
  readonly user: string
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Bytes. */
  readonly size: number
}

/** One line of a running pull; `current` and `total` are bytes of the layer. */
export interface PullProgress {
  /** The layer's short id; empty for lines about the image as a whole. */
  readonly layer: string
  readonly status: string
  readonly current?: number
  readonly total?: number
}

export interface ContainerFacts {
  readonly id: string
  /** Without the slash that the engine puts in front. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly state: string
  /** The state in words for people, such as `Up 3 minutes`. */
  readonly status: string
  readonly createdAt: Date
}

export interface ContainerDetails {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
  readonly createdAt: Date
  readonly state: string
  readonly exitCode: number
  readonly oomKilled: boolean
  /** Why the engine could not run it; empty when it could. */
  readonly error: string
}
