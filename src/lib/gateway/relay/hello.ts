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
  const instructions = mergeInstructions(input.servers)
  return {
    protocolVersion: input.protocolVersion,
    capabilities: mergeCapabilities(input.servers),
    serverInfo: {name: 'docker-mcp-gateway', title: 'Docker MCP Gateway', version: input.version},
    ...(instructions !== '' && {instructions}),
  }
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
  // Tasks belong to one server; with several nobody could tell which.
  const {tasks, ...merged} = all.reduce<JsonObject>(union, {tools: {}})
  for (const kind of ['tools', 'prompts', 'resources']) {
    const own = merged[kind]
    if (isJsonObject(own)) merged[kind] = {...own, listChanged: true}
  }
  return servers.length === 1 && tasks !== undefined ? {...merged, tasks} : merged
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

/** Long enough for what a model reads, short enough not to crowd it. */
const LONGEST_INSTRUCTIONS = 4000

function mergeInstructions(servers: readonly KnownServer[]): string {
  const parts = servers.flatMap(({name, hello}) => {
    const text = hello?.['instructions']
    return typeof text === 'string' && text.trim() !== '' ? [{name, text}] : []
  })
  if (servers.length === 1) return parts[0]?.text ?? ''
  return parts.map(({name, text}) => `# Server ${name}\n\n${cut(text)}`).join('\n\n')
}

function cut(text: string): string {
  return text.length <= LONGEST_INSTRUCTIONS
    ? text
    : `${text.slice(0, LONGEST_INSTRUCTIONS)}\n[cut]`
}
