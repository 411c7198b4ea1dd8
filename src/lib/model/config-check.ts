import {type Json, type JsonObject, isJsonObject} from '../base/json.ts'
import type {CatalogServer} from './catalog.ts'
import {valueProblem} from './config-value.ts'

/** What is wrong with one configuration value. The message never contains the value. */
export interface ConfigProblem {
  /** Dotted path inside the server's configuration, such as `confluence.url`. */
  readonly path: string
  readonly message: string
}

/**
 * Compares a server's configuration with the schemas of its catalog entry: values that are needed
 * but not set (absent, empty text, empty list) and have no default, and values that are not what
 * the schema asks for.
 * @param entry the catalog's entry; its `config` schemas are read leniently, as a strange schema is
 * not the user's fault
 * @param config the values that the user set for this server
 */
export function checkConfig(entry: CatalogServer, config: JsonObject): readonly ConfigProblem[] {
  return (entry.config ?? []).flatMap(schema => checkObject(schema, config, ''))
}

/**
 * The paths of the values that a server cannot do without: required and without default, at the
 * depth at which people set them.
 */
export function requiredConfig(entry: CatalogServer): readonly string[] {
  return (entry.config ?? []).flatMap(schema => requiredLeaves(schema, ''))
}

function checkObject(schema: JsonObject, config: JsonObject, prefix: string): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const properties = propertiesOf(schema)
  const required = new Set(requiredOf(schema))
  for (const [name, property] of properties) {
    const value = ownValue(config, name)
    const path = `${prefix}${name}`
    if (isSet(value)) problems.push(...checkValue(property, value, path))
    else if (required.has(name)) problems.push(...missing(property, path))
  }
  for (const name of required) {
    if (!properties.has(name) && !isSet(ownValue(config, name))) {
      problems.push(...missing({}, `${prefix}${name}`))
    }
  }
  return [...problems, ...checkAlternatives(schema, config, prefix)]
}

function checkValue(property: JsonObject, value: Json, path: string): ConfigProblem[] {
  const message = valueProblem(property, value)
  if (message !== undefined) return [{path, message}]
  if (isJsonObject(value)) return checkObject(property, value, `${path}.`)
  const items = property['items']
  if (!Array.isArray(value) || !isJsonObject(items)) return []
  return value.flatMap((item, index) => checkValue(items, item, `${path}.${index}`))
}

function missing(property: JsonObject, path: string): ConfigProblem[] {
  if (property['default'] !== undefined) return []
  const leaves = requiredLeaves(property, `${path}.`)
  return (leaves.length > 0 ? leaves : [path]).map(leaf => ({path: leaf, message: 'is not set'}))
}

/** Schemas such as Atlassian's say "one of these groups" with `anyOf` over `required`. */
function checkAlternatives(
  schema: JsonObject,
  config: JsonObject,
  prefix: string,
): ConfigProblem[] {
  const alternatives = Array.isArray(schema['anyOf'])
    ? schema['anyOf'].filter(isJsonObject).map(requiredOf)
    : []
  const isMet = (names: readonly string[]) => names.every(name => isSet(ownValue(config, name)))
  if (alternatives.length === 0 || alternatives.some(isMet)) return []
  const choices = alternatives.map(names => names.map(name => `${prefix}${name}`).join(' and '))
  return [
    {path: prefix.replace(/\.$/u, ''), message: `one of these must be set: ${choices.join(', ')}`},
  ]
}

function requiredLeaves(schema: JsonObject, prefix: string): string[] {
  const properties = propertiesOf(schema)
  return requiredOf(schema).flatMap(name => {
    const property = properties.get(name) ?? {}
    if (property['default'] !== undefined) return []
    const leaves = requiredLeaves(property, `${prefix}${name}.`)
    return leaves.length > 0 ? leaves : [`${prefix}${name}`]
  })
}

function propertiesOf(schema: JsonObject): ReadonlyMap<string, JsonObject> {
  const properties = schema['properties']
  if (!isJsonObject(properties)) return new Map()
  return new Map(
    Object.entries(properties).map(([name, property]) => [
      name,
      isJsonObject(property) ? property : {},
    ]),
  )
}

function requiredOf(schema: JsonObject): readonly string[] {
  const required = schema['required']
  return Array.isArray(required) ? required.filter(name => typeof name === 'string') : []
}

function ownValue(config: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(config, name) ? config[name] : undefined
}

function isSet(value: Json | undefined): value is Json {
  if (value == null || value === '') return false
  if (Array.isArray(value)) return value.length > 0
  return typeof value !== 'object' || Object.keys(value).length > 0
}
