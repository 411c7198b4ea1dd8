import {execFile} from 'node:child_process'
import {readFile} from 'node:fs/promises'
import {join, posix} from 'node:path'
import {promisify} from 'node:util'
import type {WindowsSide} from './locate.ts'
import {isThere} from './this-machine.ts'

/** Windows answers at once or, when it may not be asked from Linux, never. */
const LONGEST_MS = 5000

const VARIABLES = ['USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'ProgramFiles'] as const

/**
 * The Windows around a Linux of WSL, when it says itself where its user's folders are. Nothing is guessed from names of
 * folders: another user's file would be written.
 * @param input `env`: of this process; `mounts`: the file that says what is mounted
 * @returns undefined outside of WSL, and when Windows cannot be asked
 */
export async function windowsAround({
  env,
  mounts = '/proc/mounts',
}: {
  env: NodeJS.ProcessEnv
  mounts?: string
}): Promise<WindowsSide | undefined> {
  const distribution = env['WSL_DISTRO_NAME']
  if (!distribution) return undefined
  try {
    const drives = drivesIn(await readFile(mounts, 'utf8'))
    const system = drives.get('C')
    if (system === undefined) return undefined
    const values = await askWindows(system)
    const home = values.get('USERPROFILE')
    if (home === undefined) return undefined
    const pathHere = (path: string) => pathOnDrive(path, drives)
    const exists = (path: string) => {
      const here = pathHere(path)
      return here !== undefined && isThere(here)
    }
    const machine = {platform: 'win32', env: Object.fromEntries(values), home, exists} as const
    return {machine, distribution, pathHere}
  } catch {
    return undefined
  }
}

/**
 * Where the drives of Windows are mounted, by letter: WSL 2 has `C:\134 /mnt/c 9p …`, WSL 1 `C: /mnt/c drvfs …`.
 * @param text in the form of fstab(5), with `\134` for a backslash
 */
export function drivesIn(text: string): ReadonlyMap<string, string> {
  const drives = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [source = '', place = '', type = ''] = line.split(' ').map(plain)
    const letter = /^([A-Za-z]):\\?$/.exec(source)?.[1]?.toUpperCase()
    if (letter && (type === '9p' || type === 'drvfs' || type === 'virtiofs')) {
      drives.set(letter, place)
    }
  }
  return drives
}

/** A path of Windows as this Linux knows it; undefined for one without a drive that is mounted. */
export function pathOnDrive(path: string, drives: ReadonlyMap<string, string>): string | undefined {
  const [, letter = '', rest = ''] = /^([A-Za-z]):[\\/](.*)$/s.exec(path) ?? []
  const mounted = drives.get(letter.toUpperCase())
  return mounted === undefined ? undefined : posix.join(mounted, rest.replaceAll('\\', '/'))
}

/** fstab(5) writes blanks and backslashes in octal. */
function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}

/** Asks Windows for variables; those that are not set are missing. */
async function askWindows(system: string): Promise<ReadonlyMap<string, string>> {
  const program = join(system, 'Windows', 'System32', 'cmd.exe')
  const script = VARIABLES.map(name => `echo ${name}=%${name}%`).join('&')
  // /u: UTF-16, since names of users have all letters; /d: none of the user's own start commands.
  const {stdout} = await promisify(execFile)(program, ['/d', '/u', '/c', script], {
    cwd: system,
    encoding: 'utf16le',
    timeout: LONGEST_MS,
    maxBuffer: 65_536,
  })
  return new Map(
    stdout.split(/\r?\n/).flatMap(line => {
      const [name = '', value = ''] = line.split(/=(.*)/s)
      return value === '' || value === `%${name}%` ? [] : [[name, value.trimEnd()] as const]
    }),
  )
}
