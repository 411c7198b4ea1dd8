import {extname} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {objectOf} from '../base/json.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {setYamlKey} from '../files/yaml-edit.ts'
import {parseYamlMap} from '../files/yaml.ts'
import {pullArtifact, pushArtifact, type ArtifactInput} from '../images/artifact.ts'
import {toPlainJson} from '../model/plain-json.ts'
import type {ProfileInput} from './choice.ts'
import {documentObject, jsonDocument, profileText, wholeProfile} from './documents.ts'
import {addProfile, idFor} from './manage.ts'
import {credentialIn, findCredential, readProfileText} from './profile-file.ts'
import {editProfileFile, newProfilePath} from './store.ts'

const ARTIFACT_TYPE = 'application/vnd.docker.mcp.profile.v1+json'

/**
 * Writes a profile into a file, YAML or JSON by its name, with all that others need to use it.
 * @throws PluginError USAGE for another name; PROFILE_UNKNOWN; FILE_INVALID for what looks like a credential; FILE_DENIED
 */
export async function exportProfile(input: ProfileInput, id: string, file: string): Promise<void> {
  const isJson = isJsonFile(file)
  const document = await shareable(input, id, file)
  const text = isJson
    ? `${JSON.stringify(jsonDocument(document), undefined, 2)}\n`
    : profileText(document)
  await writeFileAtomic(file, text, {mode: 0o644})
}

/**
 * Takes a profile out of a file; it replaces one of the same id.
 * @returns its id
 * @throws PluginError USAGE, FILE_MISSING, FILE_INVALID, FILE_BUSY, FILE_DENIED
 */
export async function importProfile(
  {paths}: Pick<ProfileInput, 'paths'>,
  file: string,
): Promise<string> {
  const isJson = isJsonFile(file)
  const text = await readTextFile(file)
  if (text === undefined) {
    throw new PluginError('FILE_MISSING', `${file} does not exist`, {
      hint: 'name the file that a profile was exported to',
    })
  }
  const {document} = await readProfileText(text, file)
  const id = document.id ?? (await idFor(document.name ?? ''))
  const named = isJson ? profileText(plainMap(text, file)) : text
  const whole = document.id === undefined ? setYamlKey(named, ['id'], id) : named
  await editProfileFile(newProfilePath(paths, id), async () => whole)
  return id
}

/**
 * Stores a profile in a registry, with all that others need to use it.
 * @returns the digest of the artefact, `sha256:…`
 * @throws PluginError like {@link exportProfile}; what `pushArtifact` throws
 */
export async function pushProfile(
  input: ProfileInput,
  {id, ref}: {readonly id: string; readonly ref: string},
  registry: ArtifactInput,
): Promise<string> {
  // Whoever pulls it chooses an id.
  const {id: _, ...document} = jsonDocument(await shareable(input, id, id))
  const layer = JSON.stringify(document)
  return pushArtifact(ref, {artifactType: ARTIFACT_TYPE, layer}, registry)
}

/**
 * Gets a profile from a registry; its id is made of its name.
 * @returns its id
 * @throws PluginError PROFILE_EXISTS; FILE_INVALID for what is no profile; what `pullArtifact` throws
 */
export async function pullProfile(
  {paths}: Pick<ProfileInput, 'paths'>,
  ref: string,
  registry: ArtifactInput,
): Promise<string> {
  const {layer} = await pullArtifact(ref, {artifactType: ARTIFACT_TYPE}, registry)
  const {document} = await readProfileText(layer, ref)
  const id = await idFor(document.name ?? '')
  await addProfile(paths, id, profileText({...plainMap(layer, ref), id}))
  return id
}

/** Also the default profile, whose files are nobody else's, must not tell secrets when it is shared. */
async function shareable(input: ProfileInput, id: string, where: string) {
  const document = documentObject(await wholeProfile(input, id))
  const leak = await findCredential(document)
  if (leak) throw credentialIn({text: profileText(document), file: where}, leak)
  return document
}

function isJsonFile(file: string): boolean {
  const kind = extname(file).toLowerCase()
  if (['.yaml', '.yml'].includes(kind)) return false
  if (kind === '.json') return true
  throw new PluginError('USAGE', `${file} is neither YAML nor JSON by its name`, {
    hint: 'end its name with .yaml, .yml or .json',
  })
}

function plainMap(text: string, file: string) {
  return objectOf(toPlainJson(parseYamlMap(text, file)))
}
