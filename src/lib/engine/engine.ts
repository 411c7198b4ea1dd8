import type {Duplex} from 'node:stream'
import type {Endpoint} from './endpoint.ts'
import type {ContainerOptions} from './options.ts'

/**
 * The few things that this program asks of a Docker engine. Every method rejects with a PluginError:
 * `ENGINE_UNREACHABLE` when no engine answers, `ENGINE_FAILED` with the engine's own words when it refuses.
 * A signal that is aborted rejects with the signal's reason.
 */
export interface Engine {
  /** Where it is: enough for another process to reach it. Holds the keys of TLS. */
  readonly endpoint: Endpoint
  /** Whether the paths of this machine are the engine's own: it listens on a socket or pipe here, not over TCP. */
  readonly isLocal: boolean
  /** Where it listens on this machine: whoever reaches such a socket commands the engine. */
  readonly sockets: readonly string[]
  /** The engine's version and platform; bounded in time, so it also tells a dead engine from a slow one. */
  info(signal?: AbortSignal): Promise<EngineInfo>
  /** Limits that it takes without a word and does not keep, as rootless engines may: `memory`, `cpus`, `pids`. */
  unkeptLimits(signal?: AbortSignal): Promise<readonly string[]>
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
    options: {
      readonly onProgress: (progress: PullProgress) => void
      /** The login for the registry, as the Engine API takes it. */
      readonly auth?: string | undefined
    },
    signal: AbortSignal,
  ): Promise<void>
  /**
   * What the registry of an image says of it now; nothing is fetched.
   * @param auth as for `pullImage`
   * @returns undefined when this engine does not ask registries
   * @throws PluginError ENGINE_FAILED with the reason when the registry does not tell
   */
  distribution(
    ref: string,
    auth: string | undefined,
    signal?: AbortSignal,
  ): Promise<Distribution | undefined>
  /** Gives an image that the engine holds one more name, which another image may have until now. */
  tagImage(image: string, name: {readonly repository: string; readonly tag: string}): Promise<void>
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
  /** What a container takes of memory and processor; undefined when it does not run. */
  stats(id: string, signal?: AbortSignal): Promise<ContainerStats | undefined>
  /** Creates a bridge network and gives its id. An aborted create leaves no network behind. */
  createNetwork(options: NetworkOptions, signal?: AbortSignal): Promise<string>
  /** Puts a container, running or not, on one more network. Both by name or id. */
  connectNetwork(network: string, container: string, signal?: AbortSignal): Promise<void>
  /** Takes a container off a network. When this resolves it is off, or one of them is not there any more. */
  disconnectNetwork(network: string, container: string): Promise<void>
  /** Removes a network that no container is on. When this resolves it is gone, whoever removed it. */
  removeNetwork(id: string): Promise<void>
  /** All networks that carry every one of these labels. */
  listNetworks(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly NetworkFacts[]>
  /** The ids of the running containers on a network; none when there is no such network. */
  networkMembers(id: string, signal?: AbortSignal): Promise<readonly string[]>
  /** All volumes that carry every one of these labels. */
  listVolumes(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly VolumeFacts[]>
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
  /** What it is a part of, such as `Docker Desktop 4.40.0`; empty when it does not say. */
  readonly product: string
}

/** What a registry says of an image. */
export interface Distribution {
  /** Of the manifest, or of the index when there are several. */
  readonly digest: string
  /** For what it is made; empty when that is not known before it is fetched. */
  readonly platforms: readonly Platform[]
}

export interface Platform {
  readonly os: string
  /** As Go names it: `amd64`, `arm64`. */
  readonly architecture: string
  readonly variant?: string
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
  /** `repository@digest` for each repository that it was pulled from or pushed to. */
  readonly repoDigests: readonly string[]
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

export interface NetworkFacts {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly createdAt: Date
}

export interface VolumeFacts {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Undefined when the driver does not tell. */
  readonly createdAt: Date | undefined
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

export interface ContainerStats {
  /** As `docker stats` counts it: without files that the kernel merely remembers. */
  readonly memoryBytes: number
  /** What it may take at most: its own limit, else the machine's memory. */
  readonly memoryLimitBytes?: number
  /** What it has used of all cores since it was started, in nanoseconds. */
  readonly cpuNanos: number
  /** When the engine looked, by its own clock. */
  readonly at: Date
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
