import {posix} from 'node:path'
import {reservedPlace} from '../model/reserved.ts'
import {contains, dangerOf} from './host-dangers.ts'
import {hostPath, parseSource, pathKeys} from './host-paths.ts'
import {type BindMount, type Mount, plainPath} from './mounts.ts'

/** What is known of the machine whose folders are shared, and what its user wants in any case. */
export interface MountInput {
  /** The user's home, absolute. */
  readonly home: string
  /** What kind of paths `~` and drives are. */
  readonly platform: NodeJS.Platform
  /** Places that may be shared whatever they are; from the user, never from a catalog. */
  readonly allowMounts: readonly string[]
  /** Sockets of this machine that give whoever reaches them what is the user's: the engine's, an SSH agent's. */
  readonly sockets: readonly string[]
}

/** A mount, or why there is none. When the form is right and the place is the problem, the user can allow it. */
export type MountVerdict =
  | {readonly kind: 'allowed'; readonly mount: Mount}
  | {readonly kind: 'dangerous'; readonly mount: BindMount; readonly why: string}
  | {readonly kind: 'malformed'; readonly why: string}

/**
 * Decides whether a server may see a folder of the host, and makes the mount exact: `~/` written out, dots resolved,
 * read-only unless `rw` is written. Volumes (`/data`, `name:/data`) are no places of the host and can be written to.
 *
 * Docker's own plugin allows only temporary folders. That makes a filesystem server useless, so here any folder of the
 * user may be shared, except what would hand over the machine (engine sockets, system folders, whole drives) or the
 * person (the home as a whole, credentials) and every folder that contains such a place, see `dangerOf`.
 *
 * The decision is about the text: the caller resolves symbolic links of the source first when the host's files are at
 * hand, and has {@link checkPlace} look at where they lead.
 * @param spec `source:target[:mode]` as docker's `--volume` has it, or an anonymous volume's path
 */
export function checkMount(spec: string, input: MountInput): MountVerdict {
  const mount = parseMount(spec, input)
  const named = `the mount ${JSON.stringify(spec)}`
  if (typeof mount === 'string') return {kind: 'malformed', why: `${named} ${mount}`}
  if (mount.kind === 'volume') return {kind: 'allowed', mount}
  const danger = checkPlace(mount, input)
  if (danger === undefined) return {kind: 'allowed', mount}
  return {kind: 'dangerous', mount, why: `${named} is refused: ${danger}`}
}

/**
 * Whether a place of the host may be shared.
 * @returns why not, as the rest of a sentence; undefined when it may, or when the user allows it in any case
 */
export function checkPlace(mount: BindMount, input: MountInput): string | undefined {
  return isAllowed(mount.source, input) ? undefined : dangerOf(mount.source, {...input, ...mount})
}

/** Whether the user named this place, or one that it is in, as one that may be shared whatever it is. */
export function isAllowed(source: string, {allowMounts, ...host}: MountInput): boolean {
  return allowMounts.some(allowed => {
    const place = hostPath(allowed, host)
    if (place === undefined) return false
    // Only there it is certain that names which differ in case are different places.
    if (host.platform === 'linux' && source.startsWith('/')) return contains(place, source)
    const keys = comparable(source)
    return comparable(place).some(folder => keys.some(key => contains(folder, key)))
  })
}

function comparable(path: string): readonly string[] {
  return pathKeys(path) ?? [path.replaceAll('\\', '/').toLowerCase()]
}

const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/
const RELATIVE =
  'does not start at the root; write the whole path of the folder, or ~/ and the rest (the folder that the gateway ' +
  'runs in is chosen by the client that starts it)'

/** @returns the mount, or what is wrong with its form */
function parseMount(spec: string, input: MountInput): Mount | string {
  if (spec === '' || spec.startsWith('-') || /\p{Cc}/u.test(spec)) {
    return 'is not a mount; write it as /folder/on/the/host:/folder/in/the/container'
  }
  const {source, rest} = parseSource(spec, input.platform)
  if (rest === undefined && !posix.isAbsolute(source)) {
    return 'names no folder of the container; add :/folder/in/the/container'
  }
  const [written = '', mode = '', ...extra] = rest === undefined ? [source] : rest.split(':')
  const isVolume = rest === undefined || (VOLUME_NAME.test(source) && posix.isAbsolute(written))
  const host = isVolume ? undefined : hostPath(source, input)
  if (!isVolume && host === undefined) return RELATIVE
  const target = plainPath(written)
  if (target === undefined || extra.length > 0) {
    return 'needs an absolute folder of the container, other than /, after the first colon'
  }
  const ours = reservedPlace(target)
  if (ours !== undefined) return `would replace ${ours} of the container, which it needs itself`
  const modes = mode === '' ? [] : mode.split(',')
  if (host !== undefined) return bindMount({source: host, target}, modes)
  return volumeMount({...(rest !== undefined && {source}), target}, modes)
}

/** The modes that stay on this side of the mount; `shared` would carry the container's mounts back to the host. */
const BIND_MODES = new Set(['ro', 'rw', 'z', 'Z', 'cached', 'delegated', 'consistent'])
const VOLUME_MODES = new Set(['ro', 'rw', 'z', 'Z', 'nocopy'])
const NO_SUCH_MODE = 'has a mode that is not supported; write ro or rw'

function bindMount(
  place: {source: string; target: string},
  modes: readonly string[],
): BindMount | string {
  const labels = modes.filter(mode => mode === 'z' || mode === 'Z')
  if (!fit(modes, BIND_MODES) || labels.length > 1) return NO_SUCH_MODE
  const [label] = labels
  return {kind: 'bind', ...place, isReadOnly: !modes.includes('rw'), ...(label && {label})}
}

function volumeMount(
  place: {source?: string; target: string},
  modes: readonly string[],
): Mount | string {
  if (!fit(modes, VOLUME_MODES)) return NO_SUCH_MODE
  if (place.source?.toLowerCase().startsWith(OUR_VOLUMES)) {
    return "is refused: the gateway's own programs are in that volume"
  }
  const isNoCopy = modes.includes('nocopy')
  return {kind: 'volume', ...place, isReadOnly: modes.includes('ro'), ...(isNoCopy && {isNoCopy})}
}

const OUR_VOLUMES = 'docker-mcp-shim-'

function fit(modes: readonly string[], known: ReadonlySet<string>): boolean {
  return modes.every(mode => known.has(mode)) && !(modes.includes('ro') && modes.includes('rw'))
}
