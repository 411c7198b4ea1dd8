import {execFile, spawn, type ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {closeSync, openSync} from 'node:fs'
import {mkdir, mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {promisify} from 'node:util'

const run = promisify(execFile)

/**
 * An engine that only one test has: its files can be searched, its log is complete, and its network is one in which
 * nothing outside this machine exists. Disposing of it ends it with all its containers and removes its files.
 */
export interface PrivateEngine extends AsyncDisposable {
  /** As in `DOCKER_HOST`. */
  readonly host: string
  /** Path of its socket. */
  readonly socket: string
  /** Everything that it writes: data root, exec root, log. */
  readonly folder: string
  /** The log, with every request that it got. */
  readonly log: string
  /** The process. */
  readonly pid: number
  /** Ends the process and all its containers, as a machine does that is switched off; images and volumes stay. */
  stop(): Promise<void>
  /** Starts it again after `stop`, at the same place. */
  start(): Promise<void>
  /** Runs `docker` with it; must succeed. Gives stdout without the last newline. */
  docker(...args: readonly string[]): Promise<string>
  /** Brings images of the engine that docker uses. */
  bring(...images: readonly string[]): Promise<void>
}

export interface PrivateEngineOptions {
  /** Name of a network namespace to run in, as `ip netns` knows it; a new and empty one when nothing is said. */
  readonly netns?: string
  /** The resolver that containers in the bridge network get. */
  readonly dns?: string
  /** More of dockerd's. */
  readonly flags?: readonly string[]
}

/** What is tried in turn: kernels and machines differ in what they allow. */
const WAYS: readonly (readonly string[])[] = [
  ['--storage-driver=overlay2'],
  ['--storage-driver=overlay2', '--iptables=false', '--bridge=none'],
  ['--storage-driver=vfs', '--iptables=false', '--bridge=none'],
]
/**
 * Put in front of a program, it ends with the process that starts it, even if that is killed. Each program of a chain
 * like this one becomes the next one without a new process, so that what we start is what is named last.
 */
export const ENDS_WITH_US = ['setpriv', '--pdeathsig', 'SIGTERM'] as const
const START_MS = 60_000
const STOP_MS = 60_000

/**
 * Starts dockerd in a mount namespace of its own, and in a network namespace that is not the machine's: a second
 * engine in the same one would take the first one's bridge away.
 * @throws with the end of the engine's log when it does not start
 */
export async function privateEngine(options: PrivateEngineOptions = {}): Promise<PrivateEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'private-engine-'))
  for (const flags of WAYS) {
    const daemon = await start(folder, flags, options)
    if (daemon !== undefined) return engine(folder, daemon, () => start(folder, flags, options))
  }
  const words = (await readFile(join(folder, 'log'), 'utf8')).split('\n').slice(-20).join('\n')
  await rm(folder, {recursive: true})
  throw new Error(`no second engine starts on this machine:\n${words}`)
}

function engine(
  folder: string,
  first: ChildProcess,
  again: () => Promise<ChildProcess | undefined>,
): PrivateEngine {
  let daemon = first
  const socket = join(folder, 'docker.sock')
  const host = `unix://${socket}`
  return {
    host,
    socket,
    folder,
    log: join(folder, 'log'),
    get pid() {
      return daemon.pid ?? -1
    },
    stop: () => stop(folder, daemon),
    async start() {
      const next = await again()
      if (next === undefined) throw new Error(`the engine in ${folder} does not start again`)
      daemon = next
    },
    async docker(...args) {
      const {stdout} = await run('docker', ['--host', host, ...args], {maxBuffer: 2 ** 30})
      return stdout.trimEnd()
    },
    async bring(...images) {
      const save = spawn('docker', ['save', ...images], {stdio: ['ignore', 'pipe', 'inherit']})
      const load = spawn('docker', ['--host', host, 'load', '--quiet'], {
        stdio: ['pipe', 'ignore', 'inherit'],
      })
      save.stdout.pipe(load.stdin)
      const [code] = await once(load, 'close')
      if (code !== 0) throw new Error(`${images.join(' ')} did not reach the private engine`)
    },
    async [Symbol.asyncDispose]() {
      await stop(folder, daemon)
      await rm(folder, {recursive: true, maxRetries: 10})
    },
  }
}

async function start(
  folder: string,
  flags: readonly string[],
  {netns, dns, flags: more = []}: PrivateEngineOptions,
): Promise<ChildProcess | undefined> {
  const [data, exec] = [join(folder, 'data'), join(folder, 'exec')]
  await mkdir(data, {recursive: true})
  await mkdir(exec, {recursive: true})
  const log = openSync(join(folder, 'log'), 'a')
  const place = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`]
  const unshare = ['unshare', '--mount', '--propagation', 'private']
  const files = ['--data-root', data, '--exec-root', exec, '--pidfile', join(folder, 'pid')]
  const [program, ...args] = [
    ...ENDS_WITH_US,
    ...place,
    ...unshare,
    ...(netns === undefined ? ['--net'] : []),
    'dockerd',
    '--debug',
    ...files,
    '--host',
    `unix://${join(folder, 'docker.sock')}`,
    ...(dns === undefined ? [] : ['--dns', dns]),
    ...flags,
    ...more,
  ]
  const daemon = spawn(program, args, {cwd: '/', stdio: ['ignore', log, log]})
  closeSync(log)
  if (await answers(folder, daemon)) return daemon
  await stop(folder, daemon)
  return undefined
}

async function answers(folder: string, daemon: ChildProcess): Promise<boolean> {
  const ended = new AbortController()
  daemon.on('exit', () => ended.abort())
  daemon.on('error', () => ended.abort())
  const deadline = Date.now() + START_MS
  const args = ['--host', `unix://${join(folder, 'docker.sock')}`, 'version']
  while (!ended.signal.aborted && Date.now() < deadline) {
    if (await run('docker', args).then(...YES_OR_NO)) return true
    await delay(100)
  }
  return false
}

const YES_OR_NO = [() => true, () => false] as const

/** Ends the daemon, then whatever of its own it left behind: a shim that outlives it knows no other engine. */
async function stop(folder: string, daemon: ChildProcess): Promise<void> {
  if (daemon.pid !== undefined && daemon.exitCode === null && daemon.signalCode === null) {
    const exit = once(daemon, 'exit')
    daemon.kill('SIGTERM')
    const timer = setTimeout(() => daemon.kill('SIGKILL'), STOP_MS)
    await exit
    clearTimeout(timer)
  }
  for (const pid of await processesOf(folder)) end(pid)
  const deadline = Date.now() + STOP_MS
  while ((await processesOf(folder)).length > 0 && Date.now() < deadline) await delay(50)
}

/** Processes that were started with a path below the folder: containerd and its shims. */
async function processesOf(folder: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const lines = await Promise.all(
    pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return pids.filter((pid, index) => pid !== process.pid && lines[index]?.includes(`${folder}/`))
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
