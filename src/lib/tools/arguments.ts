import {PluginError} from '../base/errors.ts'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'

/**
 * Reads `key=value` words as the arguments of a tool. The tool's schema says what a value is: numbers, booleans,
 * lists and objects are read as JSON where the schema wants them, everything else is text. A key that comes twice
 * makes a list, a key without value is null (as in docker's own plugin).
 * @param tool its name, for errors, and its JSON Schema (MCP, `Tool.inputSchema`)
 * @throws PluginError USAGE when a value is not what the schema says
 */
export function readArguments(
  words: readonly string[],
  tool: {readonly name: string; readonly inputSchema: unknown},
): JsonObject {
  const given = new Map<string, string[]>()
  for (const word of words) {
    const at = word.indexOf('=')
    const key = at === -1 ? word : word.slice(0, at)
    given.set(key, [...(given.get(key) ?? []), ...(at === -1 ? [] : [word.slice(at + 1)])])
  }
  // Not by assignment, which a key such as __proto__ would turn into something else.
  return Object.fromEntries(
    [...given].map(([key, values]) => {
      const place = {tool: tool.name, key}
      return [key, values.length === 0 ? null : readValues(place, values, typeOf(tool, key))]
    }),
  )
}

/** Which argument of which tool a value is for. */
interface Place {
  readonly tool: string
  readonly key: string
}

interface Typed {
  readonly type: string | undefined
  readonly items: string | undefined
}

function typeOf({inputSchema}: {readonly inputSchema: unknown}, key: string): Typed {
  const properties = isJsonObject(inputSchema) ? inputSchema['properties'] : undefined
  const isDeclared = isJsonObject(properties) && Object.hasOwn(properties, key)
  const property = isDeclared ? properties[key] : undefined
  const items = isJsonObject(property) ? property['items'] : undefined
  return {type: typeName(property), items: typeName(items)}
}

function typeName(schema: Json | undefined): string | undefined {
  const type = isJsonObject(schema) ? schema['type'] : undefined
  const first = Array.isArray(type) ? type.find(one => one !== 'null') : type
  return typeof first === 'string' ? first : undefined
}

function readValues(place: Place, values: readonly string[], {type, items}: Typed): Json {
  const [only = ''] = values
  if (type !== 'array') {
    return values.length === 1
      ? readValue(place, only, type)
      : values.map(value => readValue(place, value, type))
  }
  if (values.length === 1 && only.trimStart().startsWith('[')) return readJson(place, only, 'array')
  return values.map(value => readValue(place, value, items))
}

function readValue(place: Place, value: string, type: string | undefined): Json {
  switch (type) {
    case 'number':
    case 'integer':
    case 'boolean':
    case 'object':
    case 'array':
      return readJson(place, value, type)
    default:
      return value
  }
}

function readJson({tool, key}: Place, text: string, type: string): Json {
  const value = parse(text)
  if (value !== undefined && isOfType(value, type)) return value
  const article = /^[aeiou]/.test(type) ? 'an' : 'a'
  throw new PluginError('USAGE', `the argument ${key} of ${tool} must be ${article} ${type}`, {
    hint: `see what it takes: docker mcp tools inspect ${tool}`,
  })
}

function isOfType(value: Json, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isJsonObject(value)
    default:
      return typeof value === type
  }
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
