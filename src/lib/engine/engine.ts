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
  /** Where it listens on this machine: whoever reaches such a socket commands the engine. */
  readonly sockets: readonly string[]
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
  /** As `create`, for a container that is never started: a way to the files of a volume. */
  createHolder(options: HolderOptions, signal?: AbortSignal, name?: string): Promise<string>
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
  /**
   * Runs one more program in a running container and connects to it as `attach` does: writing is its stdin,
   * reading is docker's framed stream, whose end is the program's. The engine tells on that stream's stdout, in
   * its own words, when it cannot run the program. Neither a command nor a stream of this is secret: the engine
   * logs the one, and any program of the same user in the container may reach the other.
   */
  exec(
    id: string,
    program: {readonly command: readonly string[]; readonly user?: string},
    signal?: AbortSignal,
  ): Promise<Duplex>
  /**
   * Unpacks files into a container, which need not run.
   * @param path an existing folder in the container
   * @param archive tar, also compressed with gzip
   */
  putArchive(id: string, path: string, archive: Buffer, signal?: AbortSignal): Promise<void>
  /**
   * Reads files of a container, which need not run.
   * @param path a file or folder in the container
   * @returns tar, its entries named from the path's last part on; undefined when there is no such container or path
   * @throws PluginError ENGINE_FAILED also when it is more than 8 MiB
   */
  getArchive(id: string, path: string, signal?: AbortSignal): Promise<Buffer | undefined>
  /** How much a container has written to its own layer, in bytes; undefined when it or the number is not there. */
  writtenBytes(id: string, signal?: AbortSignal): Promise<number | undefined>
  /** Creates a bridge network and gives its id. An aborted create leaves no network behind. */
  createNetwork(options: NetworkOptions, signal?: AbortSignal): Promise<string>
  /** Puts a container, running or not, on one more network. Both by name or id. */
  connectNetwork(network: string, container: string, signal?: AbortSignal): Promise<void>
  /** Takes a container off a network. When this resolves it is off, or one of them is not there any more. */
  disconnectNetwork(network: string, container: string): Promise<void>
  /** Removes a network that no container is on. When this resolves it is gone, whoever removed it. */
  removeNetwork(id: string): Promise<void>
  /** Removes a volume that no container has. When this resolves it is gone, whoever removed it. */
  removeVolume(name: string): Promise<void>
  /** The engine's own address on docker's default network; undefined when it has no such network. */
  bridgeGateway(signal?: AbortSignal): Promise<string | undefined>
  /** Waits until a container is gone, which it may be already. It is for somebody else to remove it. */
  untilGone(id: string, signal?: AbortSignal): Promise<void>
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
  /** Paths that get a volume without a name when nothing else is mounted there. */
  readonly volumes: readonly string[]
  /** Empty when the image names none, which means `/`. */
  readonly workingDir: string
  /** Bytes. */
  readonly size: number
}

/** The body of `POST /containers/create` for a container that is never started. */
export interface HolderOptions {
  readonly Image: string
  readonly Cmd: readonly string[]
  readonly Labels: Readonly<Record<string, string>>
  readonly HostConfig: {
    readonly NetworkMode: 'none'
    readonly Mounts: readonly {
      readonly Type: 'volume'
      readonly Source: string
      readonly Target: string
      readonly VolumeOptions: {
        readonly NoCopy: boolean
        readonly Labels: Readonly<Record<string, string>>
      }
    }[]
  }
}

export interface NetworkOptions {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Whether nothing outside of it can be reached from it. */
  readonly internal: boolean
  /** What the bridge driver is told, such as `com.docker.network.bridge.inhibit_ipv4`. */
  readonly options: Readonly<Record<string, string>>
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
