import type {JsonObject} from '../base/json.ts'
import {messageOf, PluginError} from '../base/errors.ts'
import type {CatalogServer} from '../model/catalog.ts'
import {checkConfig, type ConfigProblem} from '../model/config-check.ts'
import {pociContainers} from '../model/poci.ts'
import {bindServer, type ConnectedSpec, type ContainerSpec} from '../model/server.ts'
import {unknownServer} from '../profile/servers.ts'

/** What should run, and nothing of how it does: immutable, comparable, without secrets. */
export interface Plan {
  readonly servers: readonly PlannedServer[]
}

/** One enabled server: what to start, or why it cannot be. */
export interface PlannedServer {
  readonly name: string
  readonly prefix: string | undefined
  /** The tools that clients may see and call; undefined: all. */
  readonly tools: ToolSelection | undefined
  readonly startTimeoutMs: number
  /** What the catalog entry allows a call. */
  readonly callTimeoutMs: number | undefined
  readonly start: ConnectedSpec | PluginError
}

/** Names of tools; those of `--tools` count in any case, those of tools.yaml to the letter. */
export interface ToolSelection {
  readonly names: readonly string[]
  readonly anyCase: boolean
}

export interface PlanInput {
  /** The user's home: what `~/` means in a path that is mounted. */
  readonly home: string
  /** The enabled servers, in the order that decides who keeps a contested name. */
  readonly names: readonly string[]
  readonly servers: ReadonlyMap<string, CatalogServer>
  /** Why entries were left out that are not as they should be, by server. */
  readonly refused: ReadonlyMap<string, string>
  readonly config: ReadonlyMap<string, JsonObject>
  /** Tool names by server, from tools.yaml. */
  readonly tools: ReadonlyMap<string, readonly string[]>
  /** `--tools`: replaces `tools` when it is given. */
  readonly toolFilter: readonly string[] | undefined
  /** For servers whose entries say nothing of it; a minute when it is not given. */
  readonly startTimeoutMs?: number | undefined
}

/** What a server may take to start, unless its entry or the user says otherwise. */
export const START_TIMEOUT_S = 60

/** Makes the plan. A server that cannot be started is part of it, with the reason: it never stops the others. */
export function buildPlan(input: PlanInput): Plan {
  return {servers: [...new Set(input.names)].map(name => planServer(name, input))}
}

function planServer(name: string, input: PlanInput): PlannedServer {
  const entry = input.servers.get(name)
  return {
    name,
    prefix: entry?.prefix || undefined,
    tools: allowedTools(name, entry, input),
    startTimeoutMs: startTimeout(entry, input),
    callTimeoutMs: entry?.callTimeout === undefined ? undefined : entry.callTimeout * 1000,
    start: entry
      ? toStart(entry, input.config.get(name) ?? {}, input.home)
      : missingEntry(name, input),
  }
}

function startTimeout(entry: CatalogServer | undefined, {startTimeoutMs}: PlanInput): number {
  if (entry?.startTimeout !== undefined) return entry.startTimeout * 1000
  return startTimeoutMs ?? START_TIMEOUT_S * 1000
}

function missingEntry(name: string, {servers, refused}: PlanInput): PluginError {
  const why = refused.get(name)
  if (why === undefined) return unknownServer(name, [...servers.keys()])
  return new PluginError('CATALOG_INVALID', why, {
    hint: `correct the entry, or take it out: docker mcp server disable ${name}`,
  })
}

function toStart(
  entry: CatalogServer,
  config: JsonObject,
  home: string,
): ConnectedSpec | PluginError {
  const {name} = entry
  try {
    const problems = checkConfig(entry, config)
    if (problems.length > 0) return notConfigured(name, problems)
    return bindServer(entry, config, home)
  } catch (error) {
    if (error instanceof PluginError) return error
    return new PluginError(
      'CATALOG_INVALID',
      `the catalog entry of server ${name} cannot be used: ${messageOf(error)}`,
      {hint: `take it out: docker mcp server disable ${name}`, cause: error},
    )
  }
}

function notConfigured(name: string, problems: readonly ConfigProblem[]): PluginError {
  const what = problems.map(({path, message}) => `${path} ${message}`).join('; ')
  return new PluginError('CONFIG_MISSING', `server ${name} is not configured: ${what}`, {
    hint: `set it under "${name}:" in config.yaml, or under config in its profile; docker mcp server inspect ${name} shows what it takes`,
  })
}

/** `--tools` entries are `*`, `tool`, `server:tool`, `server:*`, `image:tool` or `image:*`, in any case. */
function allowedTools(
  name: string,
  entry: CatalogServer | undefined,
  input: PlanInput,
): ToolSelection | undefined {
  if (!input.toolFilter) {
    const names = input.tools.get(name)
    return names && {names, anyCase: false}
  }
  const owners = [name, ...(entry?.image ? [entry.image] : [])].map(owner => owner.toLowerCase())
  const names = input.toolFilter.flatMap(text => {
    const filter = text.toLowerCase()
    const own = owners.filter(owner => filter.startsWith(`${owner}:`))
    // A tool's name may hold a colon, too.
    return [filter, ...own.map(owner => filter.slice(owner.length + 1))]
  })
  return names.includes('*') ? undefined : {names, anyCase: true}
}

/** Whether any of the servers runs in a container. */
export function needsEngine(plan: Plan): boolean {
  return containersOf(plan).length > 0
}

/** What runs in containers and can be started; of a server with one for each call, one for each image. */
export function containersOf({servers}: Plan): readonly ContainerSpec[] {
  return servers.flatMap(({start}) => {
    if (start instanceof PluginError || start.kind === 'remote') return []
    return start.kind === 'poci' ? pociContainers(start) : [start]
  })
}

/** The names of the secrets that servers declare which can be started, each once. */
export function declaredSecrets({servers}: Plan): readonly string[] {
  const names = servers.flatMap(({start}) =>
    start instanceof PluginError ? [] : start.secrets.map(({name}) => name),
  )
  return [...new Set(names)]
}

/** Whether clients may see and call a server's tool. */
export function allowsTool({tools}: PlannedServer, tool: string): boolean {
  if (!tools) return true
  return tools.names.includes(tools.anyCase ? tool.toLowerCase() : tool)
}

/** The error for a name that no server of a plan has. */
export function notServed(server: string): PluginError {
  return new PluginError('SERVER_UNKNOWN', `this gateway does not serve a server ${server}`, {
    hint: 'see what it serves with: docker mcp server status',
  })
}
