import {Flags} from '@oclif/core'
import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {oneLine} from './base/one-line.ts'
import type {Client, Launch} from './clients/client.ts'
import {dockerVariables, launchOf} from './clients/launch.ts'
import {shownAddress} from './clients/listing.ts'
import {findInstalled} from './clients/locate.ts'
import type {Losses} from './clients/losses.ts'
import {CLIENTS} from './clients/table.ts'
import {thisMachine} from './clients/this-machine.ts'
import {clientNamed, type ClientScope, type FoundPlace, type Site} from './clients/target.ts'
import {windowsAround} from './clients/wsl.ts'

/** The flags that say which clients are meant, and which of their files. */
export const clientFlags = {
  global: Flags.boolean({
    char: 'g',
    summary: 'the file of the user, instead of that of the repository around the current folder',
  }),
  all: Flags.boolean({summary: 'every client that is installed, in the file of the user'}),
  quiet: Flags.boolean({char: 'q', summary: 'say nothing but errors'}),
}

/**
 * The clients that a command line means.
 * @throws PluginError USAGE
 */
export function clientsMeant(
  site: Site,
  {name, all}: {name: string | undefined; all: boolean},
): readonly Client[] {
  if (all && name !== undefined) {
    throw new PluginError('USAGE', '--all and the name of a client exclude each other')
  }
  if (all) return installedClients(site)
  if (name !== undefined) return [clientNamed(name)]
  throw new PluginError('USAGE', 'which client?', {
    hint: 'name one, or say --all; see those that are known: docker mcp client ls',
  })
}

/** Those that are installed and have a file that may be written. */
function installedClients({machine, windows}: Site): readonly Client[] {
  return CLIENTS.filter(
    client => client.user && findInstalled(client, machine, windows).isInstalled,
  )
}

/** Where clients are looked for: here, and for files of the user on the Windows around a WSL, too. */
export async function siteOf({env}: App, scope: ClientScope): Promise<Site> {
  const machine = thisMachine(env)
  return scope.kind === 'global' ? {machine, windows: await windowsAround({env})} : {machine}
}

/** Which of a client's files is meant. */
export function scopeOf({cwd}: App, flags: {global: boolean; all: boolean}): ClientScope {
  return flags.global || flags.all ? {kind: 'global'} : {kind: 'project', cwd}
}

/**
 * What a client is to start for a gateway.
 * @param profile undefined for the one in use
 */
export function launchFor(
  {env, paths, cwd}: App,
  client: Client,
  at: {
    readonly site: Site
    readonly place: Pick<FoundPlace, 'distribution' | 'isProject'>
    readonly profile: string | undefined
    /** For the gateway in the background, which all clients share. */
    readonly background: boolean
  },
): Launch {
  const {profile, background} = at
  const {platform, home} = at.site.machine
  const {distribution, isProject} = at.place
  // A file of a repository is for others too, whose folders and engines are elsewhere.
  const carried = isProject
    ? undefined
    : dockerVariables({env, config: paths.dockerConfigDir, home, cwd})
  return launchOf(client, {platform, env, profile, background, distribution, carried})
}

/** What a person is told of what connecting takes out of an entry, even one who wants to hear little. */
export async function lossLines({left, flags, others, was}: Losses): Promise<string> {
  const lines = [
    ...(was === undefined ? [] : [`! was: ${oneLine(await shownAddress(was))}`]),
    ...(left.length === 0
      ? []
      : [`! not set here, so no longer in the entry: ${oneLine(left.join(', '))}`]),
    ...(flags.length === 0
      ? []
      : [`! not for a gateway in the background, so no longer in the entry: ${flags.join(', ')}`]),
    ...(others.length === 0 ? [] : [`! no longer in the entry: ${oneLine(others.join(', '))}`]),
  ]
  return lines.map(line => `${line}\n`).join('')
}

/**
 * Does something for each client; one that fails does not stop the others.
 * @throws PluginError the error of the only one; or that of the last, when the others were told on stderr
 */
export async function forEachClient(
  {io}: App,
  clients: readonly Client[],
  task: (client: Client) => Promise<void>,
): Promise<void> {
  const failed: {client: Client; error: PluginError}[] = []
  for (const client of clients) {
    try {
      await task(client)
    } catch (error) {
      if (clients.length === 1 || !(error instanceof PluginError)) throw error
      failed.push({client, error})
      io.err(
        `${client.id}: ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`,
      )
    }
  }
  const [first] = failed
  if (!first) return
  const names = failed.map(({client}) => client.id).join(', ')
  throw new PluginError(first.error.code, `not done: ${names}`, {
    hint: 'the others are done; see above what is wrong',
    cause: first.error,
  })
}
