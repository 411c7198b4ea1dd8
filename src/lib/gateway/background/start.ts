import {createServer} from 'node:net'
import {PluginError} from '../../base/errors.ts'
import {ENGINE_VARIABLES} from '../../engine/variables.ts'
import {withFileLock} from '../../files/lock.ts'
import type {RunningGateway} from '../control/client.ts'
import {namedGateway} from './claim.ts'
import {type Launch, launchWords, readLaunch, restoreLaunch, writeLaunch} from './launch-file.ts'
import {inFolder, relativeFlags} from './launch-folder.ts'
import {gatewayFiles} from './name.ts'
import {type SpawnInput, spawnGateway} from './spawn.ts'

/** Where gateways in the background are kept, and what starts one. */
export interface BackgroundInput extends Pick<SpawnInput, 'program' | 'env' | 'signal'> {
  readonly stateDir: string
  /** The address of the engine that a person means; undefined when nobody says one, and any will do. */
  readonly saidEngine: () => Promise<string | undefined>
}

export interface Started {
  readonly gateway: RunningGateway
  /** Undefined for one that the system has started. */
  readonly launch?: Launch | undefined
  /** False for one that ran already. */
  readonly isNew: boolean
}

/** Longer than a start and a stop together may take. */
const LOCK_MS = 120_000

/** Does something with a gateway in the background while nobody else starts or stops it. */
export function withGatewayLock<T>(
  stateDir: string,
  name: string,
  task: () => Promise<T>,
): Promise<T> {
  return withFileLock(gatewayFiles(stateDir, name).launch, task, {
    waitMs: LOCK_MS,
    folderMode: 0o700,
  })
}

/**
 * Starts a gateway in the background, unless one of that name runs.
 * @param wanted how to start it
 * @throws PluginError GATEWAY_RUNNING when one runs with other flags, or speaks to another engine; GATEWAY_START_FAILED; FILE_BUSY; the signal's
 *   reason
 */
export function startGateway(
  input: BackgroundInput,
  name: string,
  wanted: Launch,
): Promise<Started> {
  const {launch: file} = gatewayFiles(input.stateDir, name)
  return withGatewayLock(input.stateDir, name, async () => {
    const running = await namedGateway(input.stateDir, name)
    if (!running) return startHeld(input, name, wanted)
    await mustSpeakTo(running, {...input, name}, async () => wanted)
    const kept = await readLaunch(file)
    if (!isAsWanted(kept, wanted)) throw otherFlags(name)
    return {gateway: running, launch: kept ?? wanted, isNew: false}
  })
}

/**
 * Starts a gateway in the background; the caller has the lock, and none of that name runs.
 * @throws PluginError GATEWAY_START_FAILED; the signal's reason. How it was started before is then still known
 */
export async function startHeld(
  input: BackgroundInput,
  name: string,
  launch: Launch,
): Promise<Started> {
  input.signal?.throwIfAborted()
  const {stopped: _, ...started} = await inFolder(launch)
  const file = gatewayFiles(input.stateDir, name).launch
  const before = await readLaunch(file)
  // First, so that one whose starter is killed now can be started again as it was.
  await writeLaunch(file, started)
  try {
    const gateway = await spawned(input, name, started)
    await writeLaunch(file, withPort(started, gateway.record.address))
    return {gateway, launch: started, isNew: true}
  } catch (error) {
    await restoreLaunch(file, before)
    throw error
  }
}

async function spawned(
  {program, env, signal, stateDir}: BackgroundInput,
  name: string,
  launch: Launch,
): Promise<RunningGateway> {
  const files = gatewayFiles(stateDir, name)
  const words = launchWords(name, await withFreePort(launch))
  const own = launchEnv(env, launch)
  const pid = await spawnGateway({program, words, cwd: launch.cwd, env: own, files, signal})
  const gateway = await namedGateway(stateDir, name)
  if (gateway?.record.pid === pid) return gateway
  throw new PluginError('GATEWAY_START_FAILED', `the gateway ${name} ended right after its start`, {
    hint: `see ${files.log}`,
  })
}

const LEADING: ReadonlySet<string> = new Set(ENGINE_VARIABLES)

/** Whoever starts it again may speak to another engine: the gateway speaks to the one that it was started for. */
function launchEnv(env: NodeJS.ProcessEnv, launch: Launch): NodeJS.ProcessEnv {
  if (!launch.env) return env
  const others = Object.entries(env).filter(([key]) => !LEADING.has(key))
  return {...Object.fromEntries(others), ...launch.env}
}

/** The next start should be at the same address, when we chose its port. */
function withPort(launch: Launch, address: string | undefined): Launch {
  const port = Number(URL.parse(address ?? '')?.port)
  return launch.port === undefined || !port ? launch : {...launch, port}
}

/** The port that was ours may be somebody else's by now. */
async function withFreePort(launch: Launch): Promise<Launch> {
  if (!launch.port || (await isFree(launch.port))) return launch
  return {...launch, port: 0}
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({port, host: '127.0.0.1', exclusive: true}, () => {
      server.close(() => resolve(true))
    })
  })
}

/**
 * Whether a gateway was started with all that is wanted, but for the engine, see {@link mustSpeakTo}; what nobody says may
 * be anything.
 */
function isAsWanted(kept: Launch | undefined, wanted: Launch): boolean {
  const [globals, words] = [otherGlobals(wanted), engineWords(wanted)]
  if (wanted.flags.length + globals.length + words.length === 0) return true
  if (!kept || !wanted.flags.every(word => kept.flags.includes(word))) return false
  if (relativeFlags(wanted.flags).length > 0 && kept.cwd !== wanted.cwd) return false
  return isAlike(globals, otherGlobals(kept)) && isAlike(words, engineWords(kept))
}

/** Docker's flags without those that name an engine. */
function otherGlobals({globals}: Launch): readonly string[] {
  return globals.filter((word, index) => !namesEngine(word) && !namesEngine(globals[index - 1]))
}

function namesEngine(word: string | undefined): boolean {
  return word === '--host' || word === '--context'
}

function isAlike(wanted: readonly string[], kept: readonly string[]): boolean {
  return wanted.length === 0 || JSON.stringify(wanted) === JSON.stringify(kept)
}

/** What names the engine. */
function engineNames({globals, env = {}}: Launch): readonly string[] {
  return [
    ...globals.filter((word, index) => namesEngine(word) || namesEngine(globals[index - 1])),
    ...['DOCKER_HOST', 'DOCKER_CONTEXT'].flatMap(key => (env[key] ? [`${key}=${env[key]}`] : [])),
  ]
}

/** How the engine is spoken to. */
function engineWords({env = {}}: Launch): readonly string[] {
  return ENGINE_VARIABLES.filter(key => key !== 'DOCKER_HOST' && key !== 'DOCKER_CONTEXT').flatMap(
    key => (env[key] === undefined ? [] : [`${key}=${env[key]}`]),
  )
}

/**
 * Refuses a gateway that speaks to another engine than the one that is meant, or that may do so.
 * @param wanted how one for that engine would be started
 * @throws PluginError GATEWAY_RUNNING; what `saidEngine` and `wanted` throw
 */
export async function mustSpeakTo(
  {record: {engine}}: RunningGateway,
  {stateDir, name, saidEngine}: Pick<BackgroundInput, 'stateDir' | 'saidEngine'> & {name: string},
  wanted: () => Promise<Launch>,
): Promise<void> {
  const said = await saidEngine()
  if (said === undefined || said === engine) return
  if (engine === undefined) {
    // It does not tell, as those of earlier versions: so what it was started with counts.
    const kept = await readLaunch(gatewayFiles(stateDir, name).launch)
    if (kept && isAlike(engineNames(await wanted()), engineNames(kept))) return
    throw otherFlags(name)
  }
  throw new PluginError(
    'GATEWAY_RUNNING',
    `the gateway ${name} speaks to the engine at ${engine}, not to the one at ${said}`,
    {
      hint: 'say no engine to use it (DOCKER_HOST, DOCKER_CONTEXT, --host, --context), or choose another --name',
    },
  )
}

function otherFlags(name: string): PluginError {
  return new PluginError(
    'GATEWAY_RUNNING',
    `the gateway ${name} runs already, and was started with other flags`,
    {
      hint: `stop it first: docker mcp gateway stop --name ${name}; or run a second one with another --name`,
    },
  )
}
