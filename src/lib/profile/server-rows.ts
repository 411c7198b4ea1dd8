import {PluginError} from '../base/errors.ts'
import type {JsonObject} from '../base/json.ts'
import type {ProfileInput} from './choice.ts'
import {listProfiles} from './documents.ts'
import {elementName} from './membership.ts'

/** One line of `profile server ls`. */
export interface ProfileServerRow {
  readonly profile: string
  readonly name: string
  /** As docker's plugin has them; `catalog` for one that is only named. */
  readonly type: string
  /** The image, the address, or the name. */
  readonly identifier: string
}

/**
 * Lists the servers of all profiles.
 * @param filters `name=<text>` and `profile=<id>`; a server must fit one of each kind that there is
 * @throws PluginError USAGE for another filter
 */
export async function profileServers(
  input: ProfileInput,
  filters: readonly string[],
): Promise<{
  readonly rows: readonly ProfileServerRow[]
  readonly failures: readonly PluginError[]
}> {
  const wanted = filters.map(readFilter)
  const names = wanted.filter(({key}) => key === 'name').map(({value}) => value)
  const ids = wanted.filter(({key}) => key === 'profile').map(({value}) => value)
  const {profiles, failures} = await listProfiles(input)
  const rows = profiles
    .filter(({id}) => ids.length === 0 || ids.includes(id))
    .flatMap(({id, servers}) => servers.map(server => rowOf(id, server)))
    .filter(({name}) => names.length === 0 || names.some(part => name.includes(part)))
  return {rows, failures}
}

function rowOf(profile: string, server: JsonObject): ProfileServerRow {
  const {type, image, endpoint, source} = server
  const name = elementName(server)
  return {
    profile,
    name,
    type: typeof type === 'string' ? type : 'catalog',
    identifier: [image, endpoint, source].find(text => typeof text === 'string') ?? name,
  }
}

function readFilter(filter: string): {key: string; value: string} {
  const [, key = '', value = ''] = /^(name|profile)=(.+)$/s.exec(filter) ?? []
  if (key !== '') return {key, value}
  throw new PluginError('USAGE', `${JSON.stringify(filter)} is not a filter`, {
    hint: 'write name=<text> or profile=<id>',
  })
}
