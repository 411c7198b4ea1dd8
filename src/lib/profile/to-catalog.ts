import {createCatalog} from '../catalog/edit.ts'
import {catalogName, isReference} from '../catalog/identity.ts'
import {resolvedEntry} from '../catalog/resolved.ts'
import type {ProfileInput} from './choice.ts'
import {openServers} from './open.ts'

/**
 * Makes a catalog of the servers of a profile, with their entries as the catalogs or the profile have them; what is set for
 * them is not part of it. One that is called by an OCI reference replaces one of that name.
 * @returns the name that it has, and the servers that no catalog has any more
 * @throws PluginError PROFILE_UNKNOWN; see `createCatalog`
 */
export async function catalogOfProfile(
  input: ProfileInput,
  {name: written, title}: {name: string; title?: string | undefined},
  id: string,
): Promise<{readonly name: string; readonly missing: readonly string[]}> {
  const {catalogs, profile} = await openServers(input, {profile: id})
  const entries = new Map([...catalogs.servers, ...profile.entries])
  const servers = profile.enabled.flatMap(server => entries.get(server) ?? [])
  const name = catalogName(written)
  const head = {name, url: `profile:${id}`, ...(title !== undefined && {displayName: title})}
  const all = servers.map(server => resolvedEntry(server))
  await createCatalog(input.paths, head, all, {replace: isReference(name)})
  return {name, missing: profile.enabled.filter(server => !entries.has(server))}
}
