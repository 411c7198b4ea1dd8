import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {readFileSync} from 'node:fs'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {JsonObject} from '../../src/lib/base/json.ts'

/** A program under measurement, as a process of its own that listens on HTTP. */
export interface Subject extends AsyncDisposable {
  readonly name: string
  readonly url: URL
  /** Processor time that its process has used so far, in milliseconds, in steps of ten. */
  processorMs(): number
  /** Memory that its process has resident now, in MiB. */
  residentMiB(): number
  /** What is alive in its JavaScript heap now, in MiB: garbage is collected first. */
  heapMiB(): Promise<number>
}

const ROOT = join(import.meta.dirname, '..', '..')
const REPORT_HEAP = join(import.meta.dirname, 'report-heap.mjs')
const STOP_MS = 15_000

/** What clients of the gateway must show; the bare relay does not look. */
export const TOKEN = 'token-of-the-benchmarks'

/** A folder of a user's own, so that nothing of the real one is read or written. */
export interface Home extends AsyncDisposable {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** A catalog with these servers, which are enabled. */
  readonly flags: readonly string[]
}

/** @param servers catalog entries by name */
export async function makeHome(servers: Readonly<Record<string, JsonObject>>): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-mcp-bench-'))
  const file = async (name: string, content: object) => {
    const path = join(folder, name)
    // JSON is YAML, too.
    await writeFile(path, JSON.stringify(content))
    return path
  }
  const names = Object.keys(servers).map(name => [name, {ref: ''}] as const)
  const catalog = await file('catalog.yaml', {version: 3, name: 'bench', registry: servers})
  const registry = await file('registry.yaml', {registry: Object.fromEntries(names)})
  return {
    folder,
    env: {
      ...process.env,
      HOME: folder,
      XDG_CACHE_HOME: join(folder, 'cache'),
      DOCKER_CONFIG: folder,
      MCP_GATEWAY_AUTH_TOKEN: TOKEN,
    },
    flags: ['--catalog', catalog, '--registry', registry],
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
  }
}

/** How the built gateway is started; more flags may follow. */
export function gatewayArgs(home: Home): readonly string[] {
  return [join(ROOT, 'bin', 'docker-mcp.cjs'), 'gateway', 'run', ...home.flags]
}

/** The built gateway over HTTP, with everything that is on by default. */
export function startGateway(home: Home): Promise<Subject> {
  return start('gateway', [...gatewayArgs(home), '--transport', 'streaming', '--port', '0'], home)
}

/** The bare relay of an era in front of the same image. */
export function startBareRelay(
  era: 'legacy' | 'modern',
  home: Home,
  image: string,
  server: string,
): Promise<Subject> {
  const name = era === 'legacy' ? 'bare-relay.ts' : 'bare-modern-relay.ts'
  return start('bare relay', [join(import.meta.dirname, name), image, server], home)
}

async function start(name: string, args: readonly string[], {env}: Home): Promise<Subject> {
  const measured = ['--expose-gc', '--import', REPORT_HEAP, ...args]
  const child = spawn(process.execPath, measured, {env, stdio: ['ignore', 'ignore', 'pipe']})
  const exit = once(child, 'exit')
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let said = ''
  const url = await new Promise<URL>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`${name} ended with ${code}: ${said}`)))
    // Read to the end: a program whose words nobody takes stands still.
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-10_000)
      const address = /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(said)?.[0]
      if (address !== undefined) resolve(new URL(address))
    })
  })
  const {pid} = child
  return {
    name,
    url,
    processorMs: () => processorMs(pid),
    residentMiB: () => residentMiB(pid),
    heapMiB: () =>
      new Promise(resolve => {
        let words = ''
        const look = (text: string) => {
          words += text
          const bytes = /> heap (\d+)\n/.exec(words)?.[1]
          if (bytes === undefined) return
          child.stderr.off('data', look)
          resolve(Number(bytes) / 1024 ** 2)
        }
        child.stderr.on('data', look)
        child.kill('SIGUSR2')
      }),
    async [Symbol.asyncDispose]() {
      const late = setTimeout(kill, STOP_MS)
      child.kill('SIGTERM')
      await exit
      clearTimeout(late)
      process.off('exit', kill)
    },
  }
}

/** proc(5): user and system time are the 14th and 15th field, in hundredths of a second; the name may hold blanks. */
function processorMs(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function residentMiB(pid: number | undefined): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}
