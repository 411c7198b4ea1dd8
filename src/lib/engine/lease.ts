import {randomBytes} from 'node:crypto'
import type {Duplex} from 'node:stream'
import {withDeadline} from '../base/async.ts'
import {messageOf, PluginError} from '../base/errors.ts'
import {Scope} from '../base/scope.ts'
import type {ContainerFacts, Engine, ImageFacts} from './engine.ts'
import {PROGRAMS_PATH, plainPath} from './mounts.ts'
import type {ContainerOptions} from './options.ts'
import {OWNER_LABEL} from './owner.ts'
import {ensureShim, forgetShim, shimArchitecture, type ShimArchitecture} from './shim.ts'

const LEASE_LABEL = 'docker-mcp-lease'
const NAME_BYTES = 3
/** What the engine's own program needs to start ours, which is 4 KB. */
const MEMORY = 16 * 1024 ** 2
const MOST_PROCESSES = 32
/** No user of any image; below 65536, so that it exists where users are mapped (userns-remap). */
const USER = '65432:65432'
/** What the engine may take to start it, in milliseconds. */
export const LEASE_START_MS = 60_000
/** The same to remove it. */
const END_MS = 3000

/** Any image that the engine holds: nothing of it is run. */
export interface LeaseImage {
  readonly reference: string
  readonly facts: Pick<ImageFacts, 'architecture' | 'volumes'>
}

/** A container that runs exactly as long as our connection to the engine: by it, others see that a gateway lives. */
export interface Lease extends AsyncDisposable {
  readonly id: string
  /** When it was made, by the engine's clock, which may not be ours. */
  readonly createdAt: Date
  /** Settles when it has ended, whoever ended it. Never rejects. */
  readonly ended: Promise<void>
}

/**
 * Takes out a lease for a gateway.
 * @returns undefined when the image's architecture is one that we have no program for
 * @throws PluginError of the engine, or the signal's reason; then nothing is left behind
 */
export async function openLease(
  engine: Engine,
  {owner, image}: {readonly owner: string; readonly image: LeaseImage},
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const architecture = shimArchitecture(image.facts.architecture)
  if (architecture === undefined) return undefined
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LEASE_START_MS)])
  try {
    const volume = await ensureShim(engine, {owner, image: image.reference}, limit)
    return await start(engine, {owner, image, volume, architecture}, limit)
  } catch (error) {
    // Their volume can be removed whenever nothing runs; the next try then makes it again.
    if (messageOf(error).includes(PROGRAMS_PATH)) forgetShim(engine)
    signal.throwIfAborted()
    throw error
  }
}

/**
 * Whether a container is the lease of its owner, and not only an image that says so: an image can bring labels, but no
 * name.
 */
export function isLease({name, labels}: Pick<ContainerFacts, 'name' | 'labels'>): boolean {
  return labels[LEASE_LABEL] === 'true' && name.startsWith(`${prefix(labels[OWNER_LABEL])}-`)
}

interface LeaseInput {
  readonly owner: string
  readonly image: LeaseImage
  readonly volume: string
  readonly architecture: ShimArchitecture
}

async function start(engine: Engine, input: LeaseInput, signal: AbortSignal): Promise<Lease> {
  await using starting = new Scope()
  const name = `${prefix(input.owner)}-${randomBytes(NAME_BYTES).toString('hex')}`
  const id = await engine.create(leaseOptions(input), signal, name)
  starting.defer(() => remove(engine, id))
  const socket = await engine.attach(id, signal)
  starting.defer(() => void socket.destroy())
  await engine.start(id, signal)
  const facts = await engine.inspect(id, signal)
  if (facts === undefined) throw endedAtOnce()
  starting.release()
  return {
    id,
    createdAt: facts.createdAt,
    ended: endOf(socket),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await remove(engine, id)
    },
  }
}

/** What is not removed in time ends by itself: nobody holds its stdin any more. */
async function remove(engine: Engine, id: string): Promise<void> {
  await withDeadline(engine.remove(id, {force: true}), END_MS, tooLate).catch(() => undefined)
}

function tooLate(): Error {
  return new Error('the engine did not answer in time')
}

function endedAtOnce(): PluginError {
  return new PluginError('ENGINE_FAILED', 'the lease of the gateway ended at once', {
    hint: 'see whether the engine still works: docker ps',
  })
}

/** The program says nothing but its last words, which nobody needs. */
function endOf(socket: Duplex): Promise<void> {
  return new Promise(resolve => {
    socket.once('close', resolve).once('end', resolve).once('error', resolve)
    socket.resume()
  })
}

function prefix(owner = ''): string {
  return `docker-mcp-lease-${owner}`
}

function leaseOptions({owner, image, volume, architecture}: LeaseInput): ContainerOptions {
  return {
    Image: image.reference,
    // It waits for ever for what to start, and ends with its stdin.
    Entrypoint: [`${PROGRAMS_PATH}/shim-${architecture}`, '-t0', '-w0', '--'],
    Cmd: ['-'],
    Env: [],
    User: USER,
    Labels: {'docker-mcp': 'true', [OWNER_LABEL]: owner, [LEASE_LABEL]: 'true'},
    Tty: false,
    OpenStdin: true,
    // The engine closes its stdin when our connection is gone: this is what it is for.
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    NetworkDisabled: true,
    Healthcheck: {Test: ['NONE']},
    HostConfig: {
      AutoRemove: true,
      LogConfig: {Type: 'none', Config: {}},
      RestartPolicy: {Name: 'no'},
      NetworkMode: 'none',
      Memory: MEMORY,
      MemorySwap: MEMORY,
      PidsLimit: MOST_PROCESSES,
      CapDrop: ['ALL'],
      CapAdd: [],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      CgroupnsMode: 'private',
      IpcMode: 'private',
      Ulimits: [{Name: 'core', Soft: 1, Hard: 1}],
      Tmpfs: emptyFolders(image.facts.volumes),
      Mounts: [
        {
          Type: 'volume',
          Source: volume,
          Target: PROGRAMS_PATH,
          ReadOnly: true,
          VolumeOptions: {NoCopy: true},
        },
      ],
    },
  }
}

/** Places that the image wants volumes for: they would be made, and filled from the image. */
function emptyFolders(volumes: readonly string[]): Readonly<Record<string, string>> {
  const paths = volumes.flatMap(path => plainPath(path) ?? [])
  const others = paths.filter(path => path !== PROGRAMS_PATH)
  return Object.fromEntries(others.map(path => [path, 'rw,noexec,nosuid,nodev,size=64k']))
}
