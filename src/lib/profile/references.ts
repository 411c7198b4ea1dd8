import {PluginError} from '../base/errors.ts'
import {canonical, type JsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import type {ResolvedServer, ServerRefInput} from '../catalog/server-refs.ts'
import type {ProfileInput} from './choice.ts'
import {elementName} from './membership.ts'
import {openServers} from './open.ts'
import {entryOf} from './servers.ts'

/** What references to servers are looked up with. */
export type ReferenceInput = ProfileInput & ServerRefInput

/**
 * Servers for a profile, by references: `docker://…`, `catalog://…`, `https://…`, `file://…`, or the plain name of a
 * server of the catalogs.
 * @returns elements of a profile, in the order of the references
 * @throws PluginError SERVER_UNKNOWN; USAGE for two different servers of one name; what `resolveServers` throws
 */
export async function elementsFor(
  references: readonly string[],
  input: ReferenceInput,
): Promise<readonly JsonObject[]> {
  const names = references.filter(reference => !isAddress(reference))
  if (names.length > 0) {
    const open = await openServers(input)
    for (const name of names) entryOf(open, name)
  }
  const elements = new Map<string, JsonObject>()
  for (const reference of references) {
    const found = isAddress(reference) ? await resolved(reference, input) : [{name: reference}]
    for (const element of found) {
      const name = elementName(element)
      const known = elements.get(name)
      if (known && canonical(known) !== canonical(element)) throw twoOf(name)
      elements.set(name, element)
    }
  }
  return [...elements.values()]
}

function twoOf(name: string): PluginError {
  return new PluginError('USAGE', `two different servers are named ${oneLine(name)}`, {
    hint: 'leave one of them out',
  })
}

function isAddress(reference: string): boolean {
  return reference.includes('://')
}

async function resolved(reference: string, input: ReferenceInput): Promise<readonly JsonObject[]> {
  const {resolveServers} = await import('../catalog/server-refs.ts')
  return (await resolveServers([reference], input)).map(elementOf)
}

function elementOf(server: ResolvedServer): JsonObject {
  const {name, entry, type, source, image, endpoint, catalogRef} = server
  return {
    type,
    ...(source !== undefined && {source}),
    ...(image !== undefined && {image}),
    ...(endpoint !== undefined && {endpoint}),
    secrets: 'default',
    ...(catalogRef !== undefined && {catalog_ref: catalogRef}),
    snapshot: {server: {...entry, name}},
  }
}
