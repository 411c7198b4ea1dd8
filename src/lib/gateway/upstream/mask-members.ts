import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {ERROR_DATA_NAMES, META_NAMES, PROTOCOL_NAMES, SCHEMA_NAMES} from './protocol-names.ts'
import {LEVELS} from '../relay/log-level.ts'

type Mask = (text: string) => string

/**
 * What a part of a message is: one whose members the protocol names, an error, its `data`, a `_meta`, a JSON Schema, the members
 * of one by their names, or what a server fills as it likes.
 */
type Part = 'protocol' | 'error' | 'errorData' | 'meta' | 'schema' | 'named' | 'free'

/**
 * Names that stay as they are, by the part that has them. Closed lists: what a name looks like does not tell it from a secret,
 * and what is on no list is masked where it has one.
 */
const NAMES: Readonly<Record<Part, ReadonlySet<string>>> = {
  protocol: PROTOCOL_NAMES,
  error: PROTOCOL_NAMES,
  errorData: ERROR_DATA_NAMES,
  meta: META_NAMES,
  schema: SCHEMA_NAMES,
  named: new Set(),
  free: new Set(),
}

/**
 * Masks what a member of a message has. Names of members are masked unless the protocol has them where they stand: there, a
 * value that is a word of the protocol, such as `text`, would make the message one that no client reads.
 * @param name the member's, in `params`, `result` or `error`, or one of those
 */
export function maskedMember(name: string, value: Json, mask: Mask): Json {
  return maskedJson(value, partOf(name, value, 'protocol'), mask)
}

/** No message is nested so deeply that this would be too much: see `parseMessage`. */
function maskedJson(value: Json, part: Part, mask: Mask): Json {
  if (typeof value === 'string') return mask(value)
  if (Array.isArray(value)) return value.map(item => maskedJson(item, part, mask))
  return isJsonObject(value) ? maskedObject(value, part, mask) : value
}

function maskedObject(object: JsonObject, part: Part, mask: Mask): JsonObject {
  const members = Object.entries(object).map(([name, value = null]) => {
    if (isKind(name, value, part)) return [name, value] as const
    const shown = NAMES[part].has(name) ? name : mask(name)
    return [shown, maskedJson(value, partOf(name, value, part), mask)] as const
  })
  return Object.fromEntries(members)
}

function partOf(name: string, value: Json, part: Part): Part {
  if (part === 'free') return 'free'
  if (part === 'named') return 'schema'
  if (part === 'meta' || part === 'errorData') return NAMES[part].has(name) ? 'protocol' : 'free'
  if (part === 'schema') return partOfSchema(name)
  if (name === 'data') return part === 'error' ? 'errorData' : 'free'
  // Those that a prompt takes are a list, which the protocol describes; those of a call are the server's own.
  if (name === 'arguments') return Array.isArray(value) ? 'protocol' : 'free'
  if (name === '_meta') return 'meta'
  if (name === 'error') return 'error'
  if (SCHEMAS.has(name)) return 'schema'
  return FREE.has(name) ? 'free' : 'protocol'
}

function partOfSchema(name: string): Part {
  if (NAMED.has(name)) return 'named'
  return VALUES.has(name) || !SCHEMA_NAMES.has(name) ? 'free' : 'schema'
}

const FREE: ReadonlySet<string> = new Set([
  'structuredContent',
  'input',
  'metadata',
  'experimental',
])
const SCHEMAS: ReadonlySet<string> = new Set(['inputSchema', 'outputSchema', 'requestedSchema'])
const NAMED: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'dependentRequired',
])
const VALUES: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'example', 'examples'])

/** Whether it says of what kind something is, in a word of the protocol. */
function isKind(name: string, value: Json, part: Part): boolean {
  if (part !== 'protocol' && part !== 'schema') return false
  if (!KINDS.has(name)) return false
  const words = Array.isArray(value) ? value : [value]
  return words.every(word => typeof word === 'string' && KIND_WORDS.has(word))
}

const KINDS: ReadonlySet<string> = new Set([
  'type',
  'role',
  'audience',
  'level',
  'method',
  'mode',
  'action',
  'status',
  'resultType',
  'cacheScope',
  'taskSupport',
  'includeContext',
  'theme',
  'format',
  'protocolVersion',
])
/** Of the MCP specification, and of JSON Schema. */
const KIND_WORDS: ReadonlySet<unknown> = new Set<unknown>([
  'text',
  'image',
  'audio',
  'resource',
  'resource_link',
  'tool_use',
  'tool_result',
  'object',
  'string',
  'number',
  'integer',
  'boolean',
  'array',
  'null',
  'user',
  'assistant',
  'email',
  'uri',
  'date',
  'date-time',
  ...LEVELS,
  'elicitation/create',
  'sampling/createMessage',
  'roots/list',
  'auto',
  'none',
  'required',
  'optional',
  'forbidden',
  'form',
  'url',
  'accept',
  'decline',
  'cancel',
  'complete',
  'input_required',
  'task',
  'working',
  'completed',
  'failed',
  'cancelled',
  'public',
  'private',
  'thisServer',
  'allServers',
  'light',
  'dark',
  '2024-11-05',
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
])
