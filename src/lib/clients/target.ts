import {PluginError} from '../base/errors.ts'
import {nearestNames} from '../base/near-names.ts'
import type {Client} from './client.ts'
import type {ClientPlace} from './connect.ts'
import {
  findInstalled,
  locateFile,
  locateProjectFile,
  projectRoot,
  type Machine,
  type WindowsSide,
} from './locate.ts'
import {CLIENTS, findClient} from './table.ts'

/** Which of a client's files is meant: the user's own, or that of the repository around a folder. */
export type ClientScope =
  | {readonly kind: 'global'}
  | {readonly kind: 'project'; readonly cwd: string}

/** Where clients are looked for. */
export interface Site {
  readonly machine: Machine
  readonly windows?: WindowsSide | undefined
}

/** The file of a client that was found. */
export interface FoundPlace extends ClientPlace {
  /** Of a client of Windows, the Linux in WSL that we are in. */
  readonly distribution?: string | undefined
}

/**
 * Finds a client by its name.
 * @throws PluginError USAGE with the nearest names, or all
 */
export function clientNamed(name: string): Client {
  const client = findClient(name)
  if (client) return client
  const names = CLIENTS.flatMap(({id, aliases = []}) => [id, ...aliases])
  const near = nearestNames(name, names)
  throw new PluginError('USAGE', `no client is called ${JSON.stringify(name)}`, {
    hint:
      near.length > 0
        ? `did you mean ${near.join(' or ')}?`
        : `these are known: ${CLIENTS.map(({id}) => id).join(' ')}`,
  })
}

/**
 * The file of a client that is to be changed.
 * @throws PluginError USAGE when it has none in that scope, or there is no repository
 */
export function placeOf(client: Client, scope: ClientScope, site: Site): FoundPlace {
  const {machine} = site
  if (scope.kind === 'global') return userPlace(client, site)
  if (!client.project) {
    const only = client.user ? ', only one for the user' : ''
    // Gordon is switched on by a command, for the user.
    const isForUser = client.user !== undefined || client.id === 'gordon'
    throw new PluginError('USAGE', `${client.id} has no file for a project${only}`, {
      hint: isForUser ? 'say --global (-g)' : manualOf(client),
    })
  }
  const root = projectRoot(scope.cwd, machine)
  if (root === undefined) {
    throw new PluginError(
      'USAGE',
      `${scope.cwd} is in no git repository, so there is no project to connect`,
      {
        hint: 'change to a repository, or say --global (-g) for the file of the user',
      },
    )
  }
  const path = locateProjectFile(client.project, root, machine)
  return {file: client.project, path, isProject: true}
}

/**
 * The file that a person is told to edit. In WSL, a client that is found nowhere is taken for one of Windows, whose file
 * is named in the words of Windows when it cannot be asked.
 * @throws PluginError as {@link placeOf}
 */
export function placeToShow(client: Client, scope: ClientScope, site: Site): FoundPlace {
  const {machine, windows} = site
  const distribution = windows?.distribution ?? machine.env['WSL_DISTRO_NAME']
  const isUser = scope.kind === 'global' && client.user
  if (!isUser || !distribution || findInstalled(client, machine, windows).isInstalled) {
    return placeOf(client, scope, site)
  }
  const path = locateFile(isUser, windows?.machine ?? ANY_WINDOWS)
  return path === undefined ? placeOf(client, scope, site) : {file: isUser, path, distribution}
}

/** A Windows of which nothing is known. */
const ANY_WINDOWS: Machine = {
  platform: 'win32',
  env: {APPDATA: '%APPDATA%', LOCALAPPDATA: '%LOCALAPPDATA%'},
  home: '%USERPROFILE%',
  exists: () => false,
}

function userPlace(client: Client, {machine, windows}: Site): FoundPlace {
  if (!client.user) {
    const isManual = client.manual !== undefined || !client.project
    throw new PluginError('USAGE', `${client.id} has no file that others may write`, {
      hint: isManual ? manualOf(client) : 'leave out --global, inside a git repository',
    })
  }
  const {file: path, windows: there} = findInstalled(client, machine, windows)
  if (path !== undefined) return {file: client.user, path, distribution: there?.distribution}
  throw new PluginError('USAGE', `${client.id} has no file on this system`, {
    hint: `see where it comes from: ${client.source}`,
  })
}

function manualOf({id}: Client): string {
  return `see what to do by hand: docker mcp client connect ${id} --print`
}
