import {PluginError} from '../base/errors.ts'
import {setYamlKey} from '../files/yaml-edit.ts'
import {checkFetched, wrongServers} from './check.ts'
import {createCatalog, putCatalog} from './edit.ts'
import {catalogName, isReference} from './identity.ts'
import {registryInput, resolveServers, type ServerRefInput} from './server-refs.ts'
import {sourceOf} from './source.ts'

/** What a new catalog has in it: servers by reference, or all of one other place. */
export interface CatalogContent {
  readonly servers: readonly string[]
  /** An address, a file, or a name that `catalog import` takes. */
  readonly legacyCatalog?: string | undefined
  /** The host of a community registry. */
  readonly registry?: string | undefined
  /** Of a registry, by name. */
  readonly exclude: readonly string[]
  readonly includeNpm: boolean
  readonly includePypi: boolean
}

/** What was made, and what a person should know of it, a line each. */
export interface CreatedCatalog {
  readonly name: string
  readonly notices: readonly string[]
}

/**
 * Makes a catalog with what is named in it. One that is called by an OCI reference replaces one of that name, as with
 * docker's own plugin; one with a plain name does not.
 * @throws PluginError see `createCatalog`, `resolveServers`, `fetchCatalog` and `importCommunity`
 */
export async function createFrom(
  input: ServerRefInput,
  {name: written, title}: {name: string; title?: string | undefined},
  content: CatalogContent,
): Promise<CreatedCatalog> {
  // Nothing is fetched for a catalog that cannot be.
  const name = catalogName(written)
  const head = {name, ...(title !== undefined && {displayName: title})}
  const options = {replace: isReference(name)}
  if (content.legacyCatalog !== undefined) {
    const found = await legacyCatalog(input, content.legacyCatalog)
    const {text, where, notices} = found
    const own = await checkFetched(found)
    const displayName = title ?? own.catalog.displayName ?? name
    const named = setYamlKey(setYamlKey(text, ['name'], name), ['displayName'], displayName)
    // A copy: what becomes of the other does not concern it any more.
    const url = `legacy-catalog:${where}`
    await putCatalog(input.paths, {...head, displayName, url}, named, options)
    const wrong = [...notices, ...wrongServers(own)].map(line => `! left out: ${line}`)
    return {name, notices: wrong}
  }
  if (content.registry !== undefined) {
    const {importCommunity, importLines} = await import('./community/import.ts')
    const {exclude, includeNpm, includePypi} = content
    const {servers, report} = await importCommunity(content.registry, {
      ...(await registryInput(input)),
      exclude,
      includeNpm,
      includePypi,
    })
    const url = `registry:${content.registry}`
    await createCatalog(input.paths, {...head, url}, servers, options)
    return {name, notices: importLines(report)}
  }
  const servers = await resolveServers(content.servers, input)
  await createCatalog(input.paths, {...head, url: 'user:cli'}, servers, options)
  return {name, notices: []}
}

async function legacyCatalog(input: ServerRefInput, from: string) {
  const {fetchCatalog, sourcesIn} = await import('./fetch.ts')
  const [source, other] = await sourcesIn(sourceOf(from, input.cwd))
  const found = source && !other ? await fetchCatalog(source, input) : undefined
  if (found) return found
  throw new PluginError('USAGE', `${from} holds several catalogs`, {
    hint: 'import them all: docker mcp catalog import',
  })
}
