import {basename, join} from 'node:path'
import {readdir, rm} from 'node:fs/promises'
import {messageOf, PluginError, systemCode} from '../base/errors.ts'
import {isJsonObject} from '../base/json.ts'
import {readIndexText, savedFile} from '../catalog/saved.ts'
import {DEFAULT_CATALOG} from '../catalog/identity.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {fileDenied} from '../files/denied.ts'
import {readGatewayText} from '../files/gateway-file.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'
import {parseYamlMap} from '../files/yaml.ts'
import {readConfig, readRegistry, readTools} from './legacy.ts'
import {readProfileText} from './profile-file.ts'
import {DEFAULT_PROFILE, inUsePath, profileIds} from './store.ts'

/** Everything that a user has configured, as the texts of the files; those that are not there have no member. */
export interface ConfigDump {
  readonly config?: string | undefined
  readonly registry?: string | undefined
  /** `catalog.json` */
  readonly catalog?: string | undefined
  /** By file name. */
  readonly catalogFiles: Readonly<Record<string, string>>
  readonly tools?: string | undefined
  /** By file name. */
  readonly profileFiles: Readonly<Record<string, string>>
  /** The id of the profile in use, where one was chosen. */
  readonly profileInUse?: string | undefined
  /** The gateway's own configuration. */
  readonly gateway?: string | undefined
}

/**
 * Reads all of it, whatever is in the files.
 * @throws PluginError FILE_DENIED, FILE_INVALID for what is no text
 */
export async function dumpConfig(paths: StatePaths): Promise<ConfigDump> {
  return {
    config: await readTextFile(paths.config),
    registry: await readTextFile(paths.registry),
    catalog: await readTextFile(paths.catalogIndex),
    catalogFiles: await textsIn(paths.catalogsDir),
    tools: await readTextFile(paths.tools),
    profileFiles: await textsIn(paths.profilesDir),
    profileInUse: (await readTextFile(inUsePath(paths)))?.trim(),
    gateway: await readTextFile(paths.gatewayFile),
  }
}

/**
 * Puts a dump back: each file that it has a text of becomes that text, or an empty map; others stay. Either all of them are written, or
 * none is changed.
 * @param text what {@link dumpConfig} gave, as JSON; a dump of docker's own plugin has the first five members, and an empty
 *   text for a file that was not there
 * @param from what to call it in errors
 * @returns the files that have changed
 * @throws PluginError FILE_INVALID, CATALOG_INVALID before anything is written; FILE_DENIED and FILE_BUSY, with everything as it was
 */
export async function restoreConfig(
  paths: StatePaths,
  text: string,
  from: string,
): Promise<readonly string[]> {
  const wanted = await filesOf(paths, readDump(text, from), from)
  return inTurn([...wanted.keys()].toSorted(), async () => {
    const before = new Map<string, string | undefined>()
    for (const file of wanted.keys()) before.set(file, await readTextFile(file))
    const changed = [...wanted].flatMap(([file, next]) => {
      const old = before.get(file)
      // A gateway that runs takes a file that has become empty for one that is being written.
      const written = next.trim() === '' && (old ?? '').trim() !== '' ? NOTHING : next
      return written === old ? [] : [[file, written] as const]
    })
    await writeAll(changed, before)
    return changed.map(([file]) => file)
  })
}

/** What says the same as an empty file, in YAML and in JSON. */
const NOTHING = '{}\n'

/** Writes all of them, or, when one is refused, none. */
async function writeAll(
  files: readonly (readonly [string, string])[],
  before: ReadonlyMap<string, string | undefined>,
): Promise<void> {
  const written: string[] = []
  try {
    for (const [file, text] of files) {
      await writeFileAtomic(file, text, {mode: 0o644})
      written.push(file)
    }
  } catch (error) {
    for (const file of written) {
      const text = before.get(file)
      await (text === undefined ? rm(file, {force: true}) : writeFileAtomic(file, text))
    }
    throw error
  }
}

/** Takes the locks of all files, always in the same order, so that two of us do not wait for each other. */
async function inTurn<T>(files: readonly string[], task: () => Promise<T>): Promise<T> {
  const [first, ...others] = files
  return first === undefined ? task() : withFileLock(first, () => inTurn(others, task))
}

type Dump = {readonly [K in keyof ConfigDump]?: ConfigDump[K] | undefined}

function readDump(text: string, from: string): Dump {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalid(`${from} is not JSON: ${messageOf(error)}`)
  }
  if (!isJsonObject(value)) throw invalid(`${from} is not a dump of the configuration`)
  const known = new Set<string>([...TEXTS, ...FOLDERS])
  const strange = Object.keys(value).find(key => !known.has(key))
  if (strange !== undefined) throw invalid(`${from}: “${strange}” is no part of a dump`)
  const dump = new Map<string, unknown>()
  for (const key of TEXTS) {
    const member = value[key] ?? undefined
    if (member !== undefined && typeof member !== 'string')
      throw invalid(`${from}: “${key}” is not the text of a file`)
    // Docker's own plugin writes that for a file that is not there.
    if (member !== '') dump.set(key, member)
  }
  for (const key of FOLDERS) {
    const member = value[key] ?? undefined
    if (member === undefined) continue
    if (!isJsonObject(member) || Object.values(member).some(one => typeof one !== 'string'))
      throw invalid(`${from}: “${key}” is not a map of texts by file name`)
    dump.set(key, member)
  }
  return Object.fromEntries(dump)
}

const TEXTS = ['config', 'registry', 'catalog', 'tools', 'profileInUse', 'gateway'] as const
const FOLDERS = ['catalogFiles', 'profileFiles'] as const

/**
 * Each text goes through the reader that will have it, so that nothing is written that would be refused afterwards.
 * @throws PluginError for a text that its readers would refuse, or a name that is no plain file's
 */
async function filesOf(
  paths: StatePaths,
  dump: Dump,
  from: string,
): Promise<ReadonlyMap<string, string>> {
  const {config, registry, tools, catalog, gateway, profileInUse: inUse} = dump
  const files = new Map<string, string>()
  const add = async (
    file: string,
    text: string | undefined,
    check: (text: string) => unknown,
  ): Promise<void> => {
    if (text === undefined) return
    await check(text)
    files.set(file, text)
  }
  await add(paths.config, config, text => readConfig(text, `${from}: config`))
  await add(paths.registry, registry, text => readRegistry(text, `${from}: registry`))
  await add(paths.tools, tools, text => readTools(text, `${from}: tools`))
  await add(paths.gatewayFile, gateway, text => readGatewayText(text, `${from}: gateway`))
  for (const [name, text] of plainFiles(dump, 'catalogFiles', from)) {
    const check = () => checkCatalog(text, `${from}: ${name}`)
    if (text !== '') await add(join(paths.catalogsDir, name), text, check)
  }
  for (const [name, text] of plainFiles(dump, 'profileFiles', from)) {
    const check = () => readProfileText(text, `${from}: ${name}`)
    await add(join(paths.profilesDir, name), text, check)
  }
  await add(paths.catalogIndex, catalog, async text => {
    const names = Object.keys(readIndexText(text, `${from}: catalog`))
    for (const name of names.filter(each => each !== DEFAULT_CATALOG)) {
      const file = savedFile(paths, name)
      if (!files.has(file) && (await readTextFile(file)) === undefined) {
        throw invalid(`${from}: “catalog” names ${name}, and its file is not in the dump`)
      }
    }
  })
  await add(inUsePath(paths), inUse && `${inUse}\n`, async () => {
    const isThere =
      inUse === DEFAULT_PROFILE ||
      (inUse !== undefined && files.has(join(paths.profilesDir, `${inUse}.yaml`))) ||
      (await profileIds(paths)).some(id => id === inUse)
    if (!isThere) throw invalid(`${from}: “profileInUse” is no profile that there is`)
  })
  return files
}

function plainFiles(
  dump: Dump,
  key: (typeof FOLDERS)[number],
  from: string,
): readonly (readonly [string, string])[] {
  const texts = Object.entries(dump[key] ?? {})
  const strange = texts.find(([name]) => !isPlainName(name))
  if (!strange) return texts
  const name = JSON.stringify(strange[0])
  throw invalid(`${from}: “${key}” has a name that is no plain file's: ${name}`)
}

async function checkCatalog(text: string, where: string): Promise<void> {
  // The schema is heavy, and a dump need not have any.
  const {parseCatalog} = await import('../model/catalog.ts')
  parseCatalog(parseYamlMap(text, where), where)
}

/** One that stays in its folder on every system. */
function isPlainName(name: string): boolean {
  return basename(name) === name && /^[^<>:"/\\|?*\p{Cc}.][^<>:"/\\|?*\p{Cc}]*\.ya?ml$/iu.test(name)
}

async function textsIn(dir: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw fileDenied(error, {verb: 'read', path: dir})
  })
  const texts = new Map<string, string>()
  for (const name of names.filter(isPlainName).toSorted()) {
    const text = await readTextFile(join(dir, name))
    if (text !== undefined) texts.set(name, text)
  }
  return Object.fromEntries(texts)
}

function invalid(message: string): PluginError {
  return new PluginError('FILE_INVALID', message, {
    hint: 'give what `docker mcp config dump` printed',
  })
}
