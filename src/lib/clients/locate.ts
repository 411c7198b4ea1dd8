import {posix, win32} from 'node:path'
import type {Client, Platform, ProjectFile, UserFile} from './client.ts'
import {expandPlace} from './expand.ts'

/** What is asked of the machine that clients are looked for on. */
export interface Machine {
  readonly platform: Platform
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** Whether something is there: a file, a folder, a link that leads nowhere; false also when that cannot be told. */
  readonly exists: (path: string) => boolean
}

/** The Windows that a Linux of WSL runs in. */
export interface WindowsSide {
  /** Its paths are those of Windows. */
  readonly machine: Machine
  /** What Windows calls this Linux. */
  readonly distribution: string
  /** The path by which this Linux knows a file of Windows; undefined when it knows it by none. */
  readonly pathHere: (path: string) => string | undefined
}

/** Where a client is. */
export interface FoundClient {
  /** The file that counts, as this process opens it; undefined when the client has none on this platform. */
  readonly file: string | undefined
  readonly isInstalled: boolean
  /** Set when it is a client of the Windows around us, which starts our command there. */
  readonly windows?: {readonly file: string; readonly distribution: string} | undefined
}

/**
 * Finds a client: on this machine, or, when it is not installed here, on the Windows around it.
 * @param windows of a Linux in WSL, when it is certain where its Windows is
 */
export function findInstalled(
  client: Pick<Client, 'probes' | 'user'>,
  machine: Machine,
  windows?: WindowsSide,
): FoundClient {
  const file = client.user && locateFile(client.user, machine)
  const here = {file, isInstalled: isInstalled(client, machine)}
  if (here.isInstalled || !windows || !client.user) return here
  const there = locateFile(client.user, windows.machine)
  const reached = there === undefined ? undefined : windows.pathHere(there)
  if (there === undefined || reached === undefined) return here
  if (!isInstalled(client, windows.machine)) return here
  const {distribution} = windows
  return {file: reached, isInstalled: true, windows: {file: there, distribution}}
}

/**
 * The file of a client that counts: the first place that has one, else the first whose folder is there, else where a
 * new one belongs.
 * @returns undefined when the client has none on this platform
 */
export function locateFile({places, fresh}: UserFile, machine: Machine): string | undefined {
  const paths = placesOf(places, machine)
  const {platform} = machine
  const [last = paths[0]] = placesOf({[platform]: [fresh?.[platform] ?? []].flat()}, machine)
  return (
    paths.find(machine.exists) ??
    paths.find(path => machine.exists(pathsOf(machine).dirname(path))) ??
    last
  )
}

/** Whether anything is there that only an installed client has. */
export function isInstalled(
  {probes, user}: Pick<Client, 'probes' | 'user'>,
  machine: Machine,
): boolean {
  const places = [...placesOf(user?.places ?? {}, machine), ...placesOf(probes, machine)]
  return places.some(machine.exists)
}

/** The file of a client in a repository. */
export function locateProjectFile(
  {path, others = []}: ProjectFile,
  root: string,
  machine: Machine,
): string {
  const {join} = pathsOf(machine)
  const [first = '', ...rest] = [path, ...others].map(name => join(root, name))
  return machine.exists(first) ? first : (rest.find(machine.exists) ?? first)
}

/**
 * The repository that a folder is in: the nearest one upwards with a `.git`, which may be a file.
 * @returns undefined outside of one
 */
export function projectRoot(folder: string, machine: Machine): string | undefined {
  const {dirname, join} = pathsOf(machine)
  let at = folder
  while (!machine.exists(join(at, '.git'))) {
    const above = dirname(at)
    if (above === at) return undefined
    at = above
  }
  return at
}

/** Places as paths of the machine, without those that need a variable that is not set. */
function placesOf(places: UserFile['places'], machine: Machine): readonly string[] {
  const {normalize} = pathsOf(machine)
  const valueOf = (name: string) => (name === 'HOME' ? machine.home : variable(machine, name))
  return (places[machine.platform] ?? []).flatMap(place => {
    const path = expandPlace(place, valueOf)
    return path === undefined ? [] : [normalize(path)]
  })
}

/** On Windows `AppData` and `APPDATA` are one variable. */
function variable({env, platform}: Machine, name: string): string | undefined {
  if (platform !== 'win32') return env[name]
  const wanted = name.toUpperCase()
  const found = Object.keys(env).find(key => key.toUpperCase() === wanted)
  return found === undefined ? undefined : env[found]
}

function pathsOf({platform}: Machine): typeof posix {
  return platform === 'win32' ? win32 : posix
}
