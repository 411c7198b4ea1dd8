import {PluginError} from '../base/errors.ts'
import {plainEnvironment, type Env} from './block.ts'
import {hardening, type HardenedHost, type HardeningInput, type Security} from './hardening.ts'
import {engineMounts, type EngineMount, type Mount, PROGRAMS_PATH} from './mounts.ts'

/**
 * Carried by servers without our program, since a gateway may have nothing but such: then it has no lease (see
 * `openLease`), and that is no sign of its death.
 */
export const UNLEASED_LABEL = 'docker-mcp-unleased'

/** The body of `POST /containers/create` (Docker Engine API 1.41), as far as this program sets it. */
export interface ContainerOptions {
  readonly Image: string
  readonly Entrypoint?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly Env: readonly string[]
  readonly User?: string
  readonly Labels: Readonly<Record<string, string>>
  readonly Tty: boolean
  readonly OpenStdin: boolean
  readonly StdinOnce: boolean
  readonly AttachStdin: boolean
  readonly AttachStdout: boolean
  readonly AttachStderr: boolean
  readonly NetworkDisabled?: boolean
  readonly Healthcheck: {readonly Test: readonly string[]}
  readonly HostConfig: HostOptions
}

interface HostOptions extends HardenedHost {
  readonly AutoRemove: boolean
  readonly LogConfig: {readonly Type: string; readonly Config: Readonly<Record<string, string>>}
  readonly RestartPolicy: {readonly Name: string}
  readonly Init?: boolean
  readonly NanoCpus?: number
  readonly Memory?: number
  readonly MemorySwap?: number
  readonly PidsLimit?: number
  readonly Mounts?: readonly EngineMount[]
  readonly Binds?: readonly string[]
  readonly NetworkMode?: string
  readonly Dns?: readonly string[]
  readonly DnsSearch?: readonly string[]
  readonly DnsOptions?: readonly string[]
  readonly ExtraHosts?: readonly string[]
}

/** How a server's program is started. */
export type Entry =
  | {
      /** By our program of a volume, which waits for the block (see `environmentBlock`). */
      readonly kind: 'shim'
      readonly volume: string
      readonly architecture: 'amd64' | 'arm64'
      /** Whether stdin carries messages, or only tells by its end that nobody needs the server any more. */
      readonly stdin: 'messages' | 'lifeline'
    }
  | {
      /** By the engine, which keeps the variables in its records. */
      readonly kind: 'plain'
      readonly env: Env
    }

/** What a container can reach. */
export type Network =
  | {readonly kind: 'none'}
  /** Docker's bridge; `extraHosts` are `name:address` pairs. */
  | {readonly kind: 'open'; readonly extraHosts: readonly string[]}
  /** Nothing but our relay, and an internal network of its own when it is to talk to other containers. */
  | {readonly kind: 'relayed'; readonly network: string | undefined}

export interface ContainerInput {
  readonly server: string
  /** The gateway that owns the container; whoever cleans up asks whether it still lives. */
  readonly owner: string
  readonly image: string
  /** What the image says of itself, as `ImageFacts` has it. */
  readonly facts: HardeningInput['facts']
  /** The image's arguments; empty means its own. */
  readonly command: readonly string[]
  readonly entry: Entry
  /** Checked, see `checkMount`. */
  readonly mounts: readonly Mount[]
  readonly user?: string
  readonly network: Network
  readonly security: Security
  /** Whether /run/secrets is needed. */
  readonly secretFiles: boolean
  readonly transport: 'stdio' | 'http'
  readonly limits: {
    /** Number of processors; 0 is no limit. */
    readonly cpus: number
    /** Memory without swap; undefined is no limit. */
    readonly memoryBytes: number | undefined
    /** Number of processes and threads; 0 is no limit. */
    readonly pids: number
    /** What it may write to its own files. */
    readonly diskBytes: number
  }
}

/**
 * How long a program may take to end by itself when its stdin has ended, in seconds. One that speaks HTTP is not told
 * by its stdin, and so has nothing to wait for.
 */
const GRACE_SECONDS = {messages: 5, lifeline: 0} as const

/**
 * What the engine is asked to create for one MCP server.
 * @throws PluginError SERVER_START_FAILED when it cannot be a process: its variables, its user, or no program at all
 */
export function containerOptions(input: ContainerInput): ContainerOptions {
  const {User, HostConfig} = hardening(input)
  return {
    Image: input.image,
    ...program(input),
    ...(User !== undefined && {User}),
    Labels: {
      'docker-mcp': 'true',
      'docker-mcp-tool-type': 'mcp',
      'docker-mcp-name': input.server,
      'docker-mcp-transport': input.transport,
      'docker-mcp-owner': input.owner,
      // Said in either case: an image could say it, too.
      [UNLEASED_LABEL]: String(input.entry.kind === 'plain'),
    },
    Tty: false,
    OpenStdin: true,
    // The engine closes the server's stdin when our connection is gone; without it, a killed gateway leaves
    // servers that wait for ever.
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ...(input.network.kind === 'none' && {NetworkDisabled: true}),
    // A health check would be one more process in the container, and nobody looks at its result.
    Healthcheck: {Test: ['NONE']},
    HostConfig: {...HostConfig, ...hostOptions(input)},
  }
}

function program({server, facts, command, entry}: ContainerInput) {
  if (entry.kind === 'plain') {
    return {
      ...(command.length > 0 && {Cmd: command}),
      Env: plainEnvironment(server, entry.env, command),
    }
  }
  const started = [...facts.entrypoint, ...(command.length > 0 ? command : facts.cmd)]
  if (started.length === 0) throw noProgram(server)
  const options = [
    // It waits for the block as long as somebody holds the other end of stdin: containers are kept ready that way.
    '-t0',
    `-w${GRACE_SECONDS[entry.stdin]}`,
    ...(entry.stdin === 'lifeline' ? ['-n'] : []),
    '--',
  ]
  return {
    Entrypoint: [`${PROGRAMS_PATH}/shim-${entry.architecture}`, ...options],
    Cmd: started,
    Env: [],
  }
}

function noProgram(server: string): PluginError {
  return new PluginError(
    'SERVER_START_FAILED',
    `server ${server} cannot start: its image says no program, and its catalog entry no command`,
    {hint: 'name the program under command: in its catalog entry, or choose another image'},
  )
}

function hostOptions({limits, entry, mounts, network}: ContainerInput) {
  return {
    AutoRemove: true,
    // Any other driver writes every MCP message in clear to the engine's disk.
    LogConfig: {Type: 'none', Config: {}},
    RestartPolicy: {Name: 'no'},
    ...(limits.cpus > 0 && {NanoCpus: Math.round(limits.cpus * 1e9)}),
    // Equal values mean no swap; a memory limit alone allows as much swap again.
    ...(limits.memoryBytes !== undefined && {
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
    }),
    ...(limits.pids > 0 && {PidsLimit: limits.pids}),
    // The shim reaps and passes signals on; without it, the engine's own program does.
    ...(entry.kind === 'plain' && {Init: true}),
    ...engineMounts(entry.kind === 'shim' ? [programs(entry.volume), ...mounts] : mounts),
    ...networkOptions(network),
  }
}

function programs(volume: string): Mount {
  return {kind: 'volume', source: volume, target: PROGRAMS_PATH, isReadOnly: true, isNoCopy: true}
}

function networkOptions(network: Network) {
  if (network.kind === 'none') return {NetworkMode: 'none'}
  if (network.kind === 'open') {
    return network.extraHosts.length > 0 ? {ExtraHosts: network.extraHosts} : {}
  }
  return {
    NetworkMode: network.network ?? 'none',
    // In a network of its own the engine's resolver comes first and asks ours for the rest. Without `DnsOptions`: with
    // `ndots:0` it keeps names of one part to itself (seen on 20.10).
    Dns: ['127.0.0.53'],
    DnsSearch: ['.'],
  }
}

/**
 * A container's name that tells a reader of `docker ps` which server it is.
 * @param random what makes it unique, of letters and digits
 * @returns at most 64 characters that the engine takes (`[a-zA-Z0-9][a-zA-Z0-9_.-]+`, Engine API, "Create a container")
 */
export function containerName(server: string, random: string): string {
  const readable = server.replace(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 59 - random.length)
  return `mcp-${readable}-${random}`
}

const MEMORY = /^(\d+(?:\.\d+)?) ?([kmgtp])?i?b?$/i
const UNITS = 'kmgtp'
/** The engine refuses less: "Minimum memory limit allowed is 6MB". */
const LEAST_MEMORY = 6 * 1024 ** 2

/**
 * Reads a memory size as docker writes it: a number, then optionally k, m, g, t or p (powers of 1024) and b.
 * @returns bytes; undefined for an empty text or 0, which mean no limit
 * @throws PluginError USAGE when it is not a size, or one that the engine cannot give
 */
export function parseMemory(text: string): number | undefined {
  if (text === '') return undefined
  const match = MEMORY.exec(text)
  if (!match) {
    throw new PluginError('USAGE', `${JSON.stringify(text)} is not a memory size`, {
      hint: 'write a number with a unit, for example 512m or 2Gb',
    })
  }
  const unit = (match[2] ?? '').toLowerCase()
  const bytes = Math.floor(Number(match[1]) * 1024 ** (unit === '' ? 0 : UNITS.indexOf(unit) + 1))
  if (bytes === 0) return undefined
  if (bytes < LEAST_MEMORY || !Number.isSafeInteger(bytes)) {
    const size = bytes < LEAST_MEMORY ? 'small' : 'large'
    throw new PluginError('USAGE', `a memory limit of ${text} is too ${size} for a container`, {
      hint: 'the least is 6m; an empty value means no limit',
    })
  }
  return bytes
}

/**
 * Reads a number of processors, such as `1` or `0.5`.
 * @returns the number; 0 for an empty text, which means no limit
 * @throws PluginError USAGE when it is not a number, or one that the engine cannot give
 */
export function parseCpus(text: string): number {
  if (text === '') return 0
  const cpus = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN
  // The engine's least is 0.01; the billionths of a processor must fit its 64-bit field and a number here.
  if (cpus === 0 || (cpus >= 0.01 && cpus <= 1_000_000)) return cpus
  throw new PluginError('USAGE', `${JSON.stringify(text)} is not a number of processors`, {
    hint: 'write for example 2 or 0.5; the least is 0.01, and 0 means no limit',
  })
}
