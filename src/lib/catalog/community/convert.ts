import {PluginError} from '../../base/errors.ts'
import {isJsonObject, objectOf, type JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import {checkedEntry} from '../entry.ts'
import {Environment} from './environment.ts'
import {Inputs} from './inputs.ts'
import {catalogName} from './name.ts'
import {convertPackage, isHttpInside, isStdio, PACKAGE_KINDS, type PackageKind} from './packages.ts'
import {Inexpressible} from './parts.ts'
import {convertRemote} from './remotes.ts'
import type {Package, ServerJson} from './server-json.ts'

export interface ConvertOptions {
  /** The kinds of packages that may be taken. */
  readonly kinds: ReadonlySet<PackageKind>
  /** The version of Python or Node that its package needs. */
  readonly runtime?: string | undefined
  /** What it is called instead of its own name. */
  readonly name?: string
}

/** A server of the community's registry as an entry of a catalog. */
export interface ConvertedServer {
  readonly name: string
  readonly entry: JsonObject
  readonly kind: PackageKind | 'remote'
  /** What the publisher wants and no entry can say. */
  readonly notes: readonly string[]
}

/** All kinds: what a person names is theirs to judge. */
export const ALL_KINDS: ReadonlySet<PackageKind> = new Set(PACKAGE_KINDS)

/** The package that is taken when there is no remote. */
export function chosenPackage(
  {packages}: ServerJson,
  kinds: ReadonlySet<PackageKind>,
): {readonly kind: PackageKind; readonly given: Package} | undefined {
  const usable = (packages ?? []).filter(isStdio)
  for (const kind of PACKAGE_KINDS) {
    const given = kinds.has(kind) && usable.find(one => one.registryType === kind)
    if (given) return {kind, given}
  }
  const overHttp = kinds.has('oci') && packages?.find(isHttpInside)
  return overHttp ? {kind: 'oci', given: overHttp} : undefined
}

/**
 * Makes an entry of a catalog of a `server.json`: its first remote, else a package with an image, from PyPI or from npm.
 * Secrets are named `<server>.<variable>`; other values are in `config.yaml`. Asks nobody.
 * @throws PluginError SERVER_UNSUPPORTED when nothing of it can be run, or no entry can say how, with the reason
 */
export function convertServer(server: ServerJson, options: ConvertOptions): ConvertedServer {
  const name = options.name ?? catalogName(server.name)
  if (name === '') throw unsupported(server, 'its name has no letter and no digit')
  const ways = waysOf(server, options)
  const reasons: string[] = []
  for (const way of ways) {
    try {
      const {entry, notes} = way.convert(name)
      return {name, kind: way.kind, notes, entry: checkedEntry(name, {...about(server), ...entry})}
    } catch (error) {
      if (error instanceof Inexpressible) reasons.push(`its ${way.kind} ${error.message}`)
      else if (error instanceof PluginError) reasons.push(error.message)
      else throw error
    }
  }
  throw unsupported(server, reasons.join('; ') || whyNone(server))
}

interface Way {
  readonly kind: ConvertedServer['kind']
  convert(name: string): {entry: JsonObject; notes: readonly string[]}
}

function waysOf(server: ServerJson, {kinds, runtime}: ConvertOptions): readonly Way[] {
  const remotes = (server.remotes ?? []).map(
    (remote): Way => ({
      kind: 'remote',
      convert(name) {
        const inputs = new Inputs(name, [])
        return {entry: {...convertRemote(remote, inputs), ...inputs.entry()}, notes: []}
      },
    }),
  )
  const chosen = chosenPackage(server, kinds)
  if (!chosen) return remotes
  const {kind, given} = chosen
  const ofPackage: Way = {
    kind,
    convert(name) {
      const taken = (given.environmentVariables ?? []).map(variable => variable.name)
      const inputs = new Inputs(name, taken)
      const environment = new Environment(inputs)
      const {entry, leftOut} = convertPackage(kind, given, {
        server: name,
        inputs,
        environment,
        runtime,
      })
      const notes = leftOut.map(flag => `its argument ${flag} of docker run is left out`)
      return {entry: {type: 'server', ...entry, ...environment.entry(), ...inputs.entry()}, notes}
    },
  }
  return [...remotes, ofPackage]
}

function about(server: ServerJson): JsonObject {
  const {title, description, icons, repository, _meta: meta} = server
  const provided = objectOf(meta?.['io.modelcontextprotocol.registry/publisher-provided'])
  const oauth = objectOf(provided['oauth'])
  const icon = (icons ?? []).map(({src}) => src ?? '').find(src => src.startsWith('https://'))
  const readme = readmeOf(repository ?? {})
  return {
    ...(title && {title}),
    ...(description && {description}),
    ...(icon && {icon}),
    ...(readme !== undefined && {readme}),
    ...(Array.isArray(oauth['providers']) && isJsonObject(provided['oauth']) && {oauth}),
  }
}

/** Where GitHub has the first page of a project. */
function readmeOf({
  url,
  source,
  subfolder,
}: NonNullable<ServerJson['repository']>): string | undefined {
  if (source !== 'github') return undefined
  const [, owner, project] =
    /^https:\/\/github\.com\/([\w.-]+)\/([\w.-]+?)(?:\.git)?\/?$/.exec(url ?? '') ?? []
  const folder = subfolder ? `${subfolder.replace(/^\/+|\/+$/g, '')}/` : ''
  if (!owner || !project || !/^(?:[\w.-]+\/)*$/.test(folder) || folder.includes('..'))
    return undefined
  return `https://raw.githubusercontent.com/${owner}/${project}/HEAD/${folder}README.md`
}

function whyNone({packages}: ServerJson): string {
  const kinds = [...new Set((packages ?? []).map(one => oneLine(one.registryType)))]
  if (kinds.length === 0) return 'it has no package and no remote'
  const overHttp = (packages ?? []).every(one => !isStdio(one))
  return overHttp
    ? 'its packages speak neither over stdin and stdout nor over HTTP in an image'
    : `it has packages of kinds that are not taken: ${kinds.join(', ')}`
}

function unsupported({name}: ServerJson, why: string): PluginError {
  return new PluginError('SERVER_UNSUPPORTED', `${oneLine(name)} cannot be used: ${why}`, {
    hint: 'ask its author for an image or a remote, or write a catalog entry for it yourself',
  })
}
