import {setTimeout} from 'node:timers/promises'
import {gunzipSync} from 'node:zlib'
import {messageOf, PluginError} from '../base/errors.ts'
import type {Engine, HolderOptions} from './engine.ts'
import {type TarFile, tarFiles} from './tar.ts'

export interface VolumeInput {
  /** The volume's name; it is made when the engine does not have it. */
  readonly name: string
  /** Where the containers find it: the helper has it at the same place. */
  readonly path: string
  /** A gzipped tar with nothing but regular files at its top. */
  readonly archive: Buffer
  /** Any image that the engine holds; nothing of it is run. */
  readonly image: string
  /** The gateway that the helper belongs to, should it be left behind. */
  readonly owner: string
}

/** How long another gateway may take to fill a volume before it is taken for dead. */
const OTHERS_MS = 10_000
/** How long to wait for one's turn among any number of gateways. */
const TURN_MS = 60_000

/**
 * Sees to it that a volume holds the files of an archive, bit for bit and with their modes. Other files in it stay as
 * they are. It is done through a container that is created and never started, so it works with an engine anywhere. A
 * helper with a fixed name is the lock for writing: of several gateways at once, one fills the volume.
 * @throws PluginError ENGINE_FAILED with the engine's reason, or when the volume does not keep what is put into it;
 * IMAGE_MISSING; ENGINE_UNREACHABLE; the signal's reason. No helper is left behind
 */
export async function fillVolume(
  engine: Engine,
  input: VolumeInput,
  signal: AbortSignal,
): Promise<void> {
  const files = tarFiles(gunzipSync(input.archive))
  const isFilled = (helper: string) => holds(engine, {helper, path: input.path, files}, signal)
  const reader = await engine.createHolder(helperOptions(input), signal)
  if (await withHelper(engine, reader, isFilled)) return
  const writer = await createInTurn(engine, input, signal)
  await withHelper(engine, writer, async helper => {
    // It may have been another gateway's turn before.
    if (await isFilled(helper)) return
    await engine.putArchive(helper, input.path, input.archive, signal)
    if (await isFilled(helper)) return
    throw new PluginError(
      'ENGINE_FAILED',
      `the volume ${input.name} does not keep what is put into it, or holds too much besides`,
      {hint: `stop the containers that use it, then: docker volume rm ${input.name}`},
    )
  })
}

function helperOptions({name, path, image, owner}: VolumeInput): HolderOptions {
  const labels = {'docker-mcp': 'true'}
  return {
    Image: image,
    // An image without a command needs one, though nothing is ever run.
    Cmd: ['-'],
    Labels: {...labels, 'docker-mcp-owner': owner},
    HostConfig: {
      NetworkMode: 'none',
      Mounts: [
        {
          Type: 'volume',
          Source: name,
          Target: path,
          // What an image has at this path is nothing of ours.
          VolumeOptions: {NoCopy: true, Labels: labels},
        },
      ],
    },
  }
}

async function withHelper<T>(
  engine: Engine,
  helper: string,
  task: (helper: string) => Promise<T>,
): Promise<T> {
  try {
    return await task(helper)
  } finally {
    await engine.remove(helper, {force: true})
  }
}

async function createInTurn(
  engine: Engine,
  input: VolumeInput,
  signal: AbortSignal,
): Promise<string> {
  const name = `${input.name}-setup`
  const end = Date.now() + TURN_MS
  for (;;) {
    try {
      return await engine.createHolder(helperOptions(input), signal, name)
    } catch (error) {
      if (!messageOf(error).includes('already in use') || Date.now() > end) throw error
    }
    await othersTurn(engine, name, signal)
  }
}

async function othersTurn(engine: Engine, name: string, signal: AbortSignal): Promise<void> {
  const other = await engine.inspect(name, signal)
  if (other === undefined) {
    // Its name is taken before it is there, and while it is going.
    await setTimeout(50)
    return
  }
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(OTHERS_MS)])
    await engine.untilGone(other.id, patience)
  } catch {
    signal.throwIfAborted()
    // By its id: by now, the name may be that of the next one, which is at work.
    await engine.remove(other.id, {force: true})
  }
}

interface Expected {
  readonly helper: string
  readonly path: string
  readonly files: ReadonlyMap<string, TarFile>
}

async function holds(
  engine: Engine,
  {helper, path, files}: Expected,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await filesIn(engine, {helper, path}, signal)
  return [...files].every(([name, {mode, content}]) => {
    const other = found.get(name)
    return other !== undefined && other.mode === mode && other.content.equals(content)
  })
}

/** The files of a folder by their paths in it; none when it is too large to be ours, or cannot be read. */
async function filesIn(
  engine: Engine,
  {helper, path}: {helper: string; path: string},
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TarFile>> {
  try {
    // One request for all, since each costs the engine a process of its own, some 60 ms. The dot lets it follow
    // a link that an image has in the place of the folder.
    const archive = await engine.getArchive(helper, `${path}/.`, signal)
    const files = tarFiles(archive ?? Buffer.alloc(0))
    // Each begins with the folder's own name.
    return new Map([...files].map(([name, file]) => [name.slice(name.indexOf('/') + 1), file]))
  } catch (error) {
    if (error instanceof PluginError && error.code === 'ENGINE_FAILED') return new Map()
    throw error
  }
}
