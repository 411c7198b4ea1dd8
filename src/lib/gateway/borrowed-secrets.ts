import {oneLine} from '../base/one-line.ts'
import type {Catalog, CatalogServer} from '../model/catalog.ts'
import type {OpenServers} from '../profile/open.ts'
import type {SecretSource} from '../secrets/source.ts'

/** Entries, and who has written them. */
interface Author {
  /** Undefined: this program. */
  readonly place: string | undefined
  readonly servers: ReadonlyMap<string, CatalogServer>
}

interface Known extends Pick<OpenServers, 'catalogs' | 'profile'> {
  readonly secrets: SecretSource
  /** The catalog that is part of this program, whether it counts or not. */
  readonly embedded: () => Promise<Catalog>
}

/**
 * Says which servers are given a secret that was set for another one: whoever writes a profile or a catalog chooses the
 * names of its secrets. That may be meant, as with two servers for one service, and is told.
 * @param names the servers that are to run
 * @returns a line for each server and secret; none for servers of this program's catalog, nor for one that runs the same
 *   image as the other
 */
export async function borrowedSecrets(names: readonly string[], known: Known): Promise<string[]> {
  const authors = authorsOf(known)
  const foreign = names.flatMap(name => {
    const author = authors.findLast(({servers}) => servers.has(name))
    const entry = author?.servers.get(name)
    const given = (entry?.secrets ?? []).filter(one => known.secrets.bytes(one.name)?.length)
    if (author?.place === undefined || !entry || given.length === 0) return []
    return given.map(secret => ({entry, secret: secret.name, place: author.place}))
  })
  if (foreign.length === 0) return []
  const program: Author = {place: undefined, servers: (await known.embedded()).servers}
  return foreign.flatMap(({entry, secret, place}) => {
    const others = [program, ...authors].filter(author => author.place !== place)
    const users = others.flatMap(({servers}) => [...servers.values()].filter(uses(secret)))
    const [first] = users
    if (!first || users.some(other => whatRuns(other) === whatRuns(entry))) return []
    return `${oneLine(entry.name)} (from ${place}) is given ${secret}, a secret of ${oneLine(first.name)}`
  })
}

/** Later ones win. */
function authorsOf({catalogs, profile}: Known): readonly Author[] {
  const loaded = catalogs.loaded.map(({catalog, source}) => ({
    place: source === 'embedded' ? undefined : `the catalog ${oneLine(catalog.name)}`,
    servers: catalog.servers,
  }))
  return [...loaded, {place: `the profile ${oneLine(profile.id)}`, servers: profile.entries}]
}

function uses(secret: string): (server: CatalogServer) => boolean {
  return ({secrets}) => secrets?.some(({name}) => name === secret) ?? false
}

/** Of an image, all but its version: a catalog may have another one. */
function whatRuns({image, remote}: CatalogServer): string | undefined {
  return image?.replace(/@.*$/, '').replace(/:[^/:]*$/, '') ?? remote?.url
}
