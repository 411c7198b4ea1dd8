import {unlessAborted} from '../base/async.ts'
import type {Engine} from './engine.ts'
import {PROGRAMS_PATH} from './mounts.ts'
import {PROGRAMS_ARCHIVE, PROGRAMS_DIGEST} from './programs.ts'
import {fillVolume} from './volume.ts'

/** What our programs are made for, as OCI names it. */
export type ShimArchitecture = 'amd64' | 'arm64'
/** The volume with our programs. Another version of them has another volume. */
export const shimVolumeName = `docker-mcp-shim-${PROGRAMS_DIGEST}`

const ensured = new WeakMap<Engine, Promise<string>>()

/**
 * Sees to it that the engine has the volume with our programs, once per engine and process.
 * @param input `owner`: the gateway; `image`: any that the engine holds, nothing of it is run
 * @returns the volume's name
 * @throws as `fillVolume` does; the next call tries again
 */
export function ensureShim(
  engine: Engine,
  input: {readonly owner: string; readonly image: string},
  signal: AbortSignal,
): Promise<string> {
  const earlier = ensured.get(engine)
  if (earlier) {
    // The other call may have failed for reasons of its own, such as its signal or its image.
    return unlessAborted(
      earlier.catch(() => ensureShim(engine, input, signal)),
      signal,
    )
  }
  const filling = fill(engine, input, signal)
  ensured.set(engine, filling)
  filling.catch(() => forgetShim(engine))
  return filling
}

/** Lets the next `ensureShim` look again: somebody may have removed the volume since (`docker volume prune`). */
export function forgetShim(engine: Engine): void {
  ensured.delete(engine)
}

/**
 * Which of our programs an image can run.
 * @param architecture the image's, as OCI names it (Image Configuration, `architecture`)
 * @returns undefined when we have none for it
 */
export function shimArchitecture(architecture: string): ShimArchitecture | undefined {
  return architecture === 'amd64' || architecture === 'arm64' ? architecture : undefined
}

async function fill(
  engine: Engine,
  input: {readonly owner: string; readonly image: string},
  signal: AbortSignal,
): Promise<string> {
  const archive = Buffer.from(PROGRAMS_ARCHIVE, 'base64')
  const volume = {name: shimVolumeName, path: PROGRAMS_PATH, archive}
  await fillVolume(engine, {...input, ...volume}, signal)
  return shimVolumeName
}
