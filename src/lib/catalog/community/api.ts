import {PluginError} from '../../base/errors.ts'
import {isJsonObject, objectOf, type JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import {fetchPublic} from '../../net/fetch.ts'
import type {Outgoing} from '../../net/agents.ts'
import {officialFacts} from './server-json.ts'

/** How registries of servers are reached. */
export interface RegistryInput {
  readonly outgoing: Outgoing
  readonly allowPrivateHosts?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** For one request, as docker's own plugin. */
const ANSWER_MS = 20_000
const LARGEST_ANSWER = 16 * 1024 * 1024
const PAGE = 100
/** The largest registry has some thousands of servers. */
const MOST_PAGES = 1000
const LONGEST_CURSOR = 4096

/** An address of one server: `https://host/v0/servers/<name>[/versions/<version>]`. */
export interface ServerAddress {
  /** Up to the version of the API, without a slash at its end. */
  readonly base: string
  /** Not encoded. */
  readonly name: string
  /** Undefined for the latest one. */
  readonly version: string | undefined
}

/** @returns undefined when it is no address of a server in a registry */
export function parseServerAddress(text: string): ServerAddress | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) return undefined
  const match = /^(.*\/v\d[\w.]*)\/servers\/(.+?)(?:\/versions(?:\/([^/]*))?)?\/?$/.exec(
    url.pathname,
  )
  if (!match) return undefined
  const [, path = '', name = '', version = ''] = match
  const decoded = decodedPart(name)
  const wanted = decodedPart(version)
  if (decoded === undefined || wanted === undefined) return undefined
  return {
    base: `${url.origin}${path}`,
    name: decoded,
    version: wanted === '' || wanted === 'latest' ? undefined : wanted,
  }
}

function decodedPart(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * Gets one server of a registry: the version that is named, or else the one that the registry calls the latest.
 * Registries of before there were versions know servers by an id.
 * @returns what the registry answered, to be read by `readServerJson`
 * @throws PluginError SERVER_UNKNOWN; SERVER_UNSUPPORTED when it was deleted there; ADDRESS_REFUSED, FETCH_FAILED
 */
export async function getServer(
  {base, name, version}: ServerAddress,
  input: RegistryInput,
): Promise<JsonObject> {
  const server = `${base}/servers/${encodeURIComponent(name)}`
  const found =
    version === undefined
      ? latestOf(await firstAnswer([`${server}/versions`, server], input))
      : await firstAnswer([`${server}/versions/${encodeURIComponent(version)}`, server], input)
  if (!found || (version !== undefined && versionOf(found) !== version)) {
    const what = version === undefined ? oneLine(name) : `${oneLine(name)} ${oneLine(version)}`
    throw new PluginError('SERVER_UNKNOWN', `${base} has no server ${what}`, {
      hint: 'check the name, and that it is written as in the address of the registry',
    })
  }
  if (officialFacts(found).status === 'deleted') {
    throw new PluginError('SERVER_UNSUPPORTED', `${oneLine(name)} was deleted from ${base}`, {
      hint: 'look for one that replaces it',
    })
  }
  return found
}

/** Of several versions the one that counts; an answer that is one server is that one. */
function latestOf(answer: JsonObject): JsonObject | undefined {
  if (!Array.isArray(answer['servers'])) return answer
  const all = answer['servers'].filter(isJsonObject)
  return (
    all.find(one => officialFacts(one).isLatest === true) ??
    all.find(one => officialFacts(one).status === 'active') ??
    all[0]
  )
}

function versionOf(answer: JsonObject): string | undefined {
  const server = isJsonObject(answer['server']) ? answer['server'] : answer
  const version = server['version'] ?? objectOf(server['version_detail'])['version']
  return typeof version === 'string' ? version : undefined
}

/** The first of some addresses that gives an answer; the reason of the first one when none does. */
async function firstAnswer(
  addresses: readonly string[],
  input: RegistryInput,
): Promise<JsonObject> {
  const [first = '', ...others] = addresses
  try {
    return await ask(first, input)
  } catch (error) {
    if (!(error instanceof PluginError) || error.code !== 'FETCH_FAILED') throw error
    for (const other of others) {
      const answer = await ask(other, input).catch((reason: unknown) => {
        if (reason instanceof PluginError) return undefined
        throw reason
      })
      if (answer) return answer
    }
    throw error
  }
}

/**
 * Lists the latest versions of all servers of a registry, page after page.
 * @param base up to the version of the API
 * @returns elements as the registry has them, to be read by `readServerJson`
 * @throws PluginError FETCH_FAILED, also when its pages have no end; ADDRESS_REFUSED
 */
export async function* listServers(base: string, input: RegistryInput): AsyncGenerator<JsonObject> {
  const seen = new Set<string>()
  let cursor: string | undefined
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const url = new URL(`${base}/servers`)
    url.searchParams.set('version', 'latest')
    url.searchParams.set('limit', String(PAGE))
    if (cursor !== undefined) url.searchParams.set('cursor', cursor)
    const {servers, metadata} = await ask(url.href, input)
    if (servers !== null && !Array.isArray(servers))
      throw noList(base, 'it sent no list of servers')
    for (const server of servers ?? []) if (isJsonObject(server)) yield server
    const {nextCursor, next_cursor: older} = objectOf(metadata)
    const next = nextCursor ?? older
    if (next == null || next === '') return
    if (typeof next !== 'string' || next.length > LONGEST_CURSOR) {
      throw noList(base, 'it sent a place to go on from that is none')
    }
    if (!servers?.length) throw noList(base, 'a page of it is empty, and not the last')
    if (seen.has(next)) throw noList(base, 'its pages come again and again')
    seen.add(next)
    cursor = next
  }
  throw noList(base, `it has more than ${MOST_PAGES} pages`)
}

function noList(base: string, why: string): PluginError {
  return new PluginError('FETCH_FAILED', `${base} did not list its servers: ${why}`, {
    hint: 'check that it is a registry of MCP servers, or tell its operator',
  })
}

/** Gets a JSON object from a public address. */
export async function ask(address: string, input: RegistryInput): Promise<JsonObject> {
  const {text} = await fetchPublic(address, {
    ...input,
    accept: 'application/json',
    maxBytes: LARGEST_ANSWER,
    timeoutMs: ANSWER_MS,
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw notJson(address, error)
  }
  if (isJsonObject(value)) return value
  throw notJson(address)
}

function notJson(address: string, cause?: unknown): PluginError {
  const {host, pathname} = new URL(address)
  return new PluginError('FETCH_FAILED', `${host} sent no JSON object for ${oneLine(pathname)}`, {
    hint: 'check that the address is one of a registry of MCP servers',
    cause,
  })
}
