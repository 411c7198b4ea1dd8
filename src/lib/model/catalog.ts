import {type Json, type JsonObject, isJsonObject} from '../base/json.ts'
import {PluginError, messageOf} from '../base/errors.ts'
import {serverSchema} from './catalog-schema.ts'
import {entryProblem} from './entry-check.ts'
import {idleKeys} from './idle-keys.ts'
import {toPlainJson} from './plain-json.ts'
import {strangeKeys} from './strange-keys.ts'

/** A list of servers that can be enabled. */
export interface Catalog {
  readonly name: string
  readonly displayName?: string
  /** By name; the name in the map is the server's identity. */
  readonly servers: ReadonlyMap<string, CatalogServer>
}

/** One server of a catalog, as it was written; templates in it are not evaluated yet. */
export interface CatalogServer {
  readonly name: string
  readonly type?: 'server' | 'remote' | 'poci' | undefined
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly icon?: string | undefined
  readonly readme?: string | undefined
  readonly toolsUrl?: string | undefined
  readonly source?: string | undefined
  readonly upstream?: string | undefined
  readonly ref?: string | undefined
  readonly dateAdded?: string | undefined
  readonly image?: string | undefined
  readonly command?: readonly string[] | undefined
  readonly env?: readonly {readonly name: string; readonly value?: string | undefined}[] | undefined
  readonly secrets?: readonly CatalogSecret[] | undefined
  readonly volumes?: readonly string[] | undefined
  readonly user?: string | undefined
  readonly disableNetwork?: boolean | undefined
  /** `host:port`, optionally followed by `/http`, `/https` or `/tcp`; see `parseAllowRule`. */
  readonly allowHosts?: readonly string[] | undefined
  /** `name:address` or `name:host-gateway`. */
  readonly extraHosts?: readonly string[] | undefined
  /** Containers of the engine that the server may talk to. */
  readonly connectTo?: readonly string[] | undefined
  readonly security?: 'default' | 'strict' | undefined
  /** Whether the root of its files can be written to. */
  readonly readOnly?: boolean | undefined
  /** Capabilities, such as `NET_RAW`. */
  readonly capAdd?: readonly string[] | undefined
  /** `/path[:option,…]` */
  readonly tmpfs?: readonly string[] | undefined
  /** Its container lives as long as the session that uses it. */
  readonly longLived?: boolean | undefined
  /** Every call gets a container of its own. */
  readonly ephemeral?: boolean | undefined
  /** Seconds after which a container that nobody uses is stopped; 0: never. */
  readonly idleTimeout?: number | undefined
  /** Containers that are kept ready: how many always, and how many at most while the server is in use. */
  readonly standby?:
    | {readonly min?: number | undefined; readonly max?: number | undefined}
    | undefined
  readonly remote?: CatalogRemote | undefined
  /** The older way to write a remote that speaks HTTP+SSE. */
  readonly sseEndpoint?: string | undefined
  readonly oauth?: CatalogOAuth | undefined
  /** Schemas (a small part of JSON Schema) of the values that people set, one object per group. */
  readonly config?: readonly JsonObject[] | undefined
  readonly tools?: readonly CatalogTool[] | undefined
  /** Put before the names of all the server's tools. */
  readonly prefix?: string | undefined
  readonly metadata?: CatalogMetadata | undefined
  readonly resources?: {readonly limits?: CatalogLimits | undefined} | undefined
  readonly prompts?: Json | undefined
  readonly dynamic?: Json | undefined
  readonly policy?: Json | undefined
  /** Seconds until a start counts as failed. */
  readonly startTimeout?: number | undefined
  /** Seconds until one call counts as failed. */
  readonly callTimeout?: number | undefined
}

export interface CatalogSecret {
  /** The secret's key in the stores, such as `github.personal_access_token`. */
  readonly name: string
  /** The environment variable under which the server reads it. */
  readonly env: string
  readonly example?: string | undefined
  readonly description?: string | undefined
  /** False for a secret that the server can do without; absent means needed. */
  readonly required?: boolean | undefined
  /** Given as a file of `/run/secrets`, under this name or one made of `env`, not as a variable. */
  readonly file?: true | string | undefined
}

export interface CatalogRemote {
  readonly url?: string | undefined
  readonly transport_type?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface CatalogOAuth {
  readonly providers?:
    | readonly {
        readonly provider: string
        readonly secret?: string | undefined
        readonly env?: string | undefined
      }[]
    | undefined
  readonly scopes?: readonly string[] | undefined
}

export interface CatalogTool {
  readonly name: string
  readonly description?: string | undefined
  readonly arguments?: readonly JsonObject[] | undefined
  readonly annotations?: JsonObject | undefined
  /** JSON Schema of the arguments (a tool that is a container of its own). */
  readonly parameters?: JsonObject | undefined
  readonly container?:
    | {
        readonly image: string
        readonly command?: readonly string[] | undefined
        readonly volumes?: readonly string[] | undefined
        readonly user?: string | undefined
      }
    | undefined
}

export interface CatalogMetadata {
  readonly pulls?: number | undefined
  readonly stars?: number | undefined
  readonly githubStars?: number | undefined
  readonly category?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly license?: string | undefined
  readonly owner?: string | undefined
  readonly registryUrl?: string | undefined
}

export interface CatalogLimits {
  readonly cpus?: number | string | undefined
  /** Another name of `cpus`, which wins. */
  readonly cpu?: number | string | undefined
  /** A size such as `512m`. */
  readonly memory?: string | undefined
  readonly pids?: number | undefined
  /** A size: what the server may write to its own layer. */
  readonly disk?: string | undefined
}

/** Something in a catalog that is not as it should be, and where. */
export interface CatalogProblem {
  /**
   * `invalid`: the server was left out; `unknown`: the server is there, a key in it means
   * nothing to us; `idle`: a key is known and has no effect beside the others.
   */
  readonly kind: 'invalid' | 'unknown' | 'idle'
  /** Empty for a key of the document itself that is unknown. */
  readonly server: string
  /** Dotted path inside the server's entry; empty for the entry itself. */
  readonly path: string
  /** The same in keys, which may have dots themselves; numbers of items of lists. */
  readonly keys: readonly string[]
  readonly message: string
  /** `file:line`, where the catalog is a file. */
  readonly place?: string
}

/**
 * Reads a parsed version 2 or 3 catalog document (`name`, `displayName`, `registry` by server
 * name). A server that is wrong is left out and reported; the others stay.
 * @param value the document after YAML or JSON parsing; nothing in it is trusted
 * @param where the file or address, for messages; also the name of a catalog that has none
 * @throws PluginError CATALOG_INVALID when the document itself is not a catalog
 */
export function parseCatalog(
  value: unknown,
  where: string,
): {readonly catalog: Catalog; readonly problems: readonly CatalogProblem[]} {
  const {head, registry, strange} = readDocument(value, where)
  const servers = new Map<string, CatalogServer>()
  const problems: CatalogProblem[] = [...strange]
  for (const [name, raw] of Object.entries(registry)) {
    const {server, problems: found} = parseServer(name, raw)
    problems.push(...found)
    if (server) servers.set(name, server)
  }
  return {catalog: {...head, servers}, problems}
}

const NEWEST_VERSION = 3

const NO_SUCH_KEY = 'the catalog format has no such key; it has no effect'

function readDocument(value: unknown, where: string) {
  if (!isJsonObject(value)) throw invalid(where, 'it is not a map')
  const {version, name, displayName, registry, ...others} = value
  if (version != null && !(Number(version) >= 1 && Number(version) <= NEWEST_VERSION)) {
    throw invalid(where, `its version is not one of 1 to ${NEWEST_VERSION}`)
  }
  if (name != null && typeof name !== 'string') throw invalid(where, '"name" is not text')
  if (registry === undefined) throw invalid(where, 'it has no "registry"')
  if (registry !== null && !isJsonObject(registry)) {
    throw invalid(where, '"registry" is not a map from server name to server')
  }
  const label = typeof displayName === 'string' ? {displayName} : {}
  const strange = Object.keys(others).map((key): CatalogProblem => {
    return {kind: 'unknown', server: '', path: key, keys: [key], message: NO_SUCH_KEY}
  })
  return {head: {name: name || where, ...label}, registry: registry ?? {}, strange}
}

function invalid(where: string, why: string): PluginError {
  return new PluginError('CATALOG_INVALID', `${where} is not a catalog: ${why}`, {
    hint: 'A catalog has a "name" and a "registry" that maps server names to servers.',
  })
}

/**
 * Names reach labels, tool names and file names: no separators, no control characters, nothing
 * that is an option.
 */
const SERVER_NAME = /^[\p{L}\p{N}_][\p{L}\p{N} ._@+-]{0,127}$/u

function parseServer(
  name: string,
  raw: unknown,
): {server?: CatalogServer; problems: readonly CatalogProblem[]} {
  const problem = (
    kind: CatalogProblem['kind'],
    keys: readonly string[],
    message: string,
  ): CatalogProblem => ({kind, server: name, path: keys.join('.'), keys, message})
  const refuse = (keys: readonly string[], message: string) => problem('invalid', keys, message)
  if (name === '__proto__' || !SERVER_NAME.test(name)) {
    return {problems: [refuse([], 'the name has characters that a server name cannot have')]}
  }
  let entry: Json | undefined
  try {
    entry = toPlainJson(raw)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return {problems: [refuse([], `the entry ${messageOf(error)}`)]}
  }
  if (!isJsonObject(entry)) return {problems: [refuse([], 'the entry is not a map')]}
  const strange = strangeKeys(entry)
  // Left without effect, such a key could open what it was to close.
  const misspelt = strange.flatMap(({keys, meant}) =>
    meant === undefined ? [] : refuse(keys, `is not a key of the format: did you mean ${meant}?`),
  )
  const result = serverSchema.safeParse(entry)
  if (!result.success) {
    const issues = result.error.issues.map(({path, message}) => refuse(path.map(String), message))
    return {problems: [...issues, ...misspelt]}
  }
  if (misspelt.length > 0) return {problems: misspelt}
  const server: CatalogServer = {...result.data, name}
  const wrong = entryProblem(server)
  if (wrong) return {problems: [refuse(split(wrong.path), wrong.message)]}
  const unknown = strange.map(({keys}) => problem('unknown', keys, NO_SUCH_KEY))
  const idle = idleKeys(server).map(({path, message}) => problem('idle', split(path), message))
  return {server, problems: [...unknown, ...idle]}
}

/** Of paths whose keys are all of the format, which has no dots in them. */
function split(path: string): readonly string[] {
  return path === '' ? [] : path.split('.')
}
