import {PluginError} from '../base/errors.ts'
import {isJsonObject} from '../base/json.ts'
import {oneLine} from '../base/one-line.ts'
import {readTextFile} from '../files/atomic.ts'
import {invalidYaml, parseYaml} from '../files/yaml.ts'
import type {ParsedProfile, ProfileRemark} from '../model/profile-document.ts'

/** So many keys that mean nothing are named. */
const MOST_UNKNOWN = 10

/** A profile's file as it is. */
export interface ProfileFile extends ParsedProfile {
  readonly file: string
  readonly text: string
  /** What means nothing in it, each with its place. */
  readonly notices: readonly string[]
}

/**
 * Reads the file of a profile: YAML or JSON.
 * @returns undefined when there is no such file
 * @throws PluginError FILE_INVALID with `file:line:column`, the key and the reason, also for a value that looks like a
 *   credential; FILE_DENIED
 */
export async function readProfileFile(file: string): Promise<ProfileFile | undefined> {
  const text = await readTextFile(file)
  return text === undefined ? undefined : readProfileText(text, file)
}

/**
 * Reads the text of a profile.
 * @param file the name to use in errors
 * @throws like {@link readProfileFile}
 */
export async function readProfileText(text: string, file: string): Promise<ProfileFile> {
  const value = parseYaml(text, file) ?? {}
  const {parseProfile} = await import('../model/profile-document.ts')
  const parsed = parseProfile(value)
  const place = {text, file}
  if ('wrong' in parsed) throw wrongProfile(place, parsed.wrong)
  const leak = await findCredential(value)
  if (leak) throw credentialIn(place, leak)
  const shown = parsed.unknown.slice(0, MOST_UNKNOWN).map(remark => lineOf(place, remark))
  const rest = parsed.unknown.length - shown.length
  return {
    ...parsed,
    file,
    text,
    notices: rest > 0 ? [...shown, `${file} has ${rest} more keys that mean nothing`] : shown,
  }
}

/** A value that must not be in a file that others read: where, and what it looks like. Never the value. */
export interface Credential {
  readonly path: readonly string[]
  readonly title: string
}

/**
 * Looks for what looks like a credential in the values of a profile, where a person would put one.
 * @returns the first
 */
export async function findCredential(value: unknown): Promise<Credential | undefined> {
  const {findLeak} = await import('../secrets/leak-rules.ts')
  for (const {path, text} of textsOf(value, [])) {
    // Some rules need the name of what the value is for.
    const leak = findLeak(`${text}\n${path.join('_')}=${text}\n`)
    if (leak) return {path, title: leak.title}
  }
  return undefined
}

/** @returns FILE_INVALID that names the key and never the value */
export function credentialIn(
  place: {text: string; file: string},
  {path, title}: Credential,
): PluginError {
  const {message} = invalidYaml(
    {...place, path},
    `${keyOf(path)} looks like a credential (${title})`,
  )
  return new PluginError('FILE_INVALID', message, {
    hint: 'a profile is shared, and holds no secrets: declare it under secrets of the server, and give it its value with: docker mcp secret set <name>',
  })
}

/** @returns FILE_INVALID for a value that is to stand in config.yaml; it names the key and never the value */
export function credentialInConfig(where: string, {title}: Pick<Credential, 'title'>): PluginError {
  return new PluginError('FILE_INVALID', `${where} looks like a credential (${title})`, {
    hint: 'config.yaml is printed and dumped, and holds no secrets: see what the server calls it (docker mcp server inspect <server>, secrets), and give it its value with: docker mcp secret set <name>',
  })
}

/** What of an entry is documentation, where examples of credentials belong. */
const DOCUMENTATION = new Set([
  'description',
  'readme',
  'tools',
  'title',
  'metadata',
  'secrets',
  'icon',
])

function* textsOf(
  value: unknown,
  path: readonly string[],
): Generator<{path: readonly string[]; text: string}> {
  if (typeof value === 'string') yield {path, text: value}
  const inSnapshot = path[2] === 'snapshot' && path.length === 4
  const members = Array.isArray(value) || isJsonObject(value) ? Object.entries(value) : []
  for (const [key, member] of members) {
    if (inSnapshot && DOCUMENTATION.has(key)) continue
    yield* textsOf(member, [...path, key])
  }
}

function wrongProfile(
  place: {text: string; file: string},
  wrong: readonly ProfileRemark[],
): PluginError {
  const [first = {path: [], message: 'is wrong'}, ...others] = wrong
  const error = invalidYaml({...place, path: first.path}, `${keyOf(first.path)} ${first.message}`)
  const more = others.slice(0, MOST_UNKNOWN).map(remark => `; ${lineOf(place, remark)}`)
  return new PluginError('FILE_INVALID', `${error.message}${more.join('')}`, {
    hint: 'correct the file at that place',
  })
}

function lineOf(place: {text: string; file: string}, {path, message}: ProfileRemark): string {
  return invalidYaml({...place, path}, `${keyOf(path)} ${message}`).message
}

/** Keys are foreign text. */
function keyOf(path: readonly string[]): string {
  return path.length === 0 ? 'the profile' : `“${oneLine(path.join('.').slice(0, 100))}”`
}
