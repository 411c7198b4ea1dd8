import {realpath, stat} from 'node:fs/promises'
import {messageOf, PluginError, systemCode} from '../../base/errors.ts'
import {checkBind} from '../../engine/binds.ts'
import {parseSource} from '../../engine/host-paths.ts'
import type {ContainerSpec} from '../../model/server.ts'

/** What is known of the machine whose folders are shared. */
export interface BindHost {
  readonly home: string
  readonly platform: NodeJS.Platform
  /** Whether the engine runs on this machine; only then are its folders the ones that can be looked at here. */
  readonly isLocal: boolean
}

/** All mounts of a server, see {@link resolveBind}. */
export function resolveBinds(
  {name, volumes}: Pick<ContainerSpec, 'name' | 'volumes'>,
  host: BindHost,
): Promise<readonly string[]> {
  return Promise.all(volumes.map(volume => resolveBind(name, volume, host)))
}

/**
 * Decides whether a server may get a mount, by what it is called and by where symbolic links lead. The mount is made
 * of the real place, so that a link which is changed afterwards leads nowhere else.
 * @param volume as in `ContainerSpec.volumes`
 * @returns the specification for the engine; named and anonymous volumes as they are
 * @throws PluginError CONFIG_MISSING naming the server, the mount and what is wrong with it
 */
export async function resolveBind(server: string, volume: string, host: BindHost): Promise<string> {
  const bind = allowed(server, volume, host)
  const {source, rest} = parseSource(bind, host.platform)
  const isFolder = /^([\\/]|[A-Za-z]:[\\/])/.test(source) && rest !== undefined
  if (!isFolder || !host.isLocal) return bind
  const real = await realPlace(server, source)
  if (real === source) return bind
  // The home may be behind a link itself: both are compared as they really are.
  const home = await realpath(host.home).catch(() => host.home)
  try {
    return allowed(server, `${real}:${rest}`, {...host, home})
  } catch (error) {
    if (error instanceof PluginError) throw misled(server, {source, real}, error)
    throw error
  }
}

function allowed(server: string, volume: string, host: BindHost): string {
  const verdict = checkBind(volume, host)
  if ('bind' in verdict) return verdict.bind
  throw refused(server, verdict.refused)
}

/** The engine would make a missing folder, as root's; and a socket is the hand of whoever listens on it. */
async function realPlace(server: string, source: string): Promise<string> {
  try {
    const real = await realpath(source)
    if (!(await stat(real)).isSocket()) return real
  } catch (error) {
    const why = systemCode(error) === 'ENOENT' ? 'does not exist' : messageOf(error)
    throw refused(server, `${source}, which it is to share, ${why}`)
  }
  throw refused(server, `${source} is a socket, such as the one that commands the engine`)
}

function misled(
  server: string,
  {source, real}: {source: string; real: string},
  cause: PluginError,
): PluginError {
  const where = `${source} is a link to ${real}`
  return new PluginError('CONFIG_MISSING', `${cause.message} (${where})`, {hint: hint(server)})
}

function refused(server: string, why: string): PluginError {
  return new PluginError('CONFIG_MISSING', `server ${server}: ${why}`, {hint: hint(server)})
}

function hint(server: string): string {
  return `change the value in config.yaml; docker mcp server inspect ${server} shows which one it is`
}
