import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'

/**
 * The places where messages of servers name resources and tasks (MCP 2025-11-25; MCP Apps, SEP-1865; tasks,
 * SEP-1686). Only these are visited, nothing in them is changed, and an object in which nothing differs stays the same
 * object.
 */

type Change = (text: string) => string

/** The key in `_meta` by which a message belongs to a task. */
const RELATED_TASK = 'io.modelcontextprotocol/related-task'

/**
 * A result with other URIs: in the content of tool results, in the messages of prompts, in the contents of resources,
 * in `_meta`, and in the messages of what it asks the client (MCP 2026-07-28, multi round-trip requests).
 */
export function mapResultUris(result: JsonObject, change: Change): JsonObject {
  let mapped = mapUiUris(result, change)
  mapped = mapList(mapped, 'content', block => mapBlock(block, change))
  mapped = mapList(mapped, 'contents', item => mapText(item, 'uri', change))
  mapped = mapObject(mapped, 'inputRequests', requests =>
    Object.keys(requests).reduce(
      (all, key) =>
        mapObject(all, key, request =>
          mapObject(request, 'params', params => mapMessages(params, change)),
        ),
      requests,
    ),
  )
  return mapMessages(mapped, change)
}

function mapMessages(part: JsonObject, change: Change): JsonObject {
  return mapList(part, 'messages', message => {
    const one = mapObject(message, 'content', block => mapBlock(block, change))
    return mapList(one, 'content', block => mapBlock(block, change))
  })
}

/** A tool or a result with another URI of its user interface (`_meta.ui.resourceUri`, earlier `_meta["ui/resourceUri"]`). */
export function mapUiUris(item: JsonObject, change: Change): JsonObject {
  return mapObject(item, '_meta', meta => {
    const mapped = mapObject(meta, 'ui', ui => mapText(ui, 'resourceUri', change))
    return mapText(mapped, 'ui/resourceUri', change)
  })
}

/** A result with other task ids: of a task that was made, of those that are listed, and of the one it belongs to. */
export function mapResultTasks(result: JsonObject, change: Change): JsonObject {
  let mapped = mapRelatedTask(result, change)
  mapped = mapObject(mapped, 'task', task => mapText(task, 'taskId', change))
  return mapList(mapped, 'tasks', task => mapText(task, 'taskId', change))
}

/** The id of the task that a message with these params belongs to, if it belongs to one. */
export function relatedTask(params: JsonObject | undefined): string | undefined {
  const meta = params?.['_meta']
  const task = isJsonObject(meta) ? meta[RELATED_TASK] : undefined
  const id = isJsonObject(task) ? task['taskId'] : undefined
  return typeof id === 'string' ? id : undefined
}

/** Params or a result with another id of the task that it belongs to. */
export function mapRelatedTask(part: JsonObject, change: Change): JsonObject {
  return mapObject(part, '_meta', meta =>
    mapObject(meta, RELATED_TASK, task => mapText(task, 'taskId', change)),
  )
}

/** The object with another text as this member, if it has one. */
export function mapText(object: JsonObject, key: string, change: Change): JsonObject {
  const text = object[key]
  return typeof text === 'string' ? withMember(object, key, change(text)) : object
}

function mapObject(
  object: JsonObject,
  key: string,
  change: (member: JsonObject) => JsonObject,
): JsonObject {
  const member = object[key]
  return isJsonObject(member) ? withMember(object, key, change(member)) : object
}

function mapList(
  object: JsonObject,
  key: string,
  change: (item: JsonObject) => JsonObject,
): JsonObject {
  const list = object[key]
  if (!Array.isArray(list)) return object
  const mapped = list.map(item => (isJsonObject(item) ? change(item) : item))
  return mapped.every((item, index) => item === list[index])
    ? object
    : withMember(object, key, mapped)
}

function mapBlock(block: JsonObject, change: Change): JsonObject {
  if (block['type'] === 'resource_link') return mapText(block, 'uri', change)
  if (block['type'] !== 'resource') return block
  return mapObject(block, 'resource', resource => mapText(resource, 'uri', change))
}

function withMember(object: JsonObject, key: string, value: Json): JsonObject {
  return object[key] === value ? object : {...object, [key]: value}
}
