import type {Catalogs} from '../catalog/store.ts'
import type {CatalogServer} from '../model/catalog.ts'
import type {ProfileServer} from '../model/profile-document.ts'
import type {Profile} from './legacy.ts'
import type {ProfileFile} from './profile-file.ts'

/**
 * What a profile's file turns on. A server that it only names is the one of the catalogs; one with an image or an
 * address of its own is that one.
 */
export function profileOf(id: string, read: ProfileFile, {servers: known}: Catalogs): Profile {
  const {servers} = read.document
  const isRefused = new Set(
    read.problems.filter(({kind}) => kind === 'invalid').map(({server}) => server),
  )
  const entries = servers.flatMap(server => {
    const entry = isRefused.has(server.name) ? undefined : entryFor(server, known.get(server.name))
    return entry ? [[server.name, entry] as const] : []
  })
  return {
    id,
    ...(read.document.secrets !== undefined && {
      secrets: {spec: read.document.secrets, file: read.file},
    }),
    enabled: servers.map(({name}) => name),
    config: new Map(servers.map(({name, config}) => [name, config])),
    tools: new Map(servers.flatMap(({name, tools}) => (tools ? [[name, tools]] : []))),
    entries: new Map(entries),
    problems: read.problems,
    notices: read.notices,
  }
}

/** Undefined for a server that a catalog has, or nobody. */
function entryFor(
  {name, entry, image, endpoint}: ProfileServer,
  known: CatalogServer | undefined,
): CatalogServer | undefined {
  if (entry) return entry
  if (image !== undefined) return {...known, name, image}
  if (endpoint !== undefined) return {...known, name, remote: {...known?.remote, url: endpoint}}
  return undefined
}
