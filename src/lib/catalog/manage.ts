import {isAbsolute, resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {isJsonObject} from '../base/json.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {setYamlKey} from '../files/yaml-edit.ts'
import {parseYamlMap} from '../files/yaml.ts'
import {switchDefaultCatalog} from './default-catalog.ts'
import {addServers, catalogText, notIn, putCatalog, refuseEmbedded, savedName} from './edit.ts'
import {catalogName, DEFAULT_CATALOG} from './identity.ts'
import {changeCatalogs} from './saved.ts'
import {catalogDocument, findCatalog} from './show.ts'
import type {ServerRefInput} from './server-refs.ts'
import type {CatalogInput} from './store.ts'

/**
 * Removes a catalog. The embedded one cannot go; it is switched off in the gateway's file.
 * @returns the name that it had
 * @throws PluginError CATALOG_UNKNOWN; see `changeCatalogs` and `switchDefaultCatalog`
 */
export async function removeCatalog({paths}: CatalogInput, written: string): Promise<string> {
  if (written === DEFAULT_CATALOG) {
    await switchDefaultCatalog(paths, false)
    return written
  }
  return changeCatalogs(paths, async changes => {
    const name = savedName(changes, written)
    await changes.forget([name])
    return name
  })
}

/**
 * Copies a catalog, with all that its text has, into one of the user's.
 * @returns the new one's name
 * @throws PluginError CATALOG_UNKNOWN, CATALOG_EXISTS, USAGE; see `loadCatalogs`
 */
export async function forkCatalog(input: CatalogInput, from: string, to: string): Promise<string> {
  const name = catalogName(to)
  const {text, displayName} = await textOf(input, from)
  const head = {name, url: 'user:cli', ...(displayName !== undefined && {displayName})}
  return putCatalog(input.paths, head, setYamlKey(text, ['name'], name), {replace: false})
}

/**
 * Gives a catalog as its file has it, byte for byte; the embedded one as a document of version 3.
 * @throws PluginError CATALOG_UNKNOWN; see `loadCatalogs`
 */
export async function exportCatalog(input: CatalogInput, name: string): Promise<string> {
  return (await textOf(input, name)).text
}

/**
 * Writes a catalog into a file of the user's, in the place of what is there.
 * @returns the file
 * @throws PluginError FILE_DENIED; see {@link exportCatalog}
 */
export async function exportToFile(
  input: CatalogInput,
  name: string,
  file: string,
): Promise<string> {
  const path = resolve(input.cwd, file)
  await writeFileAtomic(path, await exportCatalog(input, name), {mode: 0o644})
  return path
}

/**
 * Forgets all catalogs of the user's, files included, and has the embedded one again.
 * @returns the names of those that are gone
 * @throws PluginError see `changeCatalogs` and `switchDefaultCatalog`
 */
export async function resetCatalogs({paths}: CatalogInput): Promise<readonly string[]> {
  await switchDefaultCatalog(paths, true)
  return changeCatalogs(paths, async ({catalogs, forget}) => {
    const names = catalogs.map(({name}) => name)
    if (names.length > 0) await forget(names)
    return names
  })
}

/**
 * Puts one server of a catalog file into a catalog of the user's, with all its keys.
 * @param from `file`: of a catalog, from the current folder
 * @throws PluginError FILE_MISSING, FILE_INVALID, SERVER_UNKNOWN; see `addServers`
 */
export async function addFromFile(
  {paths, cwd}: CatalogInput,
  catalog: string,
  {server, file, replace}: {server: string; file: string; replace: boolean},
): Promise<{name: string; replaced: readonly string[]}> {
  const path = isAbsolute(file) ? file : resolve(cwd, file)
  const text = await readTextFile(path)
  if (text === undefined) {
    throw new PluginError('FILE_MISSING', `${path} does not exist`, {
      hint: 'name a file with a catalog in it',
    })
  }
  const {registry} = parseYamlMap(text, path)
  const known = isJsonObject(registry) ? registry : {}
  const entry = Object.hasOwn(known, server) ? known[server] : undefined
  if (!isJsonObject(entry)) throw notIn(path, [server], Object.keys(known))
  return addServers(paths, catalog, [{name: server, entry}], {replace})
}

/**
 * Puts one server of a registry into a catalog of the user's, in place of one of that name.
 * @param from `address`: https://…/v0/servers/<name>; `dryRun`: look it up and check it, and change nothing
 * @returns both names, and whether the catalog had a server of that name
 * @throws PluginError USAGE for the embedded catalog; see `serverOfRegistry` and `addServers`
 */
export async function addFromRegistry(
  input: ServerRefInput,
  catalog: string,
  {address, dryRun}: {address: string; dryRun: boolean},
): Promise<{readonly name: string; readonly server: string; readonly isReplaced: boolean}> {
  const [{registryInput}, {serverOfRegistry}] = await Promise.all([
    import('./server-refs.ts'),
    import('./community/resolve.ts'),
  ])
  // Nothing is fetched for a catalog that is none.
  const {name} = (await findCatalog(input, catalog)).catalog
  refuseEmbedded(name)
  const server = await serverOfRegistry(address, await registryInput(input))
  const {replaced} = await addServers(input.paths, name, [server], {replace: true, dryRun})
  return {name, server: server.name, isReplaced: replaced.length > 0}
}

/** The servers that show what a catalog can say, in a catalog to begin with. */
const EXAMPLES = ['dockerhub', 'filesystem']

/**
 * Writes a small catalog to begin with.
 * @returns the file
 * @throws PluginError CATALOG_EXISTS when there is a file already; FILE_DENIED
 */
export async function bootstrapCatalog(input: CatalogInput, file: string): Promise<string> {
  const path = resolve(input.cwd, file)
  if ((await readTextFile(path)) !== undefined) {
    throw new PluginError('CATALOG_EXISTS', `${path} is there already`, {
      hint: 'name a file that does not exist yet',
    })
  }
  const {servers} = await input.embedded()
  const chosen = new Map([...servers].filter(([name]) => EXAMPLES.includes(name)))
  const head = {name: 'my-catalog', displayName: 'My catalog'}
  await writeFileAtomic(path, catalogText(catalogDocument({...head, servers: chosen})), {
    mode: 0o644,
  })
  return path
}

async function textOf(
  input: CatalogInput,
  written: string,
): Promise<{text: string; displayName: string | undefined}> {
  const {parts, catalog} = await findCatalog(input, written)
  const [only, other] = parts
  const {displayName} = catalog
  const text =
    only && !other && only.source !== 'embedded' ? await readTextFile(only.source) : undefined
  return {text: text ?? catalogText(catalogDocument(catalog)), displayName}
}
