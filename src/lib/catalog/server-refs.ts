import {PluginError} from '../base/errors.ts'
import {canonical, type JsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import type {Engine} from '../engine/engine.ts'
import type {RegistryInput} from './community/api.ts'
import {imageRewriter} from './image-rewrite.ts'
import {reachOf} from './reach.ts'
import type {ImageInput} from './self-described.ts'
import type {CatalogInput} from './store.ts'

/** A server that a person named by a reference, ready to stand in a catalog or a profile. */
export interface ResolvedServer {
  readonly name: string
  /** As it stands in the registry of a version 3 catalog, with its name; it was checked. */
  readonly entry: JsonObject
  readonly type: 'image' | 'remote' | 'registry' | 'poci'
  /** The address in a registry of servers that it was made from. */
  readonly source?: string
  readonly image?: string
  /** Of a remote server. */
  readonly endpoint?: string
  /** The catalog that it was taken from. */
  readonly catalogRef?: string
}

/** What references are looked up with; `serversInput(app)` with the app's engine is one. */
export interface ServerRefInput extends CatalogInput {
  readonly env: NodeJS.ProcessEnv
  /** Asked for images; may be down. */
  readonly engine: () => Promise<Engine>
  readonly signal?: AbortSignal | undefined
}

/**
 * Looks up servers by references: `docker://<image>`, `catalog://<catalog>/<name>[+<name>…]` (globs allowed),
 * `https://…/v0/servers/<name>[/versions/<version>]` and `file://<path>`.
 * @returns the servers in the order of the references; one that two references name is there once
 * @throws PluginError USAGE for a text that is no reference, and for two different servers of one name; what keeps a
 *   reference from being looked up. The signal's reason
 */
export async function resolveServers(
  uris: readonly string[],
  input: ServerRefInput,
): Promise<readonly ResolvedServer[]> {
  const found = await Promise.all(uris.map(uri => resolveOne(uri, input)))
  const servers = new Map<string, ResolvedServer>()
  for (const server of found.flat()) {
    const known = servers.get(server.name)
    if (known && canonical(known.entry) !== canonical(server.entry)) {
      throw new PluginError('USAGE', `two different servers are named ${oneLine(server.name)}`, {
        hint: 'leave one of them out',
      })
    }
    if (!known) servers.set(server.name, server)
  }
  return [...servers.values()]
}

async function resolveOne(uri: string, input: ServerRefInput): Promise<readonly ResolvedServer[]> {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.+)$/is.exec(uri) ?? []
  switch (scheme.toLowerCase()) {
    case 'docker': {
      const {describedServer} = await import('./self-described.ts')
      const {name, entry, image} = await describedServer(rest, await imageInput(input))
      return [{name, entry, image, type: 'image'}]
    }
    case 'catalog': {
      const {serversOfCatalog} = await import('./catalog-refs.ts')
      return serversOfCatalog(rest, input)
    }
    case 'http':
    case 'https': {
      const {serverOfRegistry} = await import('./community/resolve.ts')
      return [await serverOfRegistry(uri, await registryInput(input))]
    }
    case 'file': {
      const {serversOfFile} = await import('./file-refs.ts')
      return serversOfFile(rest, input)
    }
    default:
      throw new PluginError('USAGE', `${JSON.stringify(oneLine(uri))} names no server`, {
        hint: 'write docker://image, catalog://catalog/name, https://host/v0/servers/name or file://path',
      })
  }
}

/** What an image is looked at with. */
export async function imageInput(input: ServerRefInput): Promise<ImageInput> {
  const {engine, env, paths, signal = new AbortController().signal} = input
  const {dockerCredentials} = await import('../images/credentials.ts')
  const credentials = dockerCredentials({dockerConfigDir: paths.dockerConfigDir, env})
  const [{outgoing}, {images}] = await Promise.all([reachOf(input), input.settings()])
  const {rewrite} = imageRewriter(images?.rewrite ?? [], paths.gatewayFile)
  return {engine, credentials, outgoing, rewrite, signal}
}

/** What a registry of servers is asked with. */
export async function registryInput(input: ServerRefInput): Promise<RegistryInput> {
  return {...(await reachOf(input)), signal: input.signal}
}
