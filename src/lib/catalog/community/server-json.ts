import * as z from 'zod'
import {PluginError} from '../../base/errors.ts'
import {isJsonObject, objectOf, type JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'

/**
 * Up to 2025-07-09 the keys were written `like_this`, and some had other names.
 * (modelcontextprotocol/registry, docs/reference/server-json/CHANGELOG.md)
 */
const OLD_NAMES: Readonly<Record<string, string>> = {
  registryName: 'registryType',
  transportType: 'type',
}

const renamed = <Shape extends z.ZodType>(shape: Shape) =>
  z.preprocess(value => (isJsonObject(value) ? camelKeys(value) : value), shape)

function camelKeys(value: JsonObject): JsonObject {
  const pairs = Object.entries(value).map(([key, member]) => {
    const camel = key.replaceAll(/(?<=[a-z0-9])_([a-z0-9])/g, (_all, letter: string) =>
      letter.toUpperCase(),
    )
    return [OLD_NAMES[camel] ?? camel, member] as const
  })
  // A name of today wins over an old one.
  return {...Object.fromEntries(pairs), ...value}
}

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String).nullish()
const yes = z.boolean().nullish()

const inputShape = {
  description: text,
  isRequired: yes,
  isSecret: yes,
  format: text,
  default: text,
  placeholder: text,
  value: text,
  choices: z.array(z.string()).nullish(),
}
const input = renamed(z.looseObject(inputShape))
const variables = z.record(z.string(), input).nullish()

const pair = renamed(z.looseObject({...inputShape, variables, name: z.string().min(1)}))
const argument = renamed(
  z.looseObject({
    ...inputShape,
    variables,
    type: z.enum(['positional', 'named']),
    name: text,
    valueHint: text,
    isRepeated: yes,
  }),
)
const transport = renamed(
  z.looseObject({type: text, url: text, headers: z.array(pair).nullish(), variables}),
)
const packageSchema = renamed(
  z.looseObject({
    registryType: z.string(),
    registryBaseUrl: text,
    identifier: text,
    /** What identifiers were called at first. */
    name: text,
    version: text,
    runtimeHint: text,
    transport: transport.nullish(),
    runtimeArguments: z.array(argument).nullish(),
    packageArguments: z.array(argument).nullish(),
    environmentVariables: z.array(pair).nullish(),
  }),
)
const schema = renamed(
  z.looseObject({
    name: z.string().min(1).max(200),
    title: text,
    description: text,
    version: text,
    versionDetail: renamed(z.looseObject({version: text})).nullish(),
    status: text,
    repository: z.looseObject({url: text, source: text, subfolder: text}).nullish(),
    icons: z.array(z.looseObject({src: text})).nullish(),
    packages: z.array(packageSchema).nullish(),
    remotes: z.array(transport).nullish(),
    _meta: z.record(z.string(), z.unknown()).nullish(),
  }),
)

/** A value that a person or a publisher gives: `value` is fixed, everything else tells how to ask for it. */
export type Input = z.infer<typeof input>
/** An environment variable or a header. */
export type NamedInput = z.infer<typeof pair>
export type Argument = z.infer<typeof argument>
export type Transport = z.infer<typeof transport>
export type Package = z.infer<typeof packageSchema>
export type ServerJson = z.infer<typeof schema>

/**
 * Reads a `server.json`, of today's form or the older one, or the answer of a registry that has one in it.
 * @param value parsed JSON or YAML; nothing in it is trusted
 * @param where the file or address, for messages
 * @throws PluginError CATALOG_INVALID with the key and the reason
 */
export function readServerJson(value: unknown, where: string): ServerJson {
  const document = unwrapped(value)
  const {data, error} = schema.safeParse(document)
  if (data) return data
  const [issue] = error.issues
  const path = (issue?.path ?? []).map(String).join('.')
  throw new PluginError(
    'CATALOG_INVALID',
    `${oneLine(where)} is not a server.json: ${oneLine(path === '' ? 'it' : path)}: ${oneLine(issue?.message ?? 'is wrong')}`,
    {hint: 'it needs a name, and packages or remotes as the MCP registry has them'},
  )
}

/** Whether a document is, or holds, a `server.json` and not an entry of a catalog. */
export function isServerJson(value: unknown): boolean {
  const document = unwrapped(value)
  return Array.isArray(document['packages']) || Array.isArray(document['remotes'])
}

/** What the registry itself says of an entry: it is beside the server in answers, and was in its `_meta` before. */
export interface OfficialFacts {
  readonly status: string
  readonly isLatest: boolean | undefined
}

/** @param value one element of a registry's answer */
export function officialFacts(value: unknown): OfficialFacts {
  const outer = objectOf(value)
  const server = unwrapped(value)
  const facts = [outer, server].map(each => {
    const meta = objectOf(each['_meta'])
    return camelKeys(objectOf(meta['io.modelcontextprotocol.registry/official']))
  })
  const all: JsonObject = {...facts[1], ...facts[0]}
  const status = all['status'] ?? server['status']
  return {
    status: typeof status === 'string' ? status : 'active',
    isLatest: typeof all['isLatest'] === 'boolean' ? all['isLatest'] : undefined,
  }
}

function unwrapped(value: unknown): JsonObject {
  const outer = objectOf(value)
  return isJsonObject(outer['server']) ? outer['server'] : outer
}
