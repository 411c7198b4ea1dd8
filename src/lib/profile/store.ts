import {rm} from 'node:fs/promises'
import {join} from 'node:path'
import {PluginError} from '../base/errors.ts'
import {isWindowsDevice} from '../base/windows-device.ts'
import {nearestNames} from '../catalog/search.ts'
import {readTextFile, writeFileAtomic} from '../files/atomic.ts'
import {keptFiles} from '../files/kept.ts'
import {withFileLock} from '../files/lock.ts'
import type {StatePaths} from '../files/paths.ts'

/** The profile that registry.yaml, config.yaml and tools.yaml are, as long as no file says otherwise. */
export const DEFAULT_PROFILE = 'default'

/** Ids become file names on every system, and words on a command line. */
const ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/

/**
 * The file of a profile that may be there.
 * @throws PluginError PROFILE_UNKNOWN for an id that can be nobody's
 */
export function profilePath({profilesDir}: StatePaths, id: string): string {
  if (isProfileId(id)) return join(profilesDir, `${id}.yaml`)
  throw notAnId(id)
}

/**
 * The file of a profile that is to be made, on whatever system it is read later.
 * @throws PluginError PROFILE_UNKNOWN
 */
export function newProfilePath(paths: StatePaths, id: string): string {
  if (isNewProfileId(id)) return profilePath(paths, id)
  throw notAnId(id)
}

function notAnId(id: string): PluginError {
  return new PluginError('PROFILE_UNKNOWN', `${JSON.stringify(id)} cannot be the id of a profile`, {
    hint: 'use letters, digits, _, - and dots, and none of Windows’ devices (con, nul, …)',
  })
}

/** Whether a text can be the id of a profile. */
export function isProfileId(id: string): boolean {
  return ID.test(id) && !id.endsWith('.')
}

/** Whether a text can be the id of one that is to be made. */
export function isNewProfileId(id: string): boolean {
  return isProfileId(id) && !isWindowsDevice(id)
}

/** The ids of the profiles that have a file, in order. */
export async function profileIds({profilesDir}: StatePaths): Promise<readonly string[]> {
  const names = (await keptFiles(profilesDir)).flatMap(name => {
    const id = /^(.+)\.yaml$/.exec(name)?.[1]
    return id !== undefined && isProfileId(id) ? [id] : []
  })
  return names.toSorted()
}

/** The error for an id that no profile has. */
export async function unknownProfile(paths: StatePaths, id: string): Promise<PluginError> {
  const ids = [...(await profileIds(paths)), DEFAULT_PROFILE].filter(other => other !== id)
  const near = nearestNames(id, ids).map(other => `"${other}"`)
  return new PluginError('PROFILE_UNKNOWN', `there is no profile ${JSON.stringify(id)}`, {
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'see all: docker mcp profile ls',
  })
}

/**
 * Writes the file of a profile under its lock.
 * @param edit gets the text that is there, undefined when there is none; throws to leave all as it is
 * @throws PluginError FILE_BUSY, FILE_DENIED; what `edit` throws
 */
export async function editProfileFile(
  file: string,
  edit: (text: string | undefined) => Promise<string>,
): Promise<void> {
  await withFileLock(file, async () => {
    const before = await readTextFile(file)
    const after = await edit(before)
    if (after !== before) await writeFileAtomic(file, after, {mode: 0o644})
  })
}

/**
 * Removes a profile; one that was in use is no longer.
 * @returns whether it was in use
 * @throws PluginError PROFILE_UNKNOWN, FILE_BUSY, FILE_DENIED
 */
export async function removeProfile(paths: StatePaths, id: string): Promise<boolean> {
  const file = profilePath(paths, id)
  await withFileLock(file, async () => {
    if ((await readTextFile(file)) === undefined) {
      throw id === DEFAULT_PROFILE ? withoutFile() : await unknownProfile(paths, id)
    }
    await rm(file)
  })
  const wasInUse = (await profileInUse(paths)) === id
  if (wasInUse) await useProfile(paths, DEFAULT_PROFILE)
  return wasInUse
}

function withoutFile(): PluginError {
  return new PluginError(
    'PROFILE_UNKNOWN',
    'the default profile has no file that could be removed',
    {
      hint: 'it is registry.yaml, config.yaml and tools.yaml; switch all of its servers off: docker mcp server reset',
    },
  )
}

/** The error for a profile that was chosen to be used, and whose file is gone. */
export function goneProfile(id: string): PluginError {
  return new PluginError(
    'PROFILE_UNKNOWN',
    `the profile ${JSON.stringify(id)} is in use, and its file is gone`,
    {
      hint: 'use another one: docker mcp profile use default',
    },
  )
}

/** Which profile counts where nothing else is said. */
export async function profileInUse(paths: StatePaths): Promise<string> {
  const text = (await readTextFile(inUsePath(paths)))?.trim()
  return text ? text : DEFAULT_PROFILE
}

/** Says which profile counts where nothing else is said; the caller knows that there is one. */
export async function useProfile(paths: StatePaths, id: string): Promise<void> {
  const file = inUsePath(paths)
  await withFileLock(file, () => writeFileAtomic(file, `${id}\n`, {mode: 0o644}))
}

/** Beside the profiles, so that whoever watches them sees it change; the name is no profile's. */
export function inUsePath({profilesDir}: StatePaths): string {
  return join(profilesDir, 'in-use')
}
