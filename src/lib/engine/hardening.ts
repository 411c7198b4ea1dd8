import {posix} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {reservedPlace, SECRETS_PATH} from '../model/reserved.ts'
import {type Mount, plainPath} from './mounts.ts'

/** What a server gets besides the engine's own seccomp profile and its masked and read-only places of /proc and /sys. */
export interface Security {
  readonly profile: 'default' | 'strict'
  /** Whether the image's files cannot be changed; unset is the profile's own answer: only `strict` says yes. */
  readonly readOnly?: boolean | undefined
  /** Names as the engine has them, such as `NET_RAW`. */
  readonly capAdd: readonly string[]
  /** Each path once, absolute and in its plainest form. */
  readonly tmpfs: readonly {readonly path: string; readonly options: string}[]
}

export interface HardeningInput {
  readonly server: string
  readonly security: Security
  /** What the image says; `volumes` are places inside that it wants a volume for. */
  readonly facts: {
    readonly user: string
    readonly volumes: readonly string[]
    readonly entrypoint: readonly string[]
    readonly cmd: readonly string[]
    readonly workingDir: string
  }
  /** The catalog entry's arguments, which count instead of the image's unless there are none. */
  readonly command: readonly string[]
  /** The catalog entry's user, which counts instead of the image's. */
  readonly user?: string
  readonly mounts: readonly Mount[]
  readonly limits: {
    /** What it may write to its own files. */
    readonly diskBytes: number
  }
  /** Whether secrets are written as files. */
  readonly secretFiles: boolean
}

/** The part of `HostConfig` (Docker Engine API 1.41) that keeps a server from what is not its own. */
export interface HardenedHost {
  readonly CapDrop: readonly string[]
  readonly CapAdd: readonly string[]
  readonly SecurityOpt: readonly string[]
  readonly ReadonlyRootfs: boolean
  readonly CgroupnsMode: 'private'
  readonly IpcMode: 'private'
  readonly Ulimits: readonly {
    readonly Name: string
    readonly Soft: number
    readonly Hard: number
  }[]
  readonly Tmpfs: Readonly<Record<string, string>>
}

/**
 * What entrypoints that begin as root need to hand over to a user: to own, to read and to change what belongs to
 * another user, to become one, and to end its processes. Not among them, although the engine gives them to everybody:
 * NET_RAW, MKNOD, SETFCAP, AUDIT_WRITE, SYS_CHROOT, SETPCAP, FSETID and NET_BIND_SERVICE (private network namespaces
 * need none for low ports).
 */
const ROOT_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'KILL']
/** Nobody, by number: images need not know the name. */
const NOBODY = '65534:65534'

/**
 * Decides with which user and which rights a server runs. There is no way from here to a privileged container, to the
 * host's namespaces or to its devices.
 * @throws PluginError SERVER_START_FAILED when the user's name is none, or a user who is not root is to get capabilities
 */
export function hardening(input: HardeningInput): {User?: string; HostConfig: HardenedHost} {
  const {security} = input
  const isStrict = security.profile === 'strict'
  const user = checkedUser(input)
  const isByRoot = isRoot(user ?? input.facts.user)
  const runAs = isStrict && isByRoot ? NOBODY : user
  if (security.capAdd.length > 0 && isOrdinary(runAs ?? input.facts.user)) throw noUse(input)
  const ownCapabilities = isByRoot && !isStrict ? ROOT_CAPABILITIES : []
  return {
    ...(runAs !== undefined && {User: runAs}),
    HostConfig: {
      CapDrop: ['ALL'],
      CapAdd: [...new Set([...ownCapabilities, ...security.capAdd])],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: security.readOnly ?? isStrict,
      CgroupnsMode: 'private',
      IpcMode: 'private',
      Ulimits: [
        // A core file would hold the server's secrets. 0 keeps none from a handler that `core_pattern` pipes to; for
        // the kernel, 1 byte is the one limit that does, and is too little for any file (core(5), fs/coredump.c).
        {Name: 'core', Soft: 1, Hard: 1},
        {Name: 'nofile', Soft: 1024, Hard: 4096},
        ...largestFile(input),
      ],
      Tmpfs: temporaryFolders(input, runAs ?? input.facts.user),
    },
  }
}

/** One file must not be what all of them may be. What it was given to write to may hold larger ones. */
function largestFile({mounts, limits}: HardeningInput): HardenedHost['Ulimits'] {
  if (mounts.some(mount => !mount.isReadOnly)) return []
  return [{Name: 'fsize', Soft: limits.diskBytes, Hard: limits.diskBytes}]
}

/** Variables that a profile's file system makes necessary; what the entry sets itself comes after them. */
export function profileEnvironment(
  profile: Security['profile'],
): readonly (readonly [name: string, value: string])[] {
  // The home of most images is not there, or cannot be written.
  return profile === 'strict' ? [['HOME', '/tmp']] : []
}

function checkedUser({server, user}: HardeningInput): string | undefined {
  if (user === undefined || user === '') return undefined
  if (!user.startsWith('-') && !/[\p{Cc}\s]/u.test(user)) return user
  throw new PluginError(
    'SERVER_START_FAILED',
    `server ${server} cannot start: its user ${JSON.stringify(user)} is not the name or number of a user`,
    {hint: 'write user: as name, 1000 or 1000:1000 in its catalog entry'},
  )
}

/** Whether a user is 0. The engine reads numbers generously; other names of 0 are the image's own and get less. */
function isRoot(user: string): boolean {
  const [name = ''] = user.split(':')
  return name === '' || name === 'root' || /^[+-]?0+$/.test(name)
}

/** Whether a user is certainly not 0: what a name stands for, only the image knows. */
function isOrdinary(user: string): boolean {
  return /^\+?\d+(?::|$)/.test(user) && !isRoot(user)
}

/** Programs of other users inherit no capabilities, and files that have some give none (capabilities(7), no_new_privs). */
function noUse({server, security}: HardeningInput): PluginError {
  const added = `its capAdd (${security.capAdd.join(', ')}) does nothing for a user who is not root`
  const way = security.profile === 'strict' ? 'security: default and user: root' : 'user: root'
  return new PluginError('SERVER_START_FAILED', `server ${server} cannot start: ${added}`, {
    hint: `write ${way} in its catalog entry, or leave capAdd out`,
  })
}

/** Files in memory, with a size: what is in none of them and in no volume goes to the container's own layer. */
function temporaryFolders(input: HardeningInput, user: string): Readonly<Record<string, string>> {
  const {security, secretFiles} = input
  const owner = ownerOf(user)
  const own = security.tmpfs.map(({path, options}) => [path, withSize(options)] as const)
  const taken = new Set([...own.map(([path]) => path), ...input.mounts.map(({target}) => target)])
  const exec = security.profile === 'strict' ? 'noexec' : 'exec'
  const folders = new Map([
    // Whose folder it would be cannot be known from a name: such an image keeps the engine's volumes.
    ...(owner === undefined ? [] : dataFolders(input)).map(
      path => [path, inMemory('exec', '256m', owner)] as const,
    ),
    ['/tmp', inMemory(exec, '64m', owner)],
  ])
  return Object.fromEntries([
    ...[...folders].filter(([path]) => !taken.has(path)),
    ...own,
    ...(secretFiles ? [[SECRETS_PATH, inMemory('noexec', '1m', owner)]] : []),
  ])
}

/** The kernel's own default is half of the machine's memory. */
function withSize(options: string): string {
  const given = options.split(',').filter(option => option !== '')
  return (given.some(option => option.startsWith('size=')) ? given : [...given, 'size=64m']).join()
}

/**
 * The engine's own default is `noexec`, which breaks programs that unpack others. Where the image has that folder, runc
 * gives it the image's mode instead of this one: then it matters who owns it.
 */
function inMemory(exec: 'exec' | 'noexec', size: string, owner = ''): string {
  return `rw,${exec},nosuid,nodev,size=${size},mode=1777${owner}`
}

/** @returns undefined for a user who has a name, whose number only the image knows */
function ownerOf(user: string): string | undefined {
  if (isRoot(user)) return ''
  const [, uid, gid = '0'] = /^(\d+)(?::(\d+))?$/.exec(user) ?? []
  return uid === undefined ? undefined : `,uid=${uid},gid=${gid}`
}

/**
 * The volumes that the image itself asks for: left to the engine, they could fill the disk. In memory they are empty,
 * so one with the program in it stays a volume.
 */
function dataFolders(input: HardeningInput): readonly string[] {
  const programs = programFiles(input)
  return input.facts.volumes
    .flatMap(volume => plainPath(volume) ?? [])
    .filter(path => reservedPlace(path) === undefined)
    .filter(path => !programs.some(program => program.startsWith(`${path}/`)))
}

/** Where files of the program may be, as far as its command line tells. */
function programFiles({facts, command}: HardeningInput): readonly string[] {
  const {entrypoint, cmd} = facts
  const folder = posix.resolve('/', facts.workingDir)
  const [program = '', ...rest] = [...entrypoint, ...(command.length > 0 ? command : cmd)]
  // A program that is looked for in PATH can be a script that begins in the working folder.
  const first = program.includes('/') ? posix.resolve(folder, program) : `${folder}/`
  const named = rest.filter(argument => !argument.startsWith('-'))
  return [first, ...named.map(argument => posix.resolve(folder, argument))]
}
