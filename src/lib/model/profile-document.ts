import * as z from 'zod'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {parseCatalog, type CatalogProblem, type CatalogServer} from './catalog.ts'
import {toPlainJson} from './plain-json.ts'

/** A set of servers with what is set for them, in the format in which docker's own plugin exports one. */
export interface ProfileDocument {
  readonly id: string | undefined
  readonly name: string | undefined
  readonly servers: readonly ProfileServer[]
  /** Where secrets are, as `--secrets` says it. */
  readonly secrets: string | undefined
}

/** One element of `servers`. */
export interface ProfileServer {
  readonly name: string
  /** As docker's plugin writes it; undefined for a server that is only named, of whatever catalog has it. */
  readonly type: (typeof TYPES)[number] | undefined
  readonly image: string | undefined
  readonly endpoint: string | undefined
  readonly source: string | undefined
  readonly config: JsonObject
  /** The tools that are on; undefined: all. */
  readonly tools: readonly string[] | undefined
  readonly catalogRef: string | undefined
  /** The catalog entry that the profile brings along. */
  readonly entry: CatalogServer | undefined
  /** As it was written. */
  readonly written: JsonObject
}

/** Something in a profile, and the keys that lead to it. */
export interface ProfileRemark {
  readonly path: readonly string[]
  readonly message: string
}

/** A profile that was read. */
export interface ParsedProfile {
  readonly document: ProfileDocument
  /** Keys that mean nothing. */
  readonly unknown: readonly ProfileRemark[]
  /** What is wrong with, or idle in, the entries that it brings along; the servers of wrong ones have no `entry`. */
  readonly problems: readonly CatalogProblem[]
}

const TYPES = ['image', 'remote', 'registry', 'poci'] as const
const NAMELESS = 'has no name: write name, or the snapshot of a server'
const text = z.string({error: 'must be text'})
const jsonObject = z.custom<JsonObject>(isJsonObject, {error: 'must be a map'})

const elementSchema = z.looseObject({
  name: text.min(1).optional(),
  type: z.enum(TYPES, {error: `must be one of ${TYPES.join(', ')}`}).optional(),
  image: text.optional(),
  endpoint: text.optional(),
  source: text.optional(),
  config: jsonObject.nullish(),
  secrets: text.optional(),
  tools: z.array(text, {error: 'must be a list of tool names'}).nullish(),
  catalog_ref: text.optional(),
  catalogRef: text.optional(),
  snapshot: z.looseObject({server: jsonObject}, {error: 'must be a map with a server'}).nullish(),
})

const documentSchema = z.looseObject({
  version: z.literal(1, {error: 'must be 1'}).optional(),
  id: text.min(1).optional(),
  name: text.min(1).optional(),
  servers: z.array(elementSchema, {error: 'must be a list of servers'}).nullish(),
  secrets: z
    .looseObject(
      {
        default: z
          .looseObject({provider: text.optional()}, {error: 'must be a map with a provider'})
          .nullish(),
      },
      {error: 'must be a map'},
    )
    .nullish(),
})

type Element = z.infer<typeof elementSchema>

/**
 * Reads a parsed profile document.
 * @param value the document after YAML or JSON parsing; nothing in it is trusted
 * @returns `wrong`: everything that makes it no profile
 */
export function parseProfile(
  value: unknown,
): ParsedProfile | {readonly wrong: readonly ProfileRemark[]} {
  let plain: unknown
  try {
    plain = toPlainJson(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return {wrong: [{path: [], message: error.message}]}
  }
  const {data, error} = documentSchema.safeParse(plain)
  if (!data) {
    return {wrong: error.issues.map(({path, message}) => ({path: path.map(String), message}))}
  }
  const elements = (data.servers ?? []).map((element, index) => named(element, index))
  const strange = strangers(data)
  const wrong = [
    ...strange.filter(({meant}) => meant !== undefined),
    ...elements.flatMap(({name, path}) => (name ? [] : [{path, message: NAMELESS}])),
    ...twice(elements),
  ]
  if (wrong.length > 0) return {wrong}
  const {servers, problems} = entriesOf(elements)
  return {
    document: {
      id: data.id,
      name: data.name,
      secrets: data.secrets?.default?.provider,
      servers: elements.map(({name, element}) => serverOf(name, element, servers.get(name ?? ''))),
    },
    unknown: strange,
    problems,
  }
}

/**
 * The id that docker's plugin makes of a profile's name: small letters, digits, and `_` for all else.
 * @returns an empty text for a name without letters and digits
 */
export function idOfName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
}

/** The name of an image, or the host of an address: what a server is called that has no other name. */
function named(element: Element, index: number) {
  const path = ['servers', String(index)]
  const {snapshot, image, endpoint, source} = element
  const given = element.name ?? snapshot?.server['name']
  const name =
    typeof given === 'string' ? given : (nameOfImage(image) ?? hostOf(endpoint ?? source ?? ''))
  return {element, path, name}
}

function nameOfImage(image: string | undefined): string | undefined {
  return /([^/:@]+)(?::[^/@]*)?(?:@.*)?$/.exec(image ?? '')?.[1]
}

function hostOf(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).hostname : undefined
}

function twice(
  elements: readonly {name: string | undefined; path: readonly string[]}[],
): readonly ProfileRemark[] {
  const seen = new Set<string>()
  return elements.flatMap(({name = '', path}) => {
    if (!seen.has(name)) {
      seen.add(name)
      return []
    }
    return [{path, message: `is a second server named ${JSON.stringify(name)}`}]
  })
}

/** The entries that elements bring along, checked as those of a catalog are. */
function entriesOf(elements: readonly {name: string | undefined; element: Element}[]) {
  const registry = Object.fromEntries(
    elements.flatMap(({name, element}) =>
      name === undefined || !element.snapshot ? [] : [[name, element.snapshot.server]],
    ),
  )
  const {catalog, problems} = parseCatalog({registry}, 'the profile')
  return {servers: catalog.servers, problems}
}

function serverOf(
  name: string | undefined,
  element: Element,
  entry: CatalogServer | undefined,
): ProfileServer {
  return {
    name: name ?? '',
    type: element.type,
    image: element.image,
    endpoint: element.endpoint,
    source: element.source,
    config: element.config ?? {},
    tools: element.tools ?? undefined,
    catalogRef: element.catalog_ref ?? element.catalogRef,
    entry,
    written: writtenOf(element),
  }
}

function writtenOf(element: Element): JsonObject {
  const plain = toPlainJson(element)
  return isJsonObject(plain) ? plain : {}
}

type Stranger = ProfileRemark & {readonly meant: string | undefined}

function strangers(document: z.infer<typeof documentSchema>): readonly Stranger[] {
  return [
    ...strangersIn(document, Object.keys(documentSchema.shape), []),
    ...(document.servers ?? []).flatMap((element, index) =>
      strangersIn(element, Object.keys(elementSchema.shape), ['servers', String(index)]),
    ),
  ]
}

/** A key that is one of the format but for case, `-` and `_` was meant to be it: docker's plugin may read it so. */
function strangersIn(
  value: object,
  known: readonly string[],
  path: readonly string[],
): readonly Stranger[] {
  return Object.keys(value)
    .filter(key => !known.includes(key))
    .map(key => {
      const meant = known.find(each => plainKey(each) === plainKey(key))
      const message =
        meant === undefined
          ? 'is not a key of a profile: it means nothing here'
          : `is not a key of a profile: did you mean ${meant}?`
      return {path: [...path, key], meant, message}
    })
}

function plainKey(key: string): string {
  return key.toLowerCase().replaceAll(/[-_]/g, '')
}
