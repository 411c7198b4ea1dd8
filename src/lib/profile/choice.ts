import {resolve} from 'node:path'
import {PluginError} from '../base/errors.ts'
import type {CatalogInput} from '../catalog/store.ts'
import {hasSources, type ProfileSources} from './legacy.ts'
import {readProfileFile, type ProfileFile} from './profile-file.ts'
import {
  DEFAULT_PROFILE,
  goneProfile,
  isProfileId,
  profileInUse,
  profilePath,
  unknownProfile,
} from './store.ts'

/** Which profile a person named, if any. */
export interface ProfileChoice {
  /** Its id. */
  readonly profile?: string | undefined
  /** A file that need not be known to the program. */
  readonly profileFile?: string | undefined
}

export interface ProfileInput extends CatalogInput {
  readonly choice?: ProfileChoice | undefined
}

/** The profile that counts: a file, or the three files of docker's older plugin. */
export type ChosenProfile =
  | {readonly kind: 'files'; readonly id: string}
  | {
      readonly kind: 'document'
      readonly id: string
      /** What a command line says to mean it. */
      readonly flag: string
      readonly read: ProfileFile
    }

/**
 * Finds the profile that counts: the one that is named, or that the gateway's own file names, or that is in use.
 * @param selection what a gateway was told; it wins over what the input says
 * @throws PluginError USAGE, PROFILE_UNKNOWN, FILE_MISSING, FILE_INVALID, FILE_DENIED
 */
export async function chooseProfile(
  input: ProfileInput,
  selection: ProfileChoice & ProfileSources = {},
): Promise<ChosenProfile> {
  const isTold = selection.profile !== undefined || selection.profileFile !== undefined
  const {profile, profileFile} = isTold ? selection : (input.choice ?? {})
  if (profile !== undefined && profileFile !== undefined) {
    throw exclusive('--profile and --profile-file exclude each other')
  }
  if (hasSources(selection)) {
    if (!isTold) return FILES
    throw exclusive('a profile, and files of servers, configuration or tools exclude each other')
  }
  if (profileFile !== undefined) return namedFile(resolve(input.cwd, profileFile))
  const named = profile ?? (await input.settings()).profile
  if (named !== undefined) return storedProfile(input, named)
  const id = await profileInUse(input.paths)
  const chosen = isProfileId(id) ? await findStored(input, id) : undefined
  if (chosen) return chosen
  throw goneProfile(id)
}

/**
 * Finds a profile by its id.
 * @throws PluginError PROFILE_UNKNOWN, FILE_INVALID, FILE_DENIED
 */
export async function storedProfile(input: CatalogInput, id: string): Promise<ChosenProfile> {
  const chosen = await findStored(input, id)
  if (chosen) return chosen
  throw await unknownProfile(input.paths, id)
}

async function findStored({paths}: CatalogInput, id: string): Promise<ChosenProfile | undefined> {
  const read = await readProfileFile(profilePath(paths, id))
  if (read) return {kind: 'document', id, flag: `--profile ${id}`, read}
  return id === DEFAULT_PROFILE ? FILES : undefined
}

const FILES: ChosenProfile = {kind: 'files', id: DEFAULT_PROFILE}

async function namedFile(file: string): Promise<ChosenProfile> {
  const read = await readProfileFile(file)
  if (read) {
    const {idOfName} = await import('../model/profile-document.ts')
    const {id, name} = read.document
    const known = id ?? (idOfName(name ?? '') || 'profile')
    return {kind: 'document', id: known, flag: `--profile-file ${file}`, read}
  }
  throw new PluginError('FILE_MISSING', `${file} does not exist`, {
    hint: 'name the file that --profile-file should read',
  })
}

function exclusive(message: string): PluginError {
  return new PluginError('USAGE', message, {
    hint: 'leave one of them out',
  })
}
