import {pathKeys} from './host-paths.ts'

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
  '/.nofollow',
  '/.resolve',
  '/.vol',
  '/volumes/macintosh hd',
  '/mnt/wsl',
  '/mnt/wslg',
  '/var/lib/containers',
  '/var/lib/kubelet',
  '/var/spool/cron',
  '/private/var/db',
  'c:/programdata',
  'c:/program files',
  'c:/program files (x86)',
  'c:/$recycle.bin',
]
/** Harmless to read, but whoever changes them changes what everybody runs. */
const PROGRAM_FOLDERS = ['/applications', '/bin', '/lib', '/lib32', '/lib64', '/sbin', '/usr']
/** The administrator's home; the user's own when the user is the administrator. */
const ROOT_HOMES = ['/root', '/private/var/root', '/var/root']
/** Where homes are: a gateway in WSL may be asked for one of Windows, and none for somebody else's. */
const HOMES = /^(?:\/home|\/users|[a-z]:\/users)(?:\/(?!(?:shared|public)(?:\/|$))[^/]+|$)/
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
  '.boto',
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.m2/settings.xml',
  '.my.cnf',
  '.oci',
  '.s3cfg',
  '.config/doctl',
  '.config/gcloud',
  '.config/gh',
  '.config/glab-cli',
  '.config/hub',
  '.config/op',
  '.git-credentials',
  '.pypirc',
  '.pgpass',
  '.password-store',
  '.vault-token',
  '.terraform.d',
  '.local/share/containers',
  '.local/share/docker',
  '.local/share/keyrings',
  '.mozilla',
  '.thunderbird',
  '.config/bravesoftware',
  '.config/google-chrome',
  '.config/chromium',
  '.config/microsoft-edge',
  '.config/rclone',
  'library/keychains',
  'library/application support/firefox',
  'library/application support/google/chrome',
  'library/cookies',
  'appdata/roaming/gcloud',
  'appdata/roaming/gnupg',
  'appdata/roaming/microsoft',
  'appdata/roaming/mozilla',
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

interface PlaceInput {
  readonly home: string
  readonly isReadOnly: boolean
  readonly sockets: readonly string[]
}

/**
 * Why a place of the host should not be shared: it would hand over the machine, or the person.
 * @param place absolute, in any spelling
 * @param input `home`: the user's home; `isReadOnly`: whether it would be shared for reading only; `sockets`: those that
 *   must not be reached, wherever they are, as a read-only mount keeps nobody from connecting
 * @returns the rest of a sentence, or undefined when nothing speaks against it
 */
export function dangerOf(place: string, input: PlaceInput): string | undefined {
  const keys = pathKeys(place)
  if (keys === undefined) return 'this is not a plain folder'
  return keys.map(key => dangerOfKey(key, input)).find(danger => danger !== undefined)
}

function dangerOfKey(key: string, {home, isReadOnly, sockets}: PlaceInput): string | undefined {
  if (key === '/' || /^[a-z]:$/.test(key)) return 'this is the whole file system or drive'
  if (/\.sock(?:et)?$/.test(key))
    return 'this is a socket, such as the one that commands the engine'
  const socket = sockets.find(each => pathKeys(each)?.some(own => contains(key, own)))
  if (socket !== undefined) {
    return `this is, or contains, the socket ${JSON.stringify(socket)}, which commands more than a folder`
  }
  const system = SYSTEM_FOLDERS.find(folder => contains(folder, key) || contains(key, folder))
  if (system !== undefined) return `${system} belongs to the system`
  const program = PROGRAM_FOLDERS.find(folder => contains(folder, key))
  if (program !== undefined && !isReadOnly) {
    return `${program} belongs to the system and could be changed; reading it (ro) is possible`
  }
  const ownHomes = pathKeys(home) ?? []
  const rootHome = ROOT_HOMES.find(folder => contains(folder, key) || contains(key, folder))
  const isOwnRootHome = ownHomes.some(own => own === rootHome && contains(own, key) && own !== key)
  if (rootHome !== undefined && !isOwnRootHome) return `${rootHome} is the administrator's home`
  const homes = [...ownHomes, ...(HOMES.exec(key) ?? [])]
  if (homes.some(each => contains(key, each))) return 'this is, or contains, a whole home folder'
  return credentialsOf(key, homes)
}

function credentialsOf(key: string, homes: readonly string[]): string | undefined {
  const inside = CREDENTIALS.find(name => `${key}/`.includes(`/${name}/`))
  if (inside !== undefined) return `${inside} is where credentials are kept`
  const held = CREDENTIALS.find(name => homes.some(each => contains(key, `${each}/${name}`)))
  return held === undefined ? undefined : `it contains ${held}, where credentials are kept`
}

/** Whether `place` is `folder` or below it. */
export function contains(folder: string, place: string): boolean {
  return place === folder || place.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
