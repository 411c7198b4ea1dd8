import * as z from 'zod'
import {messageOf} from '../base/errors.ts'
import {type Json, type JsonObject, isJsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import {parseAllowRule} from './allow-rule.ts'
import {parseBytes} from './bytes.ts'
import {parseCapability} from './capabilities.ts'
import {parseHostEntry} from './host-entry.ts'
import {isFileName} from './secret-file.ts'
import {parseTmpfs} from './tmpfs.ts'

/**
 * YAML turns `1000` and `true` into other types than text; where text is meant, they are taken
 * as written.
 */
const text = z
  .union([z.string(), z.number(), z.boolean()], {error: 'must be text'})
  .transform(String)
const list = <Item extends z.ZodType>(item: Item) => z.array(item, {error: 'must be a list'})
const texts = list(text)
const envName = text.refine(name => /^[^=\0\s]+$/u.test(name), {
  error: 'is not the name of an environment variable',
})
const json: z.ZodType<Json> = z.json()
const jsonObject = z.custom<JsonObject>(isJsonObject, {error: 'must be a map'})

/** How a remote server is spoken to; the four last names of the format all mean Streamable HTTP. */
const TRANSPORTS = ['', 'sse', 'http', 'streamable', 'streaming', 'streamable-http'] as const

/**
 * Text that a parser of its own takes.
 * @param parse throws RangeError with the rest of a sentence about the text
 */
const parsable = (parse: (written: string) => unknown) =>
  text.superRefine((written, context) => {
    try {
      if (written.includes('{{')) throw new RangeError('has a template: {{…}} cannot be used here')
      parse(written)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      context.addIssue({code: 'custom', message: `${quoted(written)} ${messageOf(error)}`})
    }
  })

/** Foreign text in a message: on one line, and not longer than a line. */
function quoted(written: string): string {
  return JSON.stringify(oneLine(written.length > 100 ? `${written.slice(0, 100)}…` : written))
}

const FILE = {error: 'must be true or a plain file name'}
const yesOrNo = z.boolean({error: 'must be true or false'})

/** As the engine names containers: https://docs.docker.com/reference/api/engine/, "Create a container". */
function checkContainerName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{1,254}$/.test(name)) return
  throw new RangeError('is not the name of a container')
}

const seconds = z.number().positive().max(86_400)
/** A day, as for all seconds; 0 is never. */
const LONGEST_IDLE_S = 86_400
const standbyCount = z.int().min(0).max(32)

const CORES = {error: 'must be a number of processors'}
const cores = z.union([z.number(), z.string().regex(/^\d+(\.\d+)?$/, CORES)], CORES)
const size = text.refine(written => parseBytes(written) !== undefined, {
  error: 'is not a size such as 512m or 2g',
})

/**
 * The ceiling that the engine puts on one container; the shape is that of Compose's
 * `deploy.resources.limits`.
 */
export const limitsSchema = z.looseObject({
  cpus: cores.optional(),
  cpu: cores.optional(),
  memory: size.optional(),
  disk: size.optional(),
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
  arguments: list(jsonObject).optional(),
  annotations: jsonObject.optional(),
  parameters: jsonObject.optional(),
  container: containerSchema.optional(),
})

const oauthSchema = z.looseObject({
  providers: list(
    z.looseObject({
      provider: z.string().min(1),
      secret: z.string().optional(),
      env: z.string().optional(),
    }),
  ).optional(),
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
export const serverSchema = z
  .looseObject({
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
    // docker's own plugin ignores some of what people write beside a name.
    env: list(
      z.looseObject({
        name: envName,
        value: text.optional(),
        example: z.unknown().optional(),
        description: z.unknown().optional(),
      }),
    ).optional(),
    secrets: list(
      z.looseObject({
        name: text.refine(name => name !== '', {error: 'must not be empty'}),
        env: envName,
        example: text.optional(),
        description: text.optional(),
        required: yesOrNo.optional(),
        file: z.union([z.literal(true), z.string().refine(isFileName, FILE)], FILE).optional(),
      }),
    ).optional(),
    volumes: texts.optional(),
    user: text.optional(),
    disableNetwork: yesOrNo.optional(),
    allowHosts: list(parsable(parseAllowRule)).optional(),
    extraHosts: list(parsable(parseHostEntry)).optional(),
    connectTo: list(parsable(checkContainerName)).optional(),
    security: z.enum(['default', 'strict'], {error: 'must be default or strict'}).optional(),
    readOnly: yesOrNo.optional(),
    capAdd: list(parsable(parseCapability)).optional(),
    tmpfs: list(parsable(parseTmpfs)).optional(),
    longLived: yesOrNo.optional(),
    ephemeral: yesOrNo.optional(),
    idleTimeout: z.number().min(0).max(LONGEST_IDLE_S).optional(),
    standby: z
      .looseObject({min: standbyCount.optional(), max: standbyCount.optional()})
      .refine(({min = 0, max = Math.max(1, min)}) => min <= max, {
        error: 'must not have a min above its max',
      })
      .optional(),
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
    config: list(jsonObject).optional(),
    tools: list(toolSchema).optional(),
    prefix: text.optional(),
    metadata: metadataSchema.optional(),
    // Some catalogs count the server's resources here.
    resources: z
      .preprocess(
        value => (typeof value === 'number' ? undefined : value),
        z.looseObject({limits: limitsSchema.optional()}).optional(),
      )
      .optional(),
    prompts: json.optional(),
    dynamic: json.optional(),
    policy: json.optional(),
    startTimeout: seconds.optional(),
    callTimeout: seconds.optional(),
  })
  .refine(({longLived, ephemeral}) => !longLived || !ephemeral, {
    path: ['ephemeral'],
    error:
      'must not be true together with longLived: a container lives for one call, or for the session',
  })
