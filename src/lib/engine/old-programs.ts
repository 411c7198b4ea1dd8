import type {Engine} from './engine.ts'
import {shimVolumeName} from './shim.ts'

const VOLUME = /^docker-mcp-shim-[0-9a-f]{12}$/
/** So old must be what another version of this program has made: it may be about to use it. */
const UNUSED_MS = 60 * 60 * 1000

/**
 * Removes the volumes with programs of other versions that no container has. A gateway of such a version that needs
 * them again makes them again.
 * @param now by the engine's clock
 */
export async function removeOldPrograms(
  engine: Engine,
  now: Date,
  signal?: AbortSignal,
): Promise<void> {
  for (const {name, createdAt} of await engine.listVolumes({'docker-mcp': 'true'}, signal)) {
    if (!VOLUME.test(name) || name === shimVolumeName || createdAt === undefined) continue
    if (now.getTime() - createdAt.getTime() < UNUSED_MS) continue
    // The engine refuses while a container has it.
    await engine.removeVolume(name).catch(() => undefined)
  }
}
