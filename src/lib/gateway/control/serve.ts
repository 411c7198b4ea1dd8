import {chmod} from 'node:fs/promises'
import {createServer, type Server} from 'node:http'
import type {Socket} from 'node:net'
import {messageOf} from '../../base/errors.ts'
import {ControlApp, type ControlInput} from './app.ts'
import {AttachedClients, type AttachInput} from './attach.ts'
import {runningGateways} from './client.ts'
import {makePrivate, socketPlaces, type SocketSite} from './place.ts'
import {type GatewayRecord, removeRecord, writeRecord} from './record.ts'

export interface ServeControlInput extends Omit<ControlInput, 'record'> {
  /** What the gateway's record says, besides where it listens. */
  readonly about: Omit<GatewayRecord, 'socket'>
  readonly site: SocketSite
  readonly attach: AttachInput
}

/** Clients, and those who ask something. */
const MOST_CONNECTIONS = 264
/** What somebody may take to say what is wanted, in milliseconds. */
const ASKING_MS = 5000
/** What readers may take to take what is theirs when the gateway ends. */
const LAST_WORDS_MS = 200

/**
 * Lets others of this user on this machine see how a gateway is doing: listens on a socket of its own, and leaves a
 * record for {@link runningGateways}. Both are gone when it is disposed of.
 * @throws Error when no place for the socket, or for the record, can be used
 */
export async function serveControl({
  about,
  site,
  attach,
  ...input
}: ServeControlInput): Promise<AsyncDisposable> {
  const server = createServer({
    maxHeaderSize: 16 * 1024,
    headersTimeout: ASKING_MS,
    requestTimeout: ASKING_MS,
    connectionsCheckingInterval: 1000,
  })
  server.maxConnections = MOST_CONNECTIONS
  const open = new Set<Socket>()
  const socket = await listenSomewhere(server, site, about.owner)
  const record = {...about, socket}
  const attached = new AttachedClients(attach)
  const clients = () => [...input.clients(), ...attached.withoutSession]
  const app = new ControlApp({...input, record, clients})
  server.on('upgrade', (request, connection, head) => attached.attach(request, connection, head))
  server.on('connection', connection => {
    open.add(connection)
    connection.once('close', () => open.delete(connection))
  })
  server.on('request', (request, response) => {
    // One question for each connection: nothing is to be gained by more.
    response.shouldKeepAlive = false
    void app.handle(request, response)
  })
  const closed = async () => {
    const ended = new Promise<void>(resolve => void server.close(() => resolve()))
    app[Symbol.dispose]()
    await attached[Symbol.asyncDispose]()
    const timer = setTimeout(() => open.forEach(connection => connection.destroy()), LAST_WORDS_MS)
    await ended
    clearTimeout(timer)
  }
  try {
    await writeRecord(site.stateDir, record)
  } catch (error) {
    await closed()
    throw error
  }
  return {
    async [Symbol.asyncDispose]() {
      // First, so that nobody is sent to a socket that is not there.
      await removeRecord(site.stateDir, about.owner)
      await closed()
    },
  }
}

/**
 * As {@link serveControl}, but never rejects: a gateway that cannot be seen serves all the same. What gateways left that
 * were killed is removed in the background.
 * @param notify is told when it cannot be seen
 */
export async function openControl(
  input: ServeControlInput,
  notify: (line: string) => void,
): Promise<AsyncDisposable> {
  // Whoever looks for gateways is told when that cannot be done.
  runningGateways(input.site.stateDir).catch(() => undefined)
  try {
    return await serveControl(input)
  } catch (error) {
    notify(`! gateway ps and server logs will not see this gateway: ${messageOf(error)}`)
    return {[Symbol.asyncDispose]: async () => undefined}
  }
}

async function listenSomewhere(server: Server, site: SocketSite, owner: string): Promise<string> {
  let reason: unknown = new Error('every path is too long')
  for (const place of socketPlaces(site, owner)) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the next place is for when this one cannot be used
      await makePrivate(place, site)
      await listen(server, place)
      // Its folder is ours alone; this is for the eye, and for a system that looks at nothing else.
      if (site.platform !== 'win32') await chmod(place, 0o600)
      return place
    } catch (error) {
      reason = error
    }
  }
  throw reason
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(error)
    server.once('error', fail)
    server.listen(path, () => {
      server.off('error', fail)
      // What fails later (no file descriptor for a connection) must not end the process.
      server.on('error', () => undefined)
      resolve()
    })
  })
}
