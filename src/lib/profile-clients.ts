import type {App} from './app.ts'
import {forEachClient, launchFor, lossLines, siteOf} from './client-door.ts'
import type {Client} from './clients/client.ts'
import {readClientText} from './clients/client-text.ts'
import {connectClient, planConnect} from './clients/connect.ts'
import {disconnectClient} from './clients/disconnect.ts'
import {forgetGordonProfile, setGordon} from './clients/gordon.ts'
import {listOfUser, type ListedClient} from './clients/list.ts'
import {CLIENTS} from './clients/table.ts'
import {clientNamed, placeOf, type FoundPlace, type Site} from './clients/target.ts'
import type {Gateway} from './clients/wanted.ts'

const USER = {kind: 'global'} as const

/**
 * Clients by their names, each once, of which each can be connected to a profile.
 * @throws PluginError USAGE for a name that is not known, and for a client without a file here; FILE_INVALID and
 *   FILE_DENIED for a file that cannot be changed
 */
export async function connectable(
  app: App,
  names: readonly string[],
  profile: string,
): Promise<readonly Client[]> {
  const clients = [...new Set(names.map(clientNamed))]
  const site = await siteOf(app, USER)
  for (const client of clients.filter(({id}) => id !== 'gordon')) {
    const place = placeOf(client, USER, site)
    await planConnect(place, gatewayFor(app, client, {site, place, profile}))
  }
  return clients
}

/**
 * Connects clients to a profile, in the files of the user; one that fails does not stop the others.
 * @throws PluginError when one failed
 */
export async function connectToProfile(
  app: App,
  clients: readonly Client[],
  profile: string,
): Promise<void> {
  const {paths, env, io} = app
  const site = await siteOf(app, USER)
  await forEachClient(app, clients, async client => {
    if (client.id === 'gordon') {
      await setGordon(true, {paths, env, profile})
      io.err('Connected gordon\n')
      return
    }
    const place = placeOf(client, USER, site)
    const gateway = gatewayFor(app, client, {site, place, profile})
    const {losses} = await connectClient(place, {paths, gateway, isSecret: false})
    io.err(`Connected ${client.id}\n`)
    io.err(await lossLines(losses))
  })
}

function gatewayFor(
  app: App,
  client: Client,
  at: {readonly site: Site; readonly place: FoundPlace; readonly profile: string},
): Gateway {
  const launch = launchFor(app, client, {...at, background: false})
  return {kind: 'launch', launch, keepsKind: true}
}

/**
 * Disconnects the clients of this user that start a gateway with a profile. A file that cannot be read or written is
 * left alone, and said.
 */
export async function disconnectFromProfile(app: App, profile: string): Promise<void> {
  const {machine, windows} = await siteOf(app, USER)
  const listed = await listOfUser(CLIENTS, machine, windows)
  for (const client of listed) await warn(app, client, profile)
  await forgetGordonProfile(app.paths, profile)
  const bound = listed.filter(({servers}) => servers?.own && servers.profile === profile)
  await forEachClient(
    app,
    bound.map(({client}) => client),
    async client => {
      const {file: path} = bound.find(one => one.client === client) ?? {}
      if (path === undefined || !client.user) return
      await disconnectClient({file: client.user, path}, app.paths)
      app.io.err(`Disconnected ${client.id}\n`)
    },
  )
}

/** A client whose file cannot be understood may have the profile in it, unless its text has not. */
async function warn(
  {io}: App,
  {client, error, file}: ListedClient,
  profile: string,
): Promise<void> {
  if (!error || file === undefined) return
  const text = await readClientText(file).catch(() => undefined)
  if (text !== undefined && !text.includes(profile)) return
  io.err(`! ${client.id} may still be connected with it: ${error.error}\n`)
}
