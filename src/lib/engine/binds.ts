import {posix} from 'node:path'
import {parseSource, pathKeys} from './host-paths.ts'

/** A bind specification for the engine, or why there is none and what to do. */
export type BindVerdict = {readonly bind: string} | {readonly refused: string}

/**
 * Decides whether a server may see a folder of the host, and makes the specification exact: `~/` written out, dots
 * resolved, `ro` unless `rw` is written. Volumes (`/data`, `name:/data`) pass untouched.
 *
 * Docker's own plugin allows only temporary folders. That makes a filesystem server useless, so here any folder of the
 * user may be shared (read-only when nothing is said), except what would hand over the machine (engine sockets, system
 * folders, whole drives) or the person (the home as a whole, credentials) and every folder that contains such a place.
 *
 * The decision is about the text: the caller resolves symbolic links of the source first when the host's files are at hand.
 * @param spec `source:target[:mode]` of the Engine API's `Binds`, or a volume
 * @param input `home`: the user's home, absolute; `platform`: what kind of paths `~` and drives are
 */
export function checkBind(
  spec: string,
  input: {home: string; platform: NodeJS.Platform},
): BindVerdict {
  const refuse = (why: string): BindVerdict => ({
    refused: `the mount ${JSON.stringify(spec)} ${why}`,
  })
  if (spec === '' || spec.startsWith('-') || hasControlCharacter(spec)) {
    return refuse('is not a mount; write it as /folder/on/the/host:/folder/in/the/container')
  }
  const {source, rest} = parseSource(spec, input.platform)
  if (rest === undefined) {
    return posix.isAbsolute(spec)
      ? {bind: spec}
      : refuse('names no folder of the container; add :/folder/in/the/container')
  }
  if (VOLUME_NAME.test(source) && posix.isAbsolute(rest)) return {bind: spec}

  const host = hostPath(source, input)
  if (host === undefined) {
    return refuse(
      'does not start at the root; write the whole path of the folder, or ~/ and the rest',
    )
  }
  const keys = pathKeys(host)
  if (keys === undefined)
    return refuse('has a source that is not a plain folder; name the folder itself')
  const danger = keys.map(key => dangerOf(key, input.home)).find(found => found !== undefined)
  if (danger !== undefined) return refuse(`is refused: ${danger}; choose another folder`)

  const [target = '', mode, ...extra] = rest.split(':')
  if (!posix.isAbsolute(target) || posix.normalize(target) === '/' || extra.length > 0) {
    return refuse('needs an absolute folder of the container, other than /, after the first colon')
  }
  const modes = bindModes(mode)
  return modes === undefined
    ? refuse('has a mode that is not supported; write ro or rw')
    : {bind: `${host}:${target}:${modes}`}
}

const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

/** The source as the engine gets it: absolute, and without dots, which after a link lead elsewhere than they seem to. */
function hostPath(
  source: string,
  {home, platform}: {home: string; platform: NodeJS.Platform},
): string | undefined {
  const path = /^~($|[\\/])/.test(source)
    ? `${home.replace(/[\\/]+$/, '')}${source.slice(1)}`
    : source
  if (!/^([\\/]|[A-Za-z]:[\\/])/.test(path)) return undefined
  // Windows resolves dots by the text alone, and two slashes at the start mean something there.
  if (!path.startsWith('/') || (platform === 'win32' && path.startsWith('//'))) return path
  const normal = posix.normalize(path)
  return normal === '/' ? normal : normal.replace(/\/$/, '')
}

/** The modes that stay on this side of the mount; `shared` would carry the container's mounts back to the host. */
const MODES = new Set(['ro', 'rw', 'z', 'Z', 'cached', 'delegated', 'consistent'])

function bindModes(mode: string | undefined): string | undefined {
  const modes = mode === undefined || mode === '' ? [] : mode.split(',')
  if (modes.some(each => !MODES.has(each))) return undefined
  if (modes.includes('ro') && modes.includes('rw')) return undefined
  return modes.includes('ro') || modes.includes('rw') ? modes.join(',') : ['ro', ...modes].join(',')
}

/** Lower case, as the keys are. The first list is what docker's plugin refuses, then what was missing there. */
const SYSTEM_FOLDERS = [
  '/dev',
  '/etc',
  '/library',
  '/proc',
  '/private/etc',
  '/private/var/run',
  '/run',
  '/sys',
  '/system',
  '/var/lib/containerd',
  '/var/lib/docker',
  '/var/run',
  'c:/windows',
  '/boot',
  '/var/lib/containers',
  '/var/lib/kubelet',
  '/var/spool/cron',
  '/private/var/db',
  'c:/programdata',
  'c:/program files',
  'c:/program files (x86)',
  'c:/$recycle.bin',
]
/** The administrator's home; the user's own when the user is the administrator. */
const ROOT_HOMES = ['/root', '/private/var/root', '/var/root']
/** Wherever they are: a project's `.npmrc` holds a token too. */
const CREDENTIALS = [
  '.ssh',
  '.aws',
  '.azure',
  '.docker',
  '.gnupg',
  '.kube',
  '.netrc',
  '_netrc',
  '.npmrc',
  '.config/gcloud',
  '.config/gh',
  '.config/op',
  '.git-credentials',
  '.pypirc',
  '.pgpass',
  '.password-store',
  '.vault-token',
  '.terraform.d',
  '.local/share/keyrings',
  '.mozilla',
  '.config/google-chrome',
  '.config/chromium',
  '.config/rclone',
  'library/keychains',
  'library/application support/google/chrome',
  'library/cookies',
  'appdata/roaming/gcloud',
  'appdata/roaming/microsoft',
  'appdata/local/microsoft',
  'appdata/local/google/chrome',
  'id_rsa',
  'id_dsa',
  'id_ecdsa',
  'id_ed25519',
  '.colima',
  '.lima',
  '.orbstack',
  '.rd',
]

/** Why a place must not be shared, or undefined. */
function dangerOf(key: string, home: string): string | undefined {
  const homeKeys = pathKeys(home) ?? []
  if (key === '/' || /^[a-z]:$/.test(key)) return 'this is the whole file system or drive'
  if (key.endsWith('.sock')) return 'this is a socket, such as the one that commands the engine'
  const system = SYSTEM_FOLDERS.find(folder => contains(folder, key) || contains(key, folder))
  if (system !== undefined) return `${system} belongs to the system`
  const rootHome = ROOT_HOMES.find(folder => contains(folder, key) || contains(key, folder))
  const isOwnRootHome = homeKeys.some(own => own === rootHome && contains(own, key) && own !== key)
  if (rootHome !== undefined && !isOwnRootHome) return `${rootHome} is the administrator's home`
  if (homeKeys.some(own => contains(key, own))) return 'this is, or contains, the whole home folder'
  const inside = CREDENTIALS.find(name => `${key}/`.includes(`/${name}/`))
  if (inside !== undefined) return `${inside} is where credentials are kept`
  const held = CREDENTIALS.find(name => homeKeys.some(own => contains(key, `${own}/${name}`)))
  return held === undefined ? undefined : `it contains ${held}, where credentials are kept`
}

/** Whether `place` is `folder` or below it. */
function contains(folder: string, place: string): boolean {
  return place === folder || place.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
