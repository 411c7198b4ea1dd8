import {posix} from 'node:path'

/**
 * Takes the source off a bind specification. Windows sources contain colons themselves: a drive (`C:\x`), or a
 * network form (`\\wsl$\Ubuntu\x`, `\\?\C:\x`).
 * @returns `rest`: target and mode; undefined when the specification has one part only
 */
export function parseSource(
  spec: string,
  platform: NodeJS.Platform,
): {source: string; rest: string | undefined} {
  const start = driveLength(spec, platform)
  const colon = spec.indexOf(':', start)
  return colon === -1
    ? {source: spec, rest: undefined}
    : {source: spec.slice(0, colon), rest: spec.slice(colon + 1)}
}

const DRIVE = /^(?:[\\/](?:[\\/][?.]|\?\?)[\\/])?[A-Za-z]:[\\/]/

/** How much of the start is a drive; elsewhere than on Windows `c:/data` is a volume named c, unless more follows. */
function driveLength(spec: string, platform: NodeJS.Platform): number {
  const drive = DRIVE.exec(spec)?.[0]
  if (drive === undefined) return 0
  const isDrive =
    platform === 'win32' || drive.length > 3 || drive.endsWith('\\') || /:\//.test(spec.slice(3))
  return isDrive ? drive.length : 0
}

/**
 * A host path as the engine gets it: absolute, `~/` written out, and without dots, which after a link lead elsewhere
 * than they seem to.
 * @returns undefined for a relative path: what it means depends on who reads it
 */
export function hostPath(
  written: string,
  {home, platform}: {home: string; platform: NodeJS.Platform},
): string | undefined {
  const path = /^~($|[\\/])/.test(written)
    ? `${home.replace(/[\\/]+$/, '')}${written.slice(1)}`
    : written
  if (!/^(\/|\\\\|[A-Za-z]:[\\/])/.test(path)) return undefined
  // Windows resolves dots by the text alone, and two slashes at the start mean something there.
  if (!path.startsWith('/') || (platform === 'win32' && path.startsWith('//'))) return path
  const normal = posix.normalize(path)
  return normal === '/' ? normal : normal.replace(/\/$/, '')
}

/**
 * The places that an absolute host path may mean, each written one way: slashes, no dots, lower case, no
 * invisible letters. One path can mean two: `/mnt/c/x` is also drive C where Windows is the host.
 * @returns undefined for what is not a folder by its form: devices, pipes, shortened names
 */
export function pathKeys(path: string): readonly string[] | undefined {
  const slashed = path.replaceAll('\\', '/')
  const form = FORMS.find(({pattern}) => pattern.test(slashed))
  if (form === undefined) return posixKeys(slashed)
  const rest = slashed.replace(form.pattern, form.replacement)
  if (form.kind === 'device') return undefined
  return form.kind === 'drive' ? driveKeys(rest) : pathKeys(rest)
}

/** Tried in this order; what is `inside` the form is read again. */
const FORMS = [
  {kind: 'drive', pattern: /^\/(?:\/[?.]|\?\?)\/([A-Za-z]:\/)/, replacement: '$1'},
  {kind: 'inside', pattern: /^\/(?:\/[?.]|\?\?)\/unc\//i, replacement: '//'},
  {kind: 'device', pattern: /^\/(?:\/[?.]|\?\?)(\/|$)/, replacement: ''},
  {kind: 'device', pattern: /^\/\/(?:wsl\$|wsl\.localhost)\/*$/i, replacement: ''},
  {kind: 'device', pattern: /^\/\/[^/]+\/(?:pipe|ipc\$|mailslot)(\/|$)/i, replacement: ''},
  {kind: 'inside', pattern: /^\/\/[^/]+\/admin\$(?=\/|$)/i, replacement: 'C:/Windows'},
  {kind: 'inside', pattern: /^\/\/(?:wsl\$|wsl\.localhost)\/[^/]+\/*/i, replacement: '/'},
  {kind: 'drive', pattern: /^\/\/[^/]+\/([A-Za-z])\$(?=\/|$)/, replacement: '$1:'},
  {kind: 'drive', pattern: /^([A-Za-z]:\/)/, replacement: '$1'},
  // Docker Desktop's own name for all that it shares.
  {kind: 'inside', pattern: /^\/host_mnt(?=\/[^/]{2}|\/*$)/i, replacement: ''},
] as const

/** A drive as Linux on Windows (`/mnt/c`), Docker Desktop (`/host_mnt/c`) and Git's shell (`/c`) write it. */
const MOUNTED_DRIVE = /^\/(?:mnt\/|host_mnt\/)?([a-z])(?=\/|$)/

function posixKeys(path: string): readonly string[] | undefined {
  const own = key(path)
  if (!MOUNTED_DRIVE.test(own)) return [own]
  const drive = driveKeys(own.replace(MOUNTED_DRIVE, '$1:'))
  return drive === undefined ? undefined : [own, ...drive]
}

/** Windows drops dots and spaces at the end of a name, and finds a folder by its shortened name too. */
function driveKeys(path: string): readonly string[] | undefined {
  const names = path
    .slice(2)
    .split('/')
    .map(name => (/^\.+$/.test(name) ? name : name.replace(/[. ]+$/, '')))
  if (names.some(name => /~\d|:/.test(name))) return undefined
  const below = key(names.join('/'))
  return [`${path.slice(0, 2).toLowerCase()}${below === '/' ? '' : below}`]
}

function key(path: string): string {
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(fold(name))
  }
  return `/${names.join('/')}`
}

/** Some file systems compare names without case, width and invisible characters, so `.ſsh` can be `.ssh`. */
function fold(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .toLowerCase()
}
