import {PluginError} from '../base/errors.ts'
import {nearestNames} from '../catalog/search.ts'
import {editFile} from '../files/edit-file.ts'
import {removeYamlKey, setYamlKey} from '../files/yaml-edit.ts'
import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {storedProfile, type ProfileInput} from './choice.ts'
import {readConfig} from './legacy.ts'
import {changeSettings, notInProfile, type Setting} from './membership.ts'
import {openServers} from './open.ts'
import {credentialInConfig, findCredential} from './profile-file.ts'
import {switchTools, type ServerTool} from './tools-file.ts'

/** A value that is set, under `<server>.<path.with.dots>`. */
export interface ConfigValue {
  readonly key: string
  readonly value: Json
}

/** What is to become of the values of a profile. */
export interface ConfigChanges {
  /** As `key=value`; a value that is JSON is that, all else is text. */
  readonly set: readonly string[]
  readonly del: readonly string[]
}

/**
 * All values that a profile sets, in their order.
 * @throws PluginError PROFILE_UNKNOWN, FILE_INVALID, FILE_DENIED
 */
export async function configValues(
  input: ProfileInput,
  id: string,
): Promise<readonly ConfigValue[]> {
  const {profile} = await openServers(input, {profile: id})
  return [...profile.config].flatMap(([server, values]) => [...leaves(server, values)])
}

/**
 * Sets values of a profile and takes others away, in place.
 * @throws PluginError USAGE for words that are no `key=value`, and a key in both; SERVER_UNKNOWN; CONFIG_MISSING for one to
 *   be deleted that is not set; FILE_INVALID, also for
 *   a value that looks like a credential; FILE_BUSY; FILE_DENIED
 */
export async function changeConfig(
  input: ProfileInput,
  id: string,
  changes: ConfigChanges,
): Promise<void> {
  const {profile} = await openServers(input, {profile: id})
  const set = changes.set.map(readPair)
  const both = set.find(({key}) => changes.del.includes(key))
  if (both) {
    throw new PluginError('USAGE', `${both.key} is to be set and to be deleted`, {
      hint: 'leave out --set or --del for it',
    })
  }
  const servers = [...new Set([...profile.enabled, ...profile.config.keys()])]
  const wanted = [
    ...set.map(({key, value}) => ({...place(key, servers), value})),
    ...changes.del.map(key => ({...place(key, servers), value: undefined})),
  ]
  for (const {rest} of wanted) refuseHidden(rest)
  const target = await storedProfile(input, id)
  if (target.kind === 'document') {
    await changeSettings(target.read.file, now =>
      settingsFor(wanted, new Map(now.map(({name, config}) => [name, config]))),
    )
    return
  }
  await refuseCredentials(set, wanted)
  const {config: file} = input.paths
  await editFile(file, text =>
    settingsFor(wanted, readConfig(text, file)).reduce((before, {server, path, value}) => {
      const keys = [server, ...path.slice(1)]
      return value === undefined ? removeYamlKey(before, keys) : setYamlKey(before, keys, value)
    }, text),
  )
}

interface Wanted {
  readonly server: string
  readonly rest: string
  /** Undefined takes it away. */
  readonly value: Json | undefined
}

/** Where each value belongs, by what is there: a key that is there in full wins, also one with dots in it. */
function settingsFor(
  wanted: readonly Wanted[],
  config: ReadonlyMap<string, JsonObject>,
): readonly Setting[] {
  return wanted.map(({server, rest, value}) => {
    const values = config.get(server) ?? {}
    const found = pathIn(values, rest)
    if (value === undefined && !found) throw notSet(server, rest, values)
    return {server, path: ['config', ...(found ?? newPath(values, rest))], value}
  })
}

/** Which tools are to be on, in the words of the command line: `<server>.<tool>`, and `<server>` for all. */
export interface ToolChanges {
  readonly enableAll: readonly string[]
  readonly disableAll: readonly string[]
  readonly enable: readonly string[]
  readonly disable: readonly string[]
}

/** The tools that servers have, as far as they can be listed. */
export type ListTools = (
  servers: readonly string[],
) => Promise<ReadonlyMap<string, readonly string[]>>

/** What a change of tools came to. */
export interface ToolChoices {
  /** By each server that was named: the tools that are on now; undefined for all of them. */
  readonly lists: ReadonlyMap<string, readonly string[] | undefined>
  /** Servers of which nobody knows the tools. */
  readonly unlisted: readonly string[]
}

/**
 * Switches tools of a profile's servers on and off: first all of a server, then single ones. A server without a choice
 * has all of its tools on, and one that is switched on there is on already.
 * @param list asked for the tools that the entries do not tell
 * @throws PluginError SERVER_UNKNOWN; TOOL_UNKNOWN for a tool that its server does not have, and when one is to be switched off
 *   and nobody knows which others there are; then nothing is changed
 */
export async function changeTools(
  input: ProfileInput,
  id: string,
  changes: ToolChanges,
  list: ListTools,
): Promise<ToolChoices> {
  const {profile, servers: entries} = await openServers(input, {profile: id})
  const {enabled} = profile
  for (const server of [...changes.enableAll, ...changes.disableAll]) {
    if (!enabled.includes(server)) throw notInProfile(server)
  }
  const [enable, disable] = [changes.enable, changes.disable].map(keys =>
    keys.map(key => {
      const {server, rest} = place(key, enabled)
      return {server, tool: rest}
    }),
  )
  const single = [...(enable ?? []), ...(disable ?? [])]
  const concerned = [...new Set(single.map(({server}) => server))]
  const told = new Map(
    concerned.map(server => [server, (entries.get(server)?.tools ?? []).map(({name}) => name)]),
  )
  // A catalog may know fewer tools than the server has by now.
  const untold = concerned.filter(name =>
    single.some(({server, tool}) => server === name && !told.get(name)?.includes(tool)),
  )
  const listed = untold.length > 0 ? await list(untold) : new Map<string, readonly string[]>()
  const every = new Map([...told, ...listed].filter(([, tools]) => tools.length > 0))
  for (const one of enable ?? []) refuseStrange(one, every.get(one.server))
  for (const one of disable ?? []) {
    // One that the server has no more can still be taken out.
    const isAllowed = [...(profile.tools.get(one.server) ?? [])].includes(one.tool)
    if (!isAllowed) refuseStrange(one, every.get(one.server))
  }
  const switches = {...changes, enable: enable ?? [], disable: disable ?? []}
  const {lists} = await switchTools(input.paths, await storedProfile(input, id), switches, every)
  return {
    lists,
    unlisted: concerned.filter(server => !every.has(server)),
  }
}

/** @param tools undefined when nobody knows them */
function refuseStrange({server, tool}: ServerTool, tools: readonly string[] | undefined): void {
  if (tools?.includes(tool) !== false) return
  const near = nearestNames(tool, tools).map(other => `${server}.${other}`)
  throw new PluginError('TOOL_UNKNOWN', `${server} has no tool ${JSON.stringify(tool)}`, {
    hint:
      near.length > 0
        ? `did you mean ${near.join(' or ')}?`
        : `see all of them: docker mcp tools ls, with --gateway-arg=--servers=${server}`,
  })
}

function* leaves(prefix: string, values: JsonObject): Generator<ConfigValue> {
  for (const [key, value = null] of Object.entries(values)) {
    const path = `${prefix}.${key}`
    if (isJsonObject(value) && Object.keys(value).length > 0) yield* leaves(path, value)
    else yield {key: path, value}
  }
}

function readPair(word: string): ConfigValue {
  const at = word.indexOf('=')
  if (at > 0) return {key: word.slice(0, at), value: readValue(word.slice(at + 1))}
  throw new PluginError('USAGE', `${JSON.stringify(word)} is not <server>.<key>=<value>`, {
    hint: 'for example: --set grafana.url=https://grafana.example.com',
  })
}

function readValue(text: string): Json {
  try {
    const value: Json = JSON.parse(text)
    return value
  } catch {
    return text
  }
}

/** The server of a key is the longest name that it starts with: names may hold dots. */
function place(
  key: string,
  servers: readonly string[],
): {readonly server: string; readonly rest: string} {
  const server = servers
    .filter(name => key.startsWith(`${name}.`) && key.length > name.length + 1)
    .toSorted((a, b) => b.length - a.length)[0]
  if (server === undefined) throw notInProfile(key.split('.')[0] ?? key)
  return {server, rest: key.slice(server.length + 1)}
}

/** The keys that lead to a value; the longest of those that are there count, since keys may hold dots. */
function pathIn(values: JsonObject, dotted: string): readonly string[] | undefined {
  if (Object.hasOwn(values, dotted)) return [dotted]
  for (const {key, inner, rest} of mapsTowards(values, dotted)) {
    const path = pathIn(inner, rest)
    if (path) return [key, ...path]
  }
  return undefined
}

function newPath(values: JsonObject, dotted: string): readonly string[] {
  const [nearest] = mapsTowards(values, dotted)
  if (!nearest) return dotted.split('.')
  return [nearest.key, ...newPath(nearest.inner, nearest.rest)]
}

function mapsTowards(values: JsonObject, dotted: string) {
  return Object.entries(values)
    .flatMap(([key, inner]) =>
      isJsonObject(inner) && dotted.startsWith(`${key}.`)
        ? [{key, inner, rest: dotted.slice(key.length + 1)}]
        : [],
    )
    .toSorted((a, b) => b.key.length - a.key.length)
}

function notSet(server: string, rest: string, values: JsonObject): PluginError {
  const known = [...leaves(server, values)].map(({key}) => key)
  const near = nearestNames(`${server}.${rest}`, known).map(key => `"${key}"`)
  return new PluginError('CONFIG_MISSING', `${server}.${rest} is not set`, {
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'see what is set: use --get-all',
  })
}

/** No reader gives such a key back. */
function refuseHidden(dotted: string): void {
  if (!dotted.split('.').includes('__proto__')) return
  throw new PluginError('USAGE', '__proto__ cannot be a key', {hint: 'choose another key'})
}

/** Only what is new: what config.yaml has already must not keep a person from changing the rest. */
async function refuseCredentials(
  set: readonly ConfigValue[],
  wanted: readonly Wanted[],
): Promise<void> {
  for (const [index, {key, value}] of set.entries()) {
    const {server = '', rest = ''} = wanted[index] ?? {}
    const leak = await findCredential({[server]: {[rest]: value}})
    if (leak) throw credentialInConfig(`“${key}”`, leak)
  }
}
