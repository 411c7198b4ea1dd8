import {dirname} from 'node:path'
import type {Client, ClientFile} from './client.ts'
import {
  findInstalled,
  locateProjectFile,
  type FoundClient,
  type Machine,
  type WindowsSide,
} from './locate.ts'
import {clientError, readClientFile, type ClientError, type ClientServers} from './read.ts'

/** A client, and what is known of it on this machine. */
export interface ListedClient {
  readonly client: Client
  readonly isInstalled: boolean
  /** Whether it runs on this platform at all. */
  readonly isSupported: boolean
  /** Of a project: whether the folder for its file is there. */
  readonly isConfigured: boolean
  /** The file that counts; undefined when it has none here. */
  readonly file?: string | undefined
  /** Undefined when there is no file, or it cannot be read. */
  readonly servers?: ClientServers | undefined
  readonly error?: ClientError | undefined
}

/** Looks at the files of this user. One that is broken keeps no other from being shown. */
export function listOfUser(
  clients: readonly Client[],
  machine: Machine,
  windows?: WindowsSide,
): Promise<readonly ListedClient[]> {
  return Promise.all(
    clients.map(async client => {
      const {file, isInstalled} = findInstalled(client, machine, windows)
      const state = await read(file, client.user)
      const isSupported = file !== undefined || client.manual !== undefined
      return {client, isInstalled, isSupported, isConfigured: false, file, ...state}
    }),
  )
}

/**
 * Looks at the files of a project, of those clients that have one there.
 * @param root the folder of the repository
 */
export function listOfProject(
  clients: readonly Client[],
  root: string,
  machine: Machine,
): Promise<readonly ListedClient[]> {
  return Promise.all(
    clients.flatMap(client => {
      const {project} = client
      return project ? [ofProject({...client, project}, root, machine)] : []
    }),
  )
}

async function ofProject(
  client: Client & {readonly project: NonNullable<Client['project']>},
  root: string,
  machine: Machine,
): Promise<ListedClient> {
  const file = locateProjectFile(client.project, root, machine)
  const {isInstalled}: FoundClient = findInstalled(client, machine)
  const isConfigured = machine.exists(dirname(file))
  const state = await read(file, client.project)
  return {client, isInstalled, isSupported: true, isConfigured, file, ...state}
}

async function read(
  path: string | undefined,
  file: ClientFile | undefined,
): Promise<{servers?: ClientServers | undefined; error?: ClientError}> {
  if (path === undefined || !file) return {}
  try {
    return {servers: await readClientFile(path, file)}
  } catch (error) {
    return {error: clientError(error)}
  }
}
