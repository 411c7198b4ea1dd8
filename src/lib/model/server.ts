import type {JsonObject} from '../base/json.ts'
import {PluginError} from '../base/errors.ts'
import {parseBytes} from './bytes.ts'
import type {CatalogLimits, CatalogSecret, CatalogServer} from './catalog.ts'
import {requiredConfig} from './config-check.ts'
import {type HttpInside, httpInside, portClash} from './http-inside.ts'
import {type NetworkWish, networkWish, type SecurityWish, securityWish} from './isolation.ts'
import {pociTools} from './poci.ts'
import {bindHeaders, type RemoteHeader} from './remote-headers.ts'
import {secretFile} from './secret-file.ts'
import {evaluateTemplate, evaluateTemplateList, renderText, templateContext} from './template.ts'

/**
 * What a server is before anything runs. It is plain data without secrets: safe to compare,
 * store and show.
 */
export type ServerSpec = ContainerSpec | RemoteSpec | PociSpec

/** What a session opens. */
export type ConnectedSpec = ServerSpec

/** A server that runs in a container. */
export interface ContainerSpec extends ServerFacts {
  readonly kind: 'container'
  readonly image: string
  /** Arguments of the image; `$VAR` in them is still to be expanded. */
  readonly command: readonly string[]
  readonly env: readonly EnvEntry[]
  /** `source:target[:mode]` or an anonymous volume's path. */
  readonly volumes: readonly string[]
  readonly user?: string
  readonly network: NetworkWish
  readonly security: SecurityWish
  /** Where it serves HTTP inside its container; without it, it speaks over stdin and stdout. */
  readonly http?: HttpInside
  /**
   * Its program does one thing and ends: nothing is written to its stdin, what it prints is what it was run for, and its
   * arguments are literal, since a caller chose them.
   */
  readonly isOneRun?: true
}

/** A server that somebody else runs. */
export interface RemoteSpec extends ServerFacts {
  readonly kind: 'remote'
  /** An absolute http or https address. */
  readonly url: string
  /** `auto`: nobody says, so it is found out when it is opened. */
  readonly transport: 'streamable' | 'sse' | 'auto'
  /** The secrets are still to be put in. */
  readonly headers: readonly RemoteHeader[]
}

/**
 * A set of tools ("plain old container images"): each call is one run of a container, with the
 * call's arguments.
 */
export interface PociSpec extends ServerFacts {
  readonly kind: 'poci'
  readonly tools: readonly PociTool[]
  /** These hold for every container. */
  readonly env: readonly EnvEntry[]
  readonly network: NetworkWish
  readonly security: SecurityWish
}

export interface PociTool {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments. */
  readonly parameters: JsonObject
  readonly annotations?: JsonObject
  readonly image: string
  /** Templates over the arguments of the call. */
  readonly command: readonly string[]
  readonly volumes: readonly string[]
  readonly user?: string
}

export interface EnvEntry {
  readonly name: string
  readonly value: string
  /**
   * Whether `$VAR` in the value is still to be expanded; never where the user's configuration
   * went in.
   */
  readonly expand: boolean
}

/** What holds for a server of any kind. */
export interface ServerFacts {
  readonly name: string
  /** Its container lives as long as the session that uses it. */
  readonly longLived: boolean
  /** Every call gets a container of its own. */
  readonly ephemeral: boolean
  /** Seconds; 0: never stopped when idle. */
  readonly idleTimeout?: number
  readonly standby?: {readonly min?: number; readonly max?: number}
  readonly limits: ResourceLimits
  readonly toolPrefix?: string
  /** Seconds. */
  readonly startTimeout?: number
  /** Seconds. */
  readonly callTimeout?: number
  /** Paths inside the server's configuration that must have a value. */
  readonly requiredConfig: readonly string[]
  /**
   * The secrets that it reads: key in the stores, environment variable, whether it starts
   * without.
   */
  readonly secrets: readonly SecretUse[]
  /** The keys of the secrets, each once. */
  readonly secretNames: readonly string[]
}

export interface SecretUse {
  readonly name: string
  readonly env: string
  readonly required: boolean
  /** The file of `/run/secrets` that holds it; then no variable does. */
  readonly file?: string
}

export interface ResourceLimits {
  /** Cores, fractions allowed. */
  readonly cpus?: number
  readonly memoryBytes?: number
  readonly pids?: number
  /** What it may write to its own layer. */
  readonly diskBytes?: number
}

/**
 * Makes of a catalog entry and the user's values what is to run: every `{{…}}` is evaluated, every
 * `$VAR` stays. The kind follows Docker's gateway: an image is a container, else an address is a
 * remote, else it is a set of tools.
 * @param config the values that the user set for this server
 * @param home the user's home, for mounts of `~/…`
 * @throws PluginError CATALOG_INVALID when an address is not one after evaluation, or has a port that is needed
 * @throws RangeError when the entry was not parsed and holds what no entry may
 */
export function bindServer(entry: CatalogServer, config: JsonObject, home: string): ServerSpec {
  const {name} = entry
  const context = templateContext(name, config, home)
  const facts = factsOf(name, entry)
  if (entry.image) return bindContainer({...facts, image: entry.image}, entry, context)
  const url = entry.remote?.url || entry.sseEndpoint
  if (url) return bindRemote({...facts, url}, entry, context)
  return {
    kind: 'poci',
    ...facts,
    tools: pociTools(entry),
    env: envOf(entry, context),
    network: networkWish(entry),
    security: securityWish(entry),
  }
}

function factsOf(name: string, entry: CatalogServer): ServerFacts {
  const secrets = (entry.secrets ?? []).map(secretUse)
  return {
    name,
    longLived: entry.longLived ?? false,
    ephemeral: entry.ephemeral ?? false,
    ...(entry.idleTimeout === undefined ? {} : {idleTimeout: entry.idleTimeout}),
    ...standbyOf(entry.standby),
    limits: limitsOf(entry.resources?.limits ?? {}),
    ...(entry.prefix ? {toolPrefix: entry.prefix} : {}),
    ...(entry.startTimeout === undefined ? {} : {startTimeout: entry.startTimeout}),
    ...(entry.callTimeout === undefined ? {} : {callTimeout: entry.callTimeout}),
    requiredConfig: requiredConfig(entry),
    secrets,
    secretNames: [...new Set(secrets.map(secret => secret.name))],
  }
}

function standbyOf(standby: CatalogServer['standby']): Pick<ServerFacts, 'standby'> {
  if (standby === undefined) return {}
  const {min, max} = standby
  return {standby: {...(min === undefined ? {} : {min}), ...(max === undefined ? {} : {max})}}
}

function secretUse(secret: CatalogSecret): SecretUse {
  const file = secretFile(secret)
  const {name, env, required = true} = secret
  return {name, env, required, ...(file === undefined ? {} : {file})}
}

function limitsOf(limits: CatalogLimits): ResourceLimits {
  const cpus = Number(limits.cpus ?? limits.cpu ?? 0)
  const memoryBytes = limits.memory === undefined ? undefined : parseBytes(limits.memory)
  const diskBytes = limits.disk === undefined ? undefined : parseBytes(limits.disk)
  return {
    ...(cpus > 0 ? {cpus} : {}),
    ...(memoryBytes === undefined ? {} : {memoryBytes}),
    ...(limits.pids === undefined ? {} : {pids: limits.pids}),
    ...(diskBytes === undefined ? {} : {diskBytes}),
  }
}

function bindContainer(
  facts: ServerFacts & {readonly image: string},
  entry: CatalogServer,
  context: JsonObject,
): ContainerSpec {
  const user = entry.user === undefined ? '' : evaluateText(entry.user, context)
  const network = networkWish(entry)
  const http = bindHttp(entry, network, context)
  return {
    kind: 'container',
    ...facts,
    command: evaluateTemplateList(entry.command ?? [], context),
    env: envOf(entry, context),
    volumes: evaluateTemplateList(entry.volumes ?? [], context).filter(volume => volume !== ''),
    ...(user === '' ? {} : {user}),
    network,
    security: securityWish(entry),
    ...(http === undefined ? {} : {http}),
  }
}

function bindHttp(
  {name, remote}: CatalogServer,
  {rules}: NetworkWish,
  context: JsonObject,
): HttpInside | undefined {
  try {
    const http = httpInside(evaluateText(remote?.url ?? '', context), remote?.transport_type)
    const clash = portClash(http, rules)
    if (clash) throw unusable(name, `its ${clash.path} ${clash.message}`)
    return http
  } catch (error) {
    if (error instanceof RangeError) throw unusable(name, `its remote.url ${error.message}`)
    throw error
  }
}

function unusable(name: string, why: string): PluginError {
  return new PluginError('CATALOG_INVALID', `server ${name} cannot be started: ${why}`, {
    hint: 'Check the catalog entry and the configuration values that go into it.',
  })
}

function envOf({env = []}: CatalogServer, context: JsonObject): readonly EnvEntry[] {
  return env.map(({name, value = ''}) => bindEnv(name, value, context))
}

function bindEnv(name: string, value: string, context: JsonObject): EnvEntry {
  if (!value.includes('{{') || !value.includes('}}')) return {name, value, expand: true}
  return {name, value: renderText(evaluateTemplate(value, context)), expand: false}
}

function bindRemote(
  facts: ServerFacts & {readonly url: string},
  entry: CatalogServer,
  context: JsonObject,
): RemoteSpec {
  const url = URL.parse(evaluateText(facts.url, context))
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new PluginError(
      'CATALOG_INVALID',
      `the address of the remote server ${facts.name} is not an http or https address`,
      {
        hint: 'Check the address in the catalog entry and the configuration values that go into it.',
      },
    )
  }
  return {
    kind: 'remote',
    ...facts,
    url: url.href,
    transport: transportOf(entry),
    headers: remoteHeaders(facts, entry, context),
  }
}

function transportOf({remote}: CatalogServer): RemoteSpec['transport'] {
  if (!remote?.url || remote.transport_type === 'sse') return 'sse'
  return remote.transport_type ? 'streamable' : 'auto'
}

function remoteHeaders(
  {name, secrets}: ServerFacts,
  {remote, oauth}: CatalogServer,
  context: JsonObject,
): readonly RemoteHeader[] {
  // Who has logged in has a value for these; there is no such way yet.
  const others = (oauth?.providers ?? []).flatMap(({env}) => env ?? [])
  try {
    return bindHeaders(remote?.headers ?? {}, {context, secrets, others})
  } catch (error) {
    if (error instanceof RangeError) throw unusable(name, `it ${error.message}`)
    throw error
  }
}

/**
 * Braces that are no expression stay, as in a JSON text or an address with a placeholder of its
 * own.
 */
function evaluateText(text: string, context: JsonObject): string {
  return text.includes('{{') ? renderText(evaluateTemplate(text, context)) : text
}
