import {isAbsolute, join, resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {isJsonObject, type JsonObject} from '../base/json.ts'
import {readTextFile} from '../files/atomic.ts'
import type {StatePaths} from '../files/paths.ts'
import {invalidYaml, parseYamlMap} from '../files/yaml.ts'
import type {CatalogProblem, CatalogServer} from '../model/catalog.ts'
import {DEFAULT_PROFILE} from './store.ts'

/** The files that are read instead of the default ones; several are read in order. */
export interface ProfileSources {
  readonly registry?: readonly string[] | undefined
  readonly config?: readonly string[] | undefined
  readonly tools?: readonly string[] | undefined
  /** Where names that start with `./` or `../` count from; the process's own folder when not given. */
  readonly cwd?: string | undefined
}

/** What a user turned on, and how. */
export interface Profile {
  /** Names of the servers that are on, in the order of the file. */
  readonly enabled: readonly string[]
  /** Configuration values of a server, by server name. */
  readonly config: ReadonlyMap<string, JsonObject>
  /** The tools of a server that are on, by server name; a server without an entry has all of its tools. */
  readonly tools: ReadonlyMap<string, readonly string[]>
  /** Servers that the profile describes itself, as catalogs do; they win over those of catalogs. */
  readonly entries: ReadonlyMap<string, CatalogServer>
  readonly id: string
  /** What it says about where secrets are, and the file that says so. */
  readonly secrets?: {readonly spec: string; readonly file: string} | undefined
  /** What is wrong with those servers, or without effect. */
  readonly problems: readonly CatalogProblem[]
  /** What else of it does nothing. */
  readonly notices: readonly string[]
}

/** Whether other files than the usual ones are named. */
export function hasSources({registry, config, tools}: ProfileSources): boolean {
  return registry !== undefined || config !== undefined || tools !== undefined
}

/**
 * Reads the three files in which docker's own plugin keeps what is on: `registry.yaml`
 * (`registry: {<server>: {ref: ""}}`), `config.yaml` (`<server>: {<key>: <value>}`) and `tools.yaml`
 * (`<server>: [<tool>]`). A default file that does not exist is an empty one; what a later file says about a
 * server replaces what an earlier one says.
 * @throws PluginError FILE_MISSING for another file in `sources` that does not exist; FILE_INVALID with
 *   `file:line:column`; FILE_DENIED
 */
export async function readProfile(paths: StatePaths, sources: ProfileSources): Promise<Profile> {
  const find = (names: readonly string[] | undefined, path: string): readonly Source[] =>
    (names?.map(name => locate(name, paths.dir, sources.cwd)) ?? [path]).map(file => ({
      path: file,
      isNamed: file !== path,
    }))
  const [registry, config, tools] = await Promise.all([
    readAll(find(sources.registry, paths.registry), readRegistry),
    readAll(find(sources.config, paths.config), readConfig),
    readAll(find(sources.tools, paths.tools), readTools),
  ])
  return {
    id: DEFAULT_PROFILE,
    enabled: [...registry.keys()],
    config,
    tools,
    entries: new Map(),
    problems: [],
    notices: [],
  }
}

/**
 * The servers that a registry file turns on.
 * @param file the name to use in errors
 * @returns the server names, in the order of the file, each with its entry
 * @throws PluginError FILE_INVALID with `file:line:column`
 */
export function readRegistry(text: string, file: string): ReadonlyMap<string, JsonObject> {
  const {registry = null} = parseYamlMap(text, file)
  if (registry === null) return new Map()
  if (isJsonObject(registry)) return readEntries({text, file, path: ['registry']}, registry)
  throw invalidYaml({text, file, path: ['registry']}, '“registry” is not a map of servers')
}

interface Source {
  readonly path: string
  readonly isNamed: boolean
}

type Place = Parameters<typeof invalidYaml>[0]

/** Docker's rule: plain names belong to its folder, and only `./` means here. */
function locate(name: string, dir: string, cwd?: string): string {
  if (isAbsolute(name)) return name
  return /^\.\.?[/\\]/.test(name) ? resolve(cwd ?? '.', name) : join(dir, name)
}

async function readAll<T>(
  sources: readonly Source[],
  read: (text: string, file: string) => ReadonlyMap<string, T>,
): Promise<ReadonlyMap<string, T>> {
  const merged = new Map<string, T>()
  for (const {path, isNamed} of sources) {
    const text = await readTextFile(path)
    if (text === undefined && isNamed) {
      throw new PluginError('FILE_MISSING', `${path} does not exist`, {
        hint: 'plain names are looked for in the folder of docker mcp; write ./name for one here',
      })
    }
    for (const [server, value] of read(text ?? '', path)) merged.set(server, value)
  }
  return merged
}

/**
 * What a configuration file sets, by server.
 * @throws PluginError FILE_INVALID with `file:line:column`
 */
export function readConfig(text: string, file: string): ReadonlyMap<string, JsonObject> {
  return readEntries({text, file, path: []}, parseYamlMap(text, file))
}

/**
 * Which tools a file allows, by server.
 * @throws PluginError FILE_INVALID with `file:line:column`
 */
export function readTools(text: string, file: string): ReadonlyMap<string, readonly string[]> {
  const tools = new Map<string, readonly string[]>()
  for (const [server, value] of Object.entries(parseYamlMap(text, file))) {
    const names = value ?? [] // docker reads an entry without a list as "no tool"
    if (!isStringList(names)) {
      throw invalidYaml({text, file, path: [server]}, `“${server}” is not a list of tool names`)
    }
    tools.set(server, names)
  }
  return tools
}

function readEntries(place: Place, entries: JsonObject): ReadonlyMap<string, JsonObject> {
  const found = new Map<string, JsonObject>()
  for (const [server, value] of Object.entries(entries)) {
    const entry = value ?? {}
    if (!isJsonObject(entry)) {
      const path = [...place.path, server]
      throw invalidYaml({...place, path}, `“${server}” is not a map of values`)
    }
    found.set(server, entry)
  }
  return found
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}
