import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'

/** Revisions with an initialize handshake that this gateway speaks, newest first. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const

/** What one server answered to its last `initialize`, in this session, an earlier one, or never yet. */
export interface KnownServer {
  readonly name: string
  readonly hello: JsonObject | undefined
}

/**
 * The version for a session: the client's own when it is spoken here, else the newest
 * (MCP 2025-11-25, lifecycle, version negotiation).
 */
export function negotiateVersion(asked: unknown): string {
  return LEGACY_VERSIONS.find(version => version === asked) ?? LEGACY_VERSIONS[0]
}

/**
 * The gateway's answer to `initialize`, made of what is known of its servers. It must not wait for them: a server
 * that was never seen is taken to be able to do anything, and answers for itself when it is asked.
 */
export function gatewayHello(input: {
  protocolVersion: string
  version: string
  servers: readonly KnownServer[]
}): JsonObject {
  const [sole, ...others] = input.servers
  if (sole?.hello && others.length === 0) return soleHello(sole.hello, input)
  const instructions = mergeInstructions(input.servers)
  return {
    protocolVersion: input.protocolVersion,
    capabilities: mergeCapabilities(input.servers),
    serverInfo: gatewayInfo(input.version),
    ...(instructions !== '' && {instructions}),
  }
}

/** The only server introduces itself; list changes are announced, as what is remembered of it may be out of date. */
function soleHello(
  hello: JsonObject,
  ours: {protocolVersion: string; version: string},
): JsonObject {
  const {protocolVersion: spoken, capabilities, serverInfo, instructions, ...others} = hello
  const isOlder = LEGACY_VERSIONS.some(known => known === spoken && known < ours.protocolVersion)
  const own = isJsonObject(capabilities) ? capabilities : {}
  const unknown = Object.entries(own).filter(([key]) => !READABLE.has(key))
  return {
    ...others,
    protocolVersion: isOlder && spoken !== undefined ? spoken : ours.protocolVersion,
    capabilities: {...Object.fromEntries(unknown), ...announcing(readable(own))},
    serverInfo: isNamed(serverInfo) ? serverInfo : gatewayInfo(ours.version),
    ...(typeof instructions === 'string' && {instructions}),
  }
}

/** Capabilities that clients read, and refuse when they are not objects. */
const READABLE: ReadonlySet<string> = new Set([
  'completions',
  'experimental',
  'extensions',
  'logging',
  'prompts',
  'resources',
  'tasks',
  'tools',
])

function isNamed(info: Json | undefined): boolean {
  return (
    isJsonObject(info) && typeof info['name'] === 'string' && typeof info['version'] === 'string'
  )
}

/** How the gateway introduces itself. */
export function gatewayInfo(version: string): JsonObject {
  return {name: 'docker-mcp-gateway', title: 'Docker MCP Gateway', version}
}

const ANYTHING: JsonObject = {
  tools: {},
  prompts: {},
  resources: {subscribe: true},
  completions: {},
  logging: {},
}

/** The union of what the servers can do. List changes are always announced: servers come and go here. */
function mergeCapabilities(servers: readonly KnownServer[]): JsonObject {
  const all = servers.map(({hello}) => (hello ? readable(hello['capabilities']) : ANYTHING))
  return announcing(all.reduce<JsonObject>(union, {}))
}

/** What every client may ask for: a server that comes later may have it, and the client would not ask again. */
const LISTED: JsonObject = {tools: {}, prompts: {}, resources: {}}

function announcing(capabilities: JsonObject): JsonObject {
  const announced = {...LISTED, ...capabilities}
  for (const kind of ['tools', 'prompts', 'resources']) {
    const own = announced[kind]
    if (isJsonObject(own)) announced[kind] = {...own, listChanged: true}
  }
  return announced
}

/**
 * What a client can read of a server's capabilities: all are objects, and so are those inside `experimental` and
 * `extensions`. One server that says something else must not make clients refuse the whole gateway.
 */
function readable(capabilities: Json | undefined): JsonObject {
  const own = objectsOf(capabilities)
  const {resources, experimental, extensions} = own
  return {
    ...own,
    ...(isJsonObject(resources) && {
      resources: {...resources, subscribe: resources['subscribe'] === true},
    }),
    ...(experimental && {experimental: objectsOf(experimental)}),
    ...(extensions && {extensions: objectsOf(extensions)}),
  }
}

function objectsOf(value: Json | undefined): JsonObject {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(Object.entries(value).filter(([, member]) => isJsonObject(member)))
}

/** Both objects' members; of two that differ `true` wins over `false`, objects are joined, else the first counts. */
function union(a: JsonObject, b: JsonObject): JsonObject {
  const merged = new Map(Object.entries(a))
  for (const [key, value] of Object.entries(b)) {
    const own = merged.get(key)
    if (own === undefined || (own === false && value === true)) merged.set(key, value)
    else if (isJsonObject(own) && isJsonObject(value)) merged.set(key, union(own, value))
  }
  return Object.fromEntries(merged)
}

/** Characters of one server's instructions, and of all: enough for what a model reads, too few to crowd it. */
const LONGEST_INSTRUCTIONS = 4000
const LONGEST_OF_ALL = 32_000

/** Said once, rather than by changing what servers wrote. */
export const ON_NAMES =
  'Several servers are behind this one. Each calls its tools by its own names below; in the lists, a name that is taken has the name of its server in front, as in server__tool.'

function mergeInstructions(servers: readonly KnownServer[]): string {
  const parts = servers.flatMap(({name, hello}) => {
    const text = hello?.['instructions']
    return typeof text === 'string' && text.trim() !== '' ? [{name, text}] : []
  })
  if (servers.length === 1) return parts[0]?.text ?? ''
  if (parts.length === 0) return ''
  const share = Math.min(LONGEST_INSTRUCTIONS, Math.floor(LONGEST_OF_ALL / parts.length))
  const sections = parts.map(({name, text}) => `# Server ${name}\n\n${cut(text, share)}`)
  return [ON_NAMES, ...sections].join('\n\n')
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}\n[cut]`
}
