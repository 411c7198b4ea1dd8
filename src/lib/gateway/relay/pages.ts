import {PluginError} from '../../base/errors.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {isResult, request, RPC} from '../wire/jsonrpc.ts'
import type {Asking} from './connection.ts'
import {hintIn, narrowest, type CacheHint} from './hints.ts'
import type {ServerLink} from './server-link.ts'

/** The four lists of MCP: how each is asked for, and which capability a server needs to have it. */
export const KINDS = {
  tools: {method: 'tools/list', key: 'tools', capability: 'tools'},
  prompts: {method: 'prompts/list', key: 'prompts', capability: 'prompts'},
  resources: {method: 'resources/list', key: 'resources', capability: 'resources'},
  templates: {
    method: 'resources/templates/list',
    key: 'resourceTemplates',
    capability: 'resources',
  },
} as const

export type Kind = keyof typeof KINDS

/** Which list a method asks for; undefined for every other method. */
export function listedBy(method: string): Kind | undefined {
  return KIND_OF.get(method)
}

const KIND_OF: ReadonlyMap<string, Kind> = new Map([
  [KINDS.tools.method, 'tools'],
  [KINDS.prompts.method, 'prompts'],
  [KINDS.resources.method, 'resources'],
  [KINDS.templates.method, 'templates'],
])
/** What a server listed, whole, as it came. */
export type Items = readonly JsonObject[]

/** A page that a server sends again and again would keep us reading for ever. */
const MOST_PAGES = 1000
/** Characters of JSON in all pages of one list: a server must not fill our memory page by page. */
const LONGEST_LIST = 64 * 1024 * 1024
/** Whether a server said in its answer to `initialize` that it has this capability. */
export function can(hello: JsonObject | undefined, capability: string): boolean {
  const capabilities = hello?.['capabilities']
  return isJsonObject(capabilities) && Boolean(capabilities[capability])
}

/**
 * Opens a server if it is not open and reads a list of it, whole.
 * @throws PluginError when it cannot be started, or refuses
 */
export async function fetchList(link: ServerLink, kind: Kind): Promise<WholeList> {
  const hello = await link.ready()
  if (can(hello, KINDS[kind].capability)) return fetchPages(link, KINDS[kind])
  // It has none for as long as it says so.
  return {items: [], hint: hintIn(hello)}
}

/** All that a server lists of one kind, and how long that may be kept; undefined: until it says otherwise. */
export interface WholeList {
  readonly items: Items
  readonly hint: CacheHint | undefined
}

/** A list that comes in pages. */
interface PagedList {
  readonly method: string
  /** Where its items are in a result. */
  readonly key: string
}

/**
 * All pages of one list. A cursor that comes a second time ends the reading. A server that does not know the method
 * has nothing to list: many have resources, but no templates.
 * @throws PluginError when the server answers with any other error
 */
export async function fetchPages(
  link: ServerLink,
  {method, key}: PagedList,
  asking?: Asking,
): Promise<WholeList> {
  const items: JsonObject[][] = []
  const hints: CacheHint[] = []
  const seen = new Set<string>()
  let params: JsonObject | undefined
  let size = 0
  for (let page = 0; page < MOST_PAGES && size <= LONGEST_LIST; page += 1) {
    const response = await link.request(request(`${method} ${page}`, method, params), asking)
    if (!isResult(response)) {
      if (response.error.code === RPC.methodNotFound) break
      throw listError(link.server, method, response.error.message)
    }
    items.push(itemsOf(response.result[key]))
    const hint = hintIn(response.result)
    if (hint) hints.push(hint)
    const cursor = response.result['nextCursor']
    if (typeof cursor !== 'string' || seen.has(cursor)) break
    size += JSON.stringify(response.result).length
    seen.add(cursor)
    params = {cursor}
  }
  return {items: items.flat(), hint: hints.length > 0 ? narrowest(hints) : undefined}
}

/** The items in one page of a list; anything else that a server may send there is none. */
export function itemsOf(list: unknown): JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

function listError(server: string, method: string, message: string): PluginError {
  return new PluginError('TOOL_FAILED', `server ${server} refused ${method}: ${message}`)
}
