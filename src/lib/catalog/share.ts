import {PluginError} from '../base/errors.ts'
import {readTextFile} from '../files/atomic.ts'
import {setYamlKey} from '../files/yaml-edit.ts'
import {CATALOG_ARTIFACT, toArtifact} from './artifact-document.ts'
import {checkCatalog, wrongServers, type CheckedCatalog} from './check.ts'
import {putCatalog} from './edit.ts'
import {fetchCatalog} from './fetch.ts'
import {catalogName, DEFAULT_CATALOG, findName, isReference} from './identity.ts'
import {exportCatalog} from './manage.ts'
import type {PullPolicy} from './pull-policy.ts'
import {reachOf} from './reach.ts'
import {
  isEdited,
  saveCatalog,
  savedCatalogs,
  savedFile,
  textDigest,
  type SavedCatalog,
} from './saved.ts'
import {savedSource} from './source.ts'
import type {CatalogInput} from './store.ts'

/** Where docker publishes what is in the community's registry of servers. */
const COMMUNITY = 'mcp/community-registry:latest'
const NOT_VETTED =
  'the servers of this catalog are not vetted by Docker: look at each before you enable it'

/** A catalog that a registry has, and which it is. */
export interface Shared {
  readonly name: string
  /** `sha256:…` */
  readonly digest: string
}

/**
 * Stores a catalog in a registry, under its own name, which is a reference.
 * @throws PluginError USAGE, CATALOG_UNKNOWN; CATALOG_INVALID when others could not use all of it; FETCH_FAILED
 */
export async function pushCatalog(text: string, input: CatalogInput): Promise<Shared> {
  const name = catalogName(text)
  if (!isReference(name)) throw isOnlyHere(name)
  const checked = await checkCatalog(await exportCatalog(input, name), name)
  mustBeWhole(name, checked)
  const [{pushArtifact}, access] = await Promise.all([
    import('../images/artifact.ts'),
    accessOf(input),
  ])
  const artifact = {artifactType: CATALOG_ARTIFACT, layer: toArtifact(checked.document)}
  return {name, digest: await pushArtifact(name, artifact, access)}
}

/**
 * Gets a catalog from a registry and keeps it, in place of one of the same name.
 * @param text a reference; one with a digest is that content, whatever the tag means
 * @returns also what a person should know, a line each
 * @throws PluginError USAGE, FETCH_FAILED, CATALOG_INVALID; then there is what was there before
 */
export async function pullCatalog(
  text: string,
  input: CatalogInput,
): Promise<Shared & {readonly notices: readonly string[]}> {
  const plain = text.replace(/@.*$/, '')
  if (!isReference(plain)) throw isPlain(plain)
  const found = await fetchCatalog({from: 'oci', ref: text}, input)
  if (!found) throw new Error('nothing was known, so that it cannot be the same')
  const {digest = '', url, notices, where: name} = found
  const checked = await checkCatalog(found.text, name)
  const {displayName = name} = checked.catalog
  const lastUpdate = new Date().toISOString()
  const fetched = textDigest(found.text)
  await saveCatalog(input.paths, {name, displayName, url, digest, lastUpdate, fetched}, found.text)
  const vetted = name === COMMUNITY ? [NOT_VETTED] : []
  const wrong = [...notices, ...wrongServers(checked)].map(line => `left out: ${line}`)
  return {name, digest, notices: [...vetted, ...wrong]}
}

/**
 * Gets a catalog from its registry if that is due. One that was made or changed here stays, since nobody else has it.
 * @returns what a person should know, a line each
 * @throws PluginError see {@link pullCatalog}, also for a plain name that no catalog has
 */
export async function pullWhenDue(
  written: string,
  {whenMissing, whenOlderMs}: PullPolicy,
  input: CatalogInput,
): Promise<readonly string[]> {
  const saved = await savedCatalogs(input.paths)
  const known = findName(written, [DEFAULT_CATALOG, ...saved.map(each => each.name)])
  const name = known ?? catalogName(written)
  const {lastUpdate = 0} = saved.find(each => each.name === known) ?? {}
  // What was never got, or at a time that nobody can read, is older than anything.
  const age = Date.now() - (Number(new Date(lastUpdate)) || 0)
  // A clock that was set back leaves times that are yet to come.
  const isOld = age < 0 || age >= whenOlderMs
  const isDue = known === undefined ? whenMissing : isOld
  // The embedded one is part of the program.
  if (!isDue || known === DEFAULT_CATALOG) return []
  const found = saved.find(each => each.name === known)
  const reason = found && (await whyOnlyHere(found, input))
  if (reason === undefined) return (await pullCatalog(name, input)).notices
  return [`${name} is shown as it is here, and not got from its registry: it was ${reason}`]
}

async function whyOnlyHere(
  saved: SavedCatalog,
  {paths}: CatalogInput,
): Promise<string | undefined> {
  if (savedSource(saved)?.from !== 'oci') return 'not pulled from one'
  const text = await readTextFile(savedFile(paths, saved.name))
  return isEdited(saved, text) ? 'changed here since it came' : undefined
}

/**
 * Keeps a catalog under another name, too. One of that name is replaced if it is a reference.
 * @param to a reference, or a plain name
 * @returns both names as they are kept
 * @throws PluginError USAGE, CATALOG_UNKNOWN; CATALOG_EXISTS for a plain name that is another catalog's; FILE_INVALID,
 *   FILE_BUSY, FILE_DENIED
 */
export async function tagCatalog(
  from: string,
  to: string,
  input: CatalogInput,
): Promise<{readonly from: string; readonly to: string}> {
  const name = catalogName(to)
  const text = setYamlKey(await exportCatalog(input, from), ['name'], name)
  const {displayName = name} = (await checkCatalog(text, from)).catalog
  const source = catalogName(from)
  const url = isReference(source) ? `oci:${source}` : 'user:cli'
  const head = {name, displayName, url, digest: undefined, etag: undefined}
  await putCatalog(input.paths, head, text, {replace: isReference(name)})
  return {from: source, to: name}
}

async function accessOf(input: CatalogInput) {
  const {dockerCredentials} = await import('../images/credentials.ts')
  const {paths, env = {}} = input
  const {outgoing} = await reachOf(input)
  return {credentials: dockerCredentials({dockerConfigDir: paths.dockerConfigDir, env}), outgoing}
}

/** Docker Hub's `library/mine` is not what somebody means who has a catalog `mine`. */
function isPlain(name: string): PluginError {
  return new PluginError('USAGE', `${name} does not say in which registry it is`, {
    hint: `name it whole: docker mcp catalog pull <registry>/<repository>:<tag>; one of Docker Hub is docker.io/library/${name}`,
  })
}

function isOnlyHere(name: string): PluginError {
  return new PluginError('USAGE', `${name} does not say in which registry it should be`, {
    hint: `give it such a name first: docker mcp catalog tag ${name} <registry>/<repository>:<tag>`,
  })
}

function mustBeWhole(name: string, checked: CheckedCatalog): void {
  const wrong = wrongServers(checked)
  if (wrong.length === 0) return
  throw new PluginError(
    'CATALOG_INVALID',
    `${name} is not pushed, since it is not whole: ${wrong.join('; ')}`,
    {
      hint: 'correct these entries, or take them out',
    },
  )
}
