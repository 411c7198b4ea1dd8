import * as z from 'zod'
import {type Json, type JsonObject, isJsonObject} from '../base/json.ts'
import {parseBytes} from './bytes.ts'

/**
 * YAML turns `1000` and `true` into other types than text; where text is meant, they are taken
 * as written.
 */
const text = z
  .union([z.string(), z.number(), z.boolean()], {error: 'must be text'})
  .transform(String)
const texts = z.array(text)
const envName = text.refine(name => /^[^=\0\s]+$/u.test(name), {
  error: 'is not the name of an environment variable',
})
const json: z.ZodType<Json> = z.json()
const jsonObject = z.custom<JsonObject>(isJsonObject, {error: 'must be a map'})

/** How a remote server is spoken to; the four last names of the format all mean Streamable HTTP. */
const TRANSPORTS = ['', 'sse', 'http', 'streamable', 'streaming', 'streamable-http'] as const

const seconds = z.number().positive().max(86_400)

/**
 * The ceiling that the engine puts on one container; the shape is that of Compose's
 * `deploy.resources.limits`.
 */
const limitsSchema = z.looseObject({
  cpus: z.union([z.number(), z.string().regex(/^\d+(\.\d+)?$/)]).optional(),
  memory: text
    .refine(size => parseBytes(size) !== undefined, {error: 'is not a size such as 512m or 2g'})
    .optional(),
  pids: z.number().int().positive().optional(),
})

const containerSchema = z.looseObject({
  image: z.string().min(1),
  command: texts.optional(),
  volumes: texts.optional(),
  user: text.optional(),
})

const toolSchema = z.looseObject({
  name: z.string().min(1),
  description: z.string().optional(),
  arguments: z.array(jsonObject).optional(),
  annotations: jsonObject.optional(),
  parameters: jsonObject.optional(),
  container: containerSchema.optional(),
})

const oauthSchema = z.looseObject({
  providers: z
    .array(
      z.looseObject({
        provider: z.string().min(1),
        secret: z.string().optional(),
        env: z.string().optional(),
      }),
    )
    .optional(),
  scopes: texts.optional(),
})

const metadataSchema = z.looseObject({
  pulls: z.number().optional(),
  stars: z.number().optional(),
  githubStars: z.number().optional(),
  category: text.optional(),
  tags: texts.optional(),
  license: text.optional(),
  owner: text.optional(),
  registryUrl: text.optional(),
})

/** One server of a version 2 or 3 catalog. Keys that are not listed stay on the entry. */
export const serverSchema = z.looseObject({
  name: text.optional(),
  type: z.enum(['server', 'remote', 'poci']).optional(),
  title: text.optional(),
  description: text.optional(),
  icon: text.optional(),
  readme: text.optional(),
  toolsUrl: text.optional(),
  source: text.optional(),
  upstream: text.optional(),
  ref: text.optional(),
  dateAdded: text.optional(),
  image: z.string().optional(),
  command: texts.optional(),
  env: z.array(z.looseObject({name: envName, value: text.optional()})).optional(),
  secrets: z
    .array(
      z.looseObject({
        name: text.refine(name => name !== '', {error: 'must not be empty'}),
        env: envName,
        example: text.optional(),
        description: text.optional(),
        required: z.boolean().optional(),
      }),
    )
    .optional(),
  volumes: texts.optional(),
  user: text.optional(),
  disableNetwork: z.boolean().optional(),
  allowHosts: texts.optional(),
  extraHosts: texts.optional(),
  longLived: z.boolean().optional(),
  remote: z
    .looseObject({
      url: z.string().optional(),
      transport_type: z.enum(TRANSPORTS).optional(),
      headers: z.record(z.string(), text).optional(),
    })
    .optional(),
  sseEndpoint: z.string().optional(),
  // The registry's source files write the providers without the key; both forms are around.
  oauth: z
    .preprocess(value => (Array.isArray(value) ? {providers: value} : value), oauthSchema)
    .optional(),
  config: z.array(jsonObject).optional(),
  tools: z.array(toolSchema).optional(),
  prefix: text.optional(),
  metadata: metadataSchema.optional(),
  resources: z.looseObject({limits: limitsSchema.optional()}).optional(),
  prompts: json.optional(),
  dynamic: json.optional(),
  policy: json.optional(),
  startTimeout: seconds.optional(),
  callTimeout: seconds.optional(),
})

const CLOSED_PARTS = ['env', 'secrets', 'remote', 'resources'] as const

/**
 * The keys that the format does not have, of an entry and of its parts where a typing mistake
 * changes what runs.
 * @returns paths such as `disablenetwork` or `remote.transport`
 */
export function unknownKeys(entry: JsonObject): string[] {
  const found = strangers(entry, Object.keys(serverSchema.shape), '')
  for (const part of CLOSED_PARTS) {
    const value = entry[part]
    for (const [index, item] of (Array.isArray(value) ? value : [value]).entries()) {
      if (!isJsonObject(item)) continue
      found.push(
        ...strangers(item, PART_KEYS[part], `${part}${Array.isArray(value) ? `.${index}` : ''}.`),
      )
    }
  }
  const limits = isJsonObject(entry['resources']) ? entry['resources']['limits'] : undefined
  if (isJsonObject(limits)) {
    found.push(...strangers(limits, Object.keys(limitsSchema.shape), 'resources.limits.'))
  }
  return found
}

const PART_KEYS = {
  env: ['name', 'value', 'example', 'description'],
  secrets: ['name', 'env', 'example', 'description', 'required'],
  remote: ['url', 'transport_type', 'headers'],
  resources: ['limits'],
} as const

function strangers(value: JsonObject, known: readonly string[], prefix: string): string[] {
  return Object.keys(value)
    .filter(key => !known.includes(key))
    .map(key => `${prefix}${key}`)
}
