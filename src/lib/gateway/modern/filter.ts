import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import type {Notification} from '../wire/jsonrpc.ts'
import {LIST_NOTICES} from '../wire/list-notices.ts'

/** URIs, and tasks, that one client may listen for, and the characters of each. */
const MOST_NAMES = 1000
const LONGEST_NAME = 8192

/**
 * What a notice of `subscriptions/listen` is asked for by (MCP 2026-07-28, subscriptions; tasks extension,
 * `notifications/tasks`).
 */
const FLAGS: ReadonlyMap<string, string> = new Map(
  LIST_NOTICES.map(({method, flag}) => [method, flag]),
)
/** The same for what is named one by one, with the param of the notice in which the name stands. */
const NAMES = [
  {method: 'notifications/resources/updated', key: 'resourceSubscriptions', param: 'uri'},
  {method: 'notifications/tasks', key: 'taskIds', param: 'taskId'},
] as const

const KEYS: ReadonlySet<string> = new Set([...FLAGS.values(), ...NAMES.map(({key}) => key)])

const LISTS: ReadonlySet<string> = new Set(FLAGS.values())

/** Notices that no listen brings: they belong to other requests. */
const OF_REQUESTS: ReadonlySet<string> = new Set([
  'notifications/cancelled',
  'notifications/message',
  'notifications/progress',
])

/** Whether nothing but changes of lists is asked for: those of a server that is not there do not change. */
export function asksForLists(filter: Filter): boolean {
  return Object.keys(filter).every(key => LISTS.has(key))
}

/** What a client listens for: the `notifications` of its request. */
export type Filter = JsonObject

/**
 * Reads what a client wants to listen for.
 * @param isOnly there is one server, which may know members that are not known here
 * @returns the filter; a text that says what is wrong with it
 */
export function readFilter(params: JsonObject | undefined, isOnly: boolean): Filter | string {
  const asked = params?.['notifications']
  if (!isJsonObject(asked)) return 'params.notifications must be an object'
  const filter: Filter = isOnly ? othersIn(asked) : {}
  for (const key of FLAGS.values()) {
    const flag = asked[key]
    if (flag === undefined) continue
    if (typeof flag !== 'boolean') return `params.notifications.${key} must be a boolean`
    filter[key] = flag
  }
  for (const {key} of NAMES) {
    const list = asked[key]
    if (list === undefined) continue
    if (!isNames(list)) {
      return `params.notifications.${key} must be an array of at most ${MOST_NAMES} strings of at most ${LONGEST_NAME} characters`
    }
    filter[key] = list
  }
  return filter
}

/** The members of a filter that somebody else has made up. */
export function othersIn(filter: Filter): Filter {
  return Object.fromEntries(Object.entries(filter).filter(([key]) => !KEYS.has(key)))
}

/**
 * Whether a client that listens with this filter asked for a notice, by its type. One whose filter has other members
 * may have asked for any notice that is not known here.
 */
export function wants(filter: Filter, {method}: Notification): boolean {
  const flag = FLAGS.get(method)
  if (flag !== undefined) return filter[flag] === true
  const names = NAMES.find(one => one.method === method)
  if (names) return namesIn(filter[names.key]).length > 0
  return !OF_REQUESTS.has(method) && Object.keys(filter).some(key => !KEYS.has(key))
}

/**
 * The part of a filter that servers honour, in the client's words.
 * @param told what the servers would tell of all that they honour, see {@link noticesOf}, as the client would hear it
 */
export function honouredPart(filter: Filter, told: readonly Notification[]): Filter {
  const part: Filter = {}
  for (const [method, key] of FLAGS) {
    if (filter[key] === true && told.some(notice => notice.method === method)) part[key] = true
  }
  for (const {method, key, param} of NAMES) {
    const honoured = new Set(
      told.filter(notice => notice.method === method).map(({params}) => params?.[param]),
    )
    const names = namesIn(filter[key]).filter(name => honoured.has(name))
    if (names.length > 0) part[key] = names
  }
  return part
}

/**
 * One notice of each kind that a server honours, of each of its resources and tasks.
 * @param asked what the server was asked for: whatever else it says that it honours does not count
 */
export function noticesOf(honoured: JsonObject, asked: Filter): readonly Notification[] {
  const flags = [...FLAGS].filter(([, key]) => asked[key] === true && honoured[key] === true)
  const named = NAMES.flatMap(({method, key, param}) => {
    const own = new Set(namesIn(honoured[key]))
    const names = [...new Set(namesIn(asked[key]))].filter(name => own.has(name))
    return names.map((name): Notification => ({jsonrpc: '2.0', method, params: {[param]: name}}))
  })
  return [...flags.map(([method]): Notification => ({jsonrpc: '2.0', method})), ...named]
}

function isNames(list: Json): list is string[] {
  return (
    Array.isArray(list) &&
    list.length <= MOST_NAMES &&
    list.every(name => typeof name === 'string' && name.length <= LONGEST_NAME)
  )
}

function namesIn(list: Json | undefined): readonly string[] {
  return Array.isArray(list) ? list.filter(name => typeof name === 'string') : []
}
