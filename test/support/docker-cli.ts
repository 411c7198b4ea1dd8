import {execFile, spawn, type ChildProcess} from 'node:child_process'
import {randomInt} from 'node:crypto'
import {once} from 'node:events'
import {writeFileSync} from 'node:fs'
import {mkdir, mkdtemp, rm, symlink} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

import {expect} from 'vitest'
import * as z from 'zod'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..', '..')

/** The program itself, as it is run without docker. */
export const PROGRAM = join(ROOT, 'bin', 'docker-mcp')

/** What became of a process. */
export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that is still running, in whose output things can be waited for. */
export interface Running extends AsyncDisposable {
  readonly pid: number
  readonly child: ChildProcess
  /** The process that docker started for the plugin. */
  pluginPid(): Promise<number>
  /** Waits until stderr, or stdout, matches; fails with all of it when the process ends first or takes too long. */
  said(pattern: RegExp, on?: 'stdout' | 'stderr'): Promise<RegExpExecArray>
  /** Waits for the end. */
  ended(): Promise<Outcome>
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly stdin?: string
  /** Another program than docker. */
  readonly program?: string
}

/** A container of one of this cli's gateways. */
export interface OurContainer {
  readonly id: string
  readonly server: string
}

/** A docker CLI of its own: private configuration and state, this project's plugin, the machine's engine. */
export interface DockerCli extends AsyncDisposable {
  readonly home: string
  /** `DOCKER_CONFIG`. */
  readonly configDir: string
  /** The plugin's state in it. */
  readonly mcpDir: string
  readonly env: Readonly<Record<string, string>>
  /** Runs `docker …` to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>
  /** Runs `docker mcp …`, which must succeed, and gives its stdout. */
  mcp(...args: readonly string[]): Promise<string>
  /** Starts `docker …`; stdin stays open. */
  start(args: readonly string[], options?: RunOptions): Running
  /** Puts a file into the state folder and gives its path. */
  write(path: string, text: string): Promise<string>
  /** The containers that the gateways of this cli have on the engine, running or not. */
  containers(): Promise<readonly OurContainer[]>
  /** Waits until none of them is left. */
  gone(): Promise<void>
}

/** No command may take longer; a slow machine starts a container in seconds. */
const DEADLINE_MS = 200_000

/** Makes a docker CLI of its own. Disposing of it ends what it started and removes what that left. */
export async function dockerCli(): Promise<DockerCli> {
  const home = await mkdtemp(join(tmpdir(), 'docker-cli-'))
  const configDir = join(home, 'docker')
  const mcpDir = join(configDir, 'mcp')
  await mkdir(join(configDir, 'cli-plugins'), {recursive: true})
  await symlink(PROGRAM, join(configDir, 'cli-plugins', 'docker-mcp'))
  const mark = memoryMark()
  const env = {
    ...(await inheritedEnv()),
    ...privateEnv(home, configDir),
    DOCKER_MCP_MEMORY: mark,
    // Tests count containers; those of what is kept ready ask for it.
    DOCKER_MCP_STANDBY: '0:0',
  }
  const running = new Set<Running>()

  const start = (args: readonly string[], options: RunOptions = {}) => {
    const process = startProcess({program: options.program ?? 'docker', args, env, options})
    running.add(process)
    return process
  }
  const cli: DockerCli = {
    home,
    configDir,
    mcpDir,
    env,
    start,
    async run(args, options = {}) {
      const process = start(args, options)
      process.child.stdin?.end(options.stdin ?? '')
      return process.ended()
    },
    async mcp(...args) {
      const {code, stdout, stderr} = await cli.run(['mcp', ...args])
      expect(code, `docker mcp ${args.join(' ')}\n${stderr}`).toBe(0)
      return stdout
    },
    async write(path, text) {
      const file = join(mcpDir, path)
      await mkdir(join(file, '..'), {recursive: true})
      // In one go: a gateway that watches it must not find it empty.
      writeFileSync(file, text)
      return file
    },
    containers: () => markedContainers(Number(mark)),
    async gone() {
      await expect.poll(() => cli.containers(), {interval: 100}).toEqual([])
    },
    async [Symbol.asyncDispose]() {
      for (const process of running) await process[Symbol.asyncDispose]()
      for (const {id} of await cli.containers())
        await run('docker', ['rm', '--force', id]).catch(() => undefined)
      // What docker started may outlive it, and write its last words meanwhile.
      await rm(home, {recursive: true, force: true, maxRetries: 10})
    },
  }
  return cli
}

/**
 * A memory limit that nobody else uses, in bytes. It tells the containers of one test from those of others that run
 * at the same time, without any change to what is tested.
 */
function memoryMark(): string {
  return String(1_500_000_000 + randomInt(400_000_000))
}

function privateEnv(home: string, configDir: string): Record<string, string> {
  return {
    HOME: home,
    DOCKER_CONFIG: configDir,
    // Compiled code may be shared: without it every test would compile the program anew.
    XDG_CACHE_HOME: join(ROOT, 'node_modules', '.cache'),
  }
}

/** Of the machine's own environment only what reaches the engine; an engine that a context names becomes a host. */
async function inheritedEnv(): Promise<Record<string, string>> {
  const {
    PATH = '',
    DOCKER_HOST = await contextHost(),
    DOCKER_TLS_VERIFY,
    DOCKER_CERT_PATH,
  } = process.env
  return {
    PATH,
    TERM: 'xterm-256color',
    ...(DOCKER_HOST !== 'unix:///var/run/docker.sock' && {DOCKER_HOST}),
    ...(DOCKER_TLS_VERIFY && {DOCKER_TLS_VERIFY}),
    ...(DOCKER_CERT_PATH && {DOCKER_CERT_PATH}),
  }
}

async function contextHost(): Promise<string> {
  const {stdout} = await run('docker', [
    'context',
    'inspect',
    '--format',
    '{{.Endpoints.docker.Host}}',
  ])
  return stdout.trim()
}

function startProcess(input: {
  program: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
  options: RunOptions
}): Running {
  const {program, args, options} = input
  const env = {...input.env, ...options.env}
  const child = spawn(program, args, {env, cwd: options.cwd, stdio: 'pipe'})
  const output = {stdout: '', stderr: ''}
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  // A process that ends without reading leaves a broken pipe, which is no news here.
  child.stdin.on('error', () => undefined)
  const closed = once(child, 'close').then(() => ({
    code: child.exitCode,
    signal: child.signalCode,
    ...output,
  }))
  const pid = child.pid ?? -1
  return {
    pid,
    child,
    async pluginPid() {
      let found = ''
      await expect.poll(async () => (found = await pluginOf(pid))).toMatch(/^\d+$/)
      return Number(found)
    },
    said: (pattern, on = 'stderr') =>
      new Promise((resolve, reject) => {
        const fail = (why: string) =>
          reject(new Error(`${why} before ${on} matched ${pattern}:\n${output[on]}`))
        const look = () => {
          const match = pattern.exec(output[on])
          if (!match) return
          clearTimeout(timer)
          resolve(match)
        }
        const timer = setTimeout(() => fail('the deadline came'), DEADLINE_MS)
        child[on].on('data', look)
        child.once('close', () => {
          clearTimeout(timer)
          fail('the process ended')
        })
        look()
      }),
    async ended() {
      const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS)
      try {
        return await closed
      } finally {
        clearTimeout(timer)
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.stdin.end()
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await closed
      clearTimeout(timer)
    },
  }
}

/** Before it runs the command, docker starts the plugin for a moment to ask it for its metadata: no Node runs then. */
async function pluginOf(pid: number): Promise<string> {
  const words = ['-P', String(pid), '-f', 'docker-mcp\\.cjs']
  const {stdout} = await run('pgrep', words).catch(() => ({stdout: ''}))
  return stdout.trim()
}

const inspectedSchema = z.array(
  z.object({
    Id: z.string(),
    HostConfig: z.object({Memory: z.number()}),
    Config: z.object({Labels: z.record(z.string(), z.string())}),
  }),
)

/** Other tests, too, have containers, by the hundred. */
const ROOM = {maxBuffer: 2 ** 28}

async function markedContainers(memory: number): Promise<readonly OurContainer[]> {
  const words = ['ps', '--all', '--quiet', '--no-trunc', '--filter', 'label=docker-mcp=true']
  const list = await run('docker', words, ROOM)
  const ids = list.stdout.split('\n').filter(id => id !== '')
  if (ids.length === 0) return []
  return (await inspect(ids))
    .filter(({HostConfig}) => HostConfig.Memory === memory)
    .map(({Id, Config}) => ({id: Id, server: Config.Labels['docker-mcp-name'] ?? ''}))
}

/** Containers of others may be gone since they were listed; docker prints the rest all the same. */
async function inspect(ids: readonly string[]): Promise<z.infer<typeof inspectedSchema>> {
  const {stdout} = await run('docker', ['inspect', '--type', 'container', ...ids], ROOM).catch(
    (error: unknown) => z.object({stdout: z.string()}).parse(error),
  )
  return inspectedSchema.parse(JSON.parse(stdout))
}
