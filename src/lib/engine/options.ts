import {PluginError} from '../base/errors.ts'

/** The body of `POST /containers/create` (Docker Engine API 1.41), as far as this program sets it. */
export interface ContainerOptions {
  readonly Image: string
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

interface HostOptions {
  readonly AutoRemove: boolean
  readonly LogConfig: {readonly Type: string; readonly Config: Readonly<Record<string, string>>}
  readonly SecurityOpt: readonly string[]
  readonly RestartPolicy: {readonly Name: string}
  readonly Ulimits: readonly {
    readonly Name: string
    readonly Soft: number
    readonly Hard: number
  }[]
  readonly NanoCpus?: number
  readonly Memory?: number
  readonly MemorySwap?: number
  readonly PidsLimit?: number
  readonly Binds?: readonly string[]
  readonly ExtraHosts?: readonly string[]
  readonly NetworkMode?: string
}

export interface ContainerInput {
  readonly server: string
  /** The gateway that owns the container; whoever cleans up asks whether it still lives. */
  readonly owner: string
  readonly session: string
  readonly image: string
  /** Empty means the image's own command. */
  readonly command: readonly string[]
  readonly env: readonly (readonly [name: string, value: string])[]
  /** Checked bind and volume specifications, see `checkBind`. */
  readonly volumes: readonly string[]
  readonly user?: string
  readonly networkDisabled: boolean
  /** `name:address` pairs. */
  readonly extraHosts: readonly string[]
  readonly limits: {
    /** Number of processors; 0 is no limit. */
    readonly cpus: number
    /** Memory without swap; undefined is no limit. */
    readonly memoryBytes: number | undefined
    /** Number of processes and threads; 0 is no limit. */
    readonly pids: number
  }
}

/**
 * What the engine is asked to create for one MCP server over stdio.
 * @throws PluginError SERVER_START_FAILED when a variable cannot be one in any process
 */
export function containerOptions(input: ContainerInput): ContainerOptions {
  return {
    Image: input.image,
    ...(input.command.length > 0 && {Cmd: input.command}),
    Env: input.env.map(([name, value]) => environmentEntry(input.server, name, value)),
    ...(input.user && {User: input.user}),
    Labels: {
      'docker-mcp': 'true',
      'docker-mcp-tool-type': 'mcp',
      'docker-mcp-name': input.server,
      'docker-mcp-transport': 'stdio',
      'docker-mcp-owner': input.owner,
      'docker-mcp-session': input.session,
    },
    Tty: false,
    OpenStdin: true,
    // The engine closes the server's stdin when our connection is gone; without it, a killed gateway leaves
    // servers that wait for ever.
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ...(input.networkDisabled && {NetworkDisabled: true}),
    // A health check would be one more process in the container, and nobody looks at its result.
    Healthcheck: {Test: ['NONE']},
    HostConfig: hostOptions(input),
  }
}

function hostOptions({limits, ...input}: ContainerInput): HostOptions {
  return {
    AutoRemove: true,
    // Any other driver writes every MCP message in clear to the engine's disk.
    LogConfig: {Type: 'none', Config: {}},
    SecurityOpt: ['no-new-privileges'],
    RestartPolicy: {Name: 'no'},
    // A core file would hold the server's secrets.
    Ulimits: [{Name: 'core', Soft: 0, Hard: 0}],
    ...(limits.cpus > 0 && {NanoCpus: Math.round(limits.cpus * 1e9)}),
    // Equal values mean no swap; a memory limit alone allows as much swap again.
    ...(limits.memoryBytes !== undefined && {
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
    }),
    ...(limits.pids > 0 && {PidsLimit: limits.pids}),
    ...(input.volumes.length > 0 && {Binds: input.volumes}),
    ...(input.extraHosts.length > 0 && {ExtraHosts: input.extraHosts}),
    ...(input.networkDisabled && {NetworkMode: 'none'}),
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

/** Linux passes at most 32 pages of 4096 bytes as one string, the ending zero included (execve(2)). */
const LONGEST_ENTRY = 32 * 4096 - 1

function environmentEntry(server: string, name: string, value: string): string {
  const entry = `${name}=${value}`
  const problem =
    name === '' || name.includes('=')
      ? 'has a name that no process can have'
      : entry.includes('\0')
        ? 'contains a zero byte'
        : Buffer.byteLength(entry) > LONGEST_ENTRY
          ? `is longer than the ${LONGEST_ENTRY} bytes that the system passes to a process`
          : undefined
  if (problem === undefined) return entry
  throw new PluginError(
    'SERVER_START_FAILED',
    `${server} cannot start: its environment variable ${JSON.stringify(name)} ${problem}`,
    {hint: 'correct the variable in the catalog entry, or the secret or setting it is filled from'},
  )
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
