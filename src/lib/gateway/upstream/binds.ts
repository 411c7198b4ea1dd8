import {realpath, stat} from 'node:fs/promises'
import {messageOf, PluginError, systemCode} from '../../base/errors.ts'
import {checkMount, checkPlace, isAllowed, type MountInput} from '../../engine/binds.ts'
import type {BindMount, Mount} from '../../engine/mounts.ts'
import type {ContainerSpec} from '../../model/server.ts'

/** What is known of the machine whose folders are shared, and what its user allows. */
export interface BindHost extends MountInput {
  /**
   * Whether the engine's folders are the ones that can be looked at here: it runs on this machine, and this is not the
   * inside of a container.
   */
  readonly isLocal: boolean
}

/** The sockets that the user's agents listen on: they sign whatever they are asked to. */
export function agentSockets(env: NodeJS.ProcessEnv): readonly string[] {
  return [env['SSH_AUTH_SOCK']]
    .filter(socket => socket?.startsWith('/'))
    .flatMap(socket => socket ?? [])
}

/** All mounts of a server, see {@link resolveBind}. */
export function resolveBinds(
  {name, volumes}: Pick<ContainerSpec, 'name' | 'volumes'>,
  host: BindHost,
): Promise<readonly Mount[]> {
  return Promise.all(volumes.map(volume => resolveBind(name, volume, host)))
}

/**
 * What the places that mounts share are now: a folder that was made again under its name is another one, and whoever
 * has the first one mounted does not see it. As long as that is mounted, the system gives its number to nothing else.
 * @returns nothing where the engine's files cannot be looked at here
 */
export async function placesOf(
  mounts: readonly Mount[],
  {isLocal}: Pick<BindHost, 'isLocal'>,
): Promise<readonly string[]> {
  if (!isLocal) return []
  const sources = mounts.flatMap(mount => (mount.kind === 'bind' ? [mount.source] : []))
  return Promise.all(
    sources.map(async source => {
      const found = await stat(source, {bigint: true}).catch(() => undefined)
      return found ? `${found.dev}:${found.ino}` : ''
    }),
  )
}

/**
 * Decides whether a server may get a mount, by what it is called and by where symbolic links lead. The mount is made
 * of the real place, so that a link which is changed afterwards leads nowhere else. What the user allows is a real
 * place, too: a link may be in the hands of another server.
 * @param volume as in `ContainerSpec.volumes`
 * @throws PluginError CONFIG_MISSING naming the server, the mount and what is wrong with it
 */
export async function resolveBind(server: string, volume: string, host: BindHost): Promise<Mount> {
  const verdict = checkMount(volume, host)
  if (verdict.kind === 'malformed') throw refused(server, verdict.why)
  const {mount} = verdict
  if (mount.kind === 'volume') return mount
  const why = verdict.kind === 'dangerous' ? verdict.why : undefined
  if (!host.isLocal) {
    if (why === undefined) return mount
    throw refused(server, why, mount.source)
  }
  const {source} = mount
  const real = await realpath(source).catch((error: unknown) => {
    throw why === undefined ? unreadable(server, source, error) : refused(server, why, source)
  })
  const found = {...mount, source: real}
  if (isAllowed(real, host)) return found
  if (why !== undefined) throw refused(server, why, real)
  const danger = await dangerThere(server, found, host)
  if (danger === undefined) return found
  const link = real === source ? '' : ` (${source} is a link to ${visible(real)})`
  throw refused(server, `the mount ${JSON.stringify(volume)} is refused: ${danger}${link}`, real)
}

async function dangerThere(
  server: string,
  mount: BindMount,
  host: BindHost,
): Promise<string | undefined> {
  const {source} = mount
  const [file, home, sockets] = await Promise.all([
    stat(source).catch((error: unknown) => {
      throw unreadable(server, source, error)
    }),
    // The home may be behind a link itself: both are compared as they really are.
    realpath(host.home).catch(() => host.home),
    Promise.all(host.sockets.map(socket => realpath(socket).catch(() => socket))),
  ])
  if (file.isSocket()) return 'this is a socket, such as the one that commands the engine'
  if (!file.isFile() && !file.isDirectory()) return 'this is neither a file nor a folder'
  return checkPlace(mount, {...host, home, sockets: [...host.sockets, ...sockets]})
}

/** What engines say of a mount that they cannot make, with the place in it, and what it means. */
const ENGINE_WORDS: readonly (readonly [said: RegExp, means: (place: string) => string])[] = [
  [/bind source path does not exist: (.+)/s, place => `${shared(place)} does not exist ${THERE}`],
  [/stat (.+): not a directory/s, place => `${shared(place)} does not exist ${THERE}`],
  [/stat (.+): permission denied/s, place => `${shared(place)} may not be looked at ${THERE}`],
  [/invalid mount path: '(.+)' mount path/s, place => `${shared(place)} is not a path ${THERE}`],
  [/the path (.+?) is not shared/is, place => `${shared(place)} is not shared in Docker Desktop`],
  [/duplicate mount point: (.+)/is, place => `it has more than one mount at ${place}`],
]
const THERE = 'on the machine that the engine runs on'

function shared(place: string): string {
  return `${place}, which its volumes share,`
}

/**
 * Says in our words why an engine would not create a container: a folder to share is not where the engine runs. That
 * can only be seen here when the engine is on this machine.
 * @param error what creating the container threw
 * @returns CONFIG_MISSING naming the server, the folder and the key; any other error as it is
 */
export function explainMount(error: unknown, server: string): unknown {
  if (!(error instanceof PluginError) || error.code !== 'ENGINE_FAILED') return error
  for (const [said, means] of ENGINE_WORDS) {
    const place = said.exec(error.message)?.[1]
    if (place === undefined) continue
    const message = `server ${server}: ${means(visible(place))}`
    return new PluginError('CONFIG_MISSING', message, {hint: hint(server), cause: error})
  }
  return error
}

function unreadable(server: string, source: string, error: unknown): PluginError {
  const why = systemCode(error) === 'ENOENT' ? 'does not exist' : messageOf(error)
  return refused(server, `${shared(source)} ${why}`)
}

/** @param place what the user could allow */
function refused(server: string, why: string, place?: string): PluginError {
  const override = place === undefined ? '' : `; or allow it: ${flag(place)}`
  return new PluginError('CONFIG_MISSING', `server ${server}: ${why}`, {
    hint: `${hint(server)}${override}`,
  })
}

function hint(server: string): string {
  return `change volumes in its catalog entry, or the value in config.yaml; docker mcp server inspect ${server} shows which one it is`
}

function flag(place: string): string {
  const argument = `--allow-mount=${visible(place)}`
  return /[^\w@%+=:,./\\~-]/.test(argument) ? `"${argument}"` : argument
}

/** A name on the disk may hold anything, also what moves a terminal's cursor. */
function visible(path: string): string {
  return path.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD')
}
