import {limitConcurrency} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import type {JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import type {ResolvedServer} from '../server-refs.ts'
import {getRuntime} from './runtime.ts'
import {listServers, type RegistryInput} from './api.ts'
import {chosenPackage, convertServer, type ConvertedServer} from './convert.ts'
import type {PackageKind} from './packages.ts'
import {catalogName} from './name.ts'
import {officialFacts, readServerJson, type ServerJson} from './server-json.ts'

export interface ImportOptions extends RegistryInput {
  /** Names of servers, as the registry or as a catalog has them. */
  readonly exclude?: readonly string[] | undefined
  readonly includeNpm?: boolean | undefined
  readonly includePypi?: boolean | undefined
}

/** What came of the servers of a registry; the counts are all of `total`. */
export interface ImportReport {
  readonly total: number
  readonly added: Readonly<Record<ConvertedServer['kind'], number>>
  readonly excluded: number
  /** Deleted there, or there once more. */
  readonly skipped: number
  /** Nothing of them can be run here. */
  readonly incompatible: number
  /** Not what a registry should have. */
  readonly invalid: number
}

/**
 * Gets all servers of a community registry as entries of a catalog. One that cannot be one is counted, not an error.
 * @param host such as `registry.modelcontextprotocol.io`, or an address with `https://`, up to the version of the API or not
 * @throws PluginError USAGE; ADDRESS_REFUSED, FETCH_FAILED
 */
export async function importCommunity(
  host: string,
  options: ImportOptions,
): Promise<{readonly servers: readonly ResolvedServer[]; readonly report: ImportReport}> {
  const kinds = new Set<PackageKind>([
    'oci',
    ...(options.includePypi ? (['pypi'] as const) : []),
    ...(options.includeNpm ? (['npm'] as const) : []),
  ])
  const base = await apiOf(host, options)
  const {wanted, ...counts} = await listWanted(base, options)
  const inTurn = limitConcurrency(AT_ONCE)
  const converted = await Promise.all(
    wanted.map(server => inTurn(() => convertOne(server, {base, kinds, input: options}))),
  )
  const added = {oci: 0, pypi: 0, npm: 0, remote: 0}
  const servers = converted.flatMap(one => {
    if (one) added[one.kind] += 1
    return one ? [one.server] : []
  })
  const incompatible = wanted.length - servers.length
  return {servers, report: {...counts, added, incompatible}}
}

/** So many packages are asked for at PyPI at the same time. */
const AT_ONCE = 8

type Wanted = Pick<ImportReport, 'total' | 'excluded' | 'skipped' | 'invalid'> & {
  readonly wanted: readonly ServerJson[]
}

/** All servers but those that are old, deleted or not wanted. */
async function listWanted(base: string, options: ImportOptions): Promise<Wanted> {
  const excluded = new Set(options.exclude ?? [])
  const counts = {total: 0, excluded: 0, skipped: 0, invalid: 0}
  const wanted = new Map<string, ServerJson>()
  for await (const listed of listServers(base, options)) {
    counts.total += 1
    const server = readOrNone(listed, base)
    if (!server) {
      counts.invalid += 1
      continue
    }
    const name = catalogName(server.name)
    const {status, isLatest} = officialFacts(listed)
    if (excluded.has(server.name) || excluded.has(name)) counts.excluded += 1
    else if (status === 'deleted' || isLatest === false || wanted.has(name)) counts.skipped += 1
    else wanted.set(name, server)
  }
  return {...counts, wanted: [...wanted.values()]}
}

function readOrNone(listed: JsonObject, where: string): ServerJson | undefined {
  try {
    return readServerJson(listed, where)
  } catch (error) {
    if (error instanceof PluginError) return undefined
    throw error
  }
}

/** @returns undefined for one that cannot run here, or that no entry can describe */
async function convertOne(
  server: ServerJson,
  {base, kinds, input}: {base: string; kinds: ReadonlySet<PackageKind>; input: RegistryInput},
): Promise<{server: ResolvedServer; kind: ConvertedServer['kind']} | undefined> {
  const chosen = server.remotes?.length ? undefined : chosenPackage(server, kinds)
  const runtime = chosen && (await getRuntime(chosen.kind, chosen.given, input))
  try {
    const {name, entry, kind} = convertServer(server, {kinds, runtime})
    const version = server.version ?? server.versionDetail?.version ?? undefined
    const source = addressOf(base, server.name, version)
    return {kind, server: {name, type: 'registry', source, entry: withSource(entry, source)}}
  } catch (error) {
    if (error instanceof PluginError) return undefined
    throw error
  }
}

/** What to tell people of an import. */
export function importLines({total, added, ...counts}: ImportReport): readonly string[] {
  const taken = Object.values(added).reduce((sum, count) => sum + count, 0)
  return [
    `> ${total} servers are in the registry, ${taken} of them are in the catalog now:`,
    `>   ${added.remote} remote, ${added.oci} with an image, ${added.pypi} from PyPI, ${added.npm} from npm`,
    `>   not: ${counts.incompatible} that cannot run here, ${counts.excluded} excluded, ${counts.skipped} old or deleted, ${counts.invalid} invalid`,
  ]
}

/** Where a registry has a version of a server. */
export function addressOf(base: string, name: string, version = 'latest'): string {
  return `${base}/servers/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`
}

/** Says in an entry where it is from. */
export function withSource(
  entry: ResolvedServer['entry'],
  registryUrl: string,
): ResolvedServer['entry'] {
  return {...entry, metadata: {registryUrl}}
}

/** The newest version of its API that a registry has, of those that we speak: an address that has one is that one. */
async function apiOf(host: string, input: RegistryInput): Promise<string> {
  const url = URL.parse(/^https?:\/\//i.test(host) ? host : `https://${host}`)
  if (!url?.hostname || url.search !== '') {
    throw new PluginError(
      'USAGE',
      `${JSON.stringify(oneLine(host))} is not the host of a registry`,
      {
        hint: 'write its name, for example registry.modelcontextprotocol.io',
      },
    )
  }
  const base = url.href.replace(/\/+$/, '').replace(/\/servers$/, '')
  if (/\/v\d[\w.]*$/.test(url.pathname.replace(/\/+$/, '').replace(/\/servers$/, ''))) return base
  const [v0, v01] = [`${base}/v0`, `${base}/v0.1`]
  try {
    await listServers(v0, input).next()
    return v0
  } catch (error) {
    if (!(error instanceof PluginError) || error.code !== 'FETCH_FAILED') throw error
    const isThere = await listServers(v01, input)
      .next()
      .then(
        () => true,
        () => false,
      )
    if (isThere) return v01
    throw error
  }
}
