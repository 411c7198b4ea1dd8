/**
 * `npm run bench:lists`: what clients wait for before their first call. How long `initialize` takes with twenty
 * enabled servers whose images the engine does not have, and how long a list of ten thousand tools of servers that are only remembered.
 * Medians of several runs, each in a process or a session of its own, beside the least that the same machine could
 * take in the same moment: a request that asks nothing, an empty Node, the writing of the answer, the reading of the files.
 */
import {spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import type {Scope} from '../src/lib/base/scope.ts'
import {Memory} from '../src/lib/gateway/memory.ts'
import {table} from '../src/lib/ui/table.ts'
import {HELLO, openSession} from './bench/client.ts'
import {median, verdict, type Goal} from './bench/figures.ts'
import {openManyServers} from './bench/many-servers.ts'
import {runBench} from './bench/run.ts'
import {gatewayArgs, makeHome, startGateway, type Home} from './bench/subject.ts'
import {report} from './process.ts'

const ROUNDS = 7
// Images of this machine: no registry is asked for them, which would be what is measured.
const ABSENT = Object.fromEntries(
  Array.from({length: 20}, (_, at) => [
    `absent-${at}`,
    {type: 'server', image: `localhost/docker-mcp-bench/absent-${at}:latest`},
  ]),
)
const MANY = {names: Array.from({length: 500}, (_, at) => `server-${at}`), toolsEach: 20}

/** Two times in milliseconds: of what is measured, and of the least that it could take. */
interface Times {
  readonly ours: number
  readonly least: number
}

/** A gateway that listens, and its first client: how long that one waits for the answer to `initialize`. */
async function overHttp(home: Home): Promise<Times> {
  await using gateway = await startGateway(home)
  const {initializeMs} = await openSession(gateway)
  const least = await timeOf(async () => (await fetch(new URL('/health', gateway.url))).text())
  return {ours: initializeMs, least}
}

/** From the start of the process to the answer to `initialize`, as a client waits that starts the gateway itself. */
async function overStdio(home: Home): Promise<Times> {
  const least = await timeOf(() => spawnSync(process.execPath, ['-e', '0']))
  const started = performance.now()
  const stdio = ['pipe', 'pipe', 'ignore'] as const
  const child = spawn(process.execPath, gatewayArgs(home), {env: home.env, stdio: [...stdio]})
  const exit = once(child, 'exit')
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const hello = {jsonrpc: '2.0', id: 1, method: 'initialize', params: HELLO}
  child.stdin.write(`${JSON.stringify(hello)}\n`)
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exit])
  const ours = performance.now() - started
  if (!String(line).includes('"serverInfo"')) throw new Error(`no answer: ${line}`)
  child.stdin.end()
  await exit
  process.off('exit', kill)
  return {ours, least}
}

/** A folder in which a gateway has kept what its servers listed. */
async function remember(dir: string): Promise<void> {
  const memory = await recall(dir)
  await using servers = await openManyServers({...MANY, memory, areThere: true})
  await servers.listTools()
  await memory.saved()
}

async function recall(dir: string): Promise<Memory> {
  const memory = new Memory({dir, warn: report, redact: text => text, now: Date.now})
  await memory.load(new Map(MANY.names.map(name => [name, 'as it was'])))
  return memory
}

/** The first list of the next gateway, from the request to the JSON of the answer: no server is there yet. */
async function fromCache(dir: string): Promise<Times> {
  const memory = await recall(dir)
  await using servers = await openManyServers({...MANY, memory, areThere: false})
  let answer = ''
  const ours = await timeOf(async () => {
    answer = await servers.listTools()
  })
  const parsed = JSON.parse(answer)
  const count = parsed.result.tools.length
  if (count !== MANY.names.length * MANY.toolsEach) throw new Error(`${count} tools were listed`)
  return {ours, least: await timeOf(() => JSON.stringify(parsed))}
}

/** What that gateway has read before it listens. */
async function reading(dir: string): Promise<Times> {
  const ours = await timeOf(() => recall(dir))
  const files = await readdir(dir)
  const least = await timeOf(() => Promise.all(files.map(name => readFile(join(dir, name)))))
  return {ours, least}
}

async function timeOf(work: () => unknown): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

async function bench(scope: Scope): Promise<void> {
  const home = scope.use(await makeHome(ABSENT))
  // The first run fills the compile cache.
  await overStdio(home)
  const rows = [['WHAT', 'MS', 'LEAST MS', 'RATIO', 'GOAL']]
  const measure = async (what: string, run: () => Promise<Times>, goal?: Goal) => {
    report(`bench: ${what}`)
    const times: Times[] = []
    for (let round = 0; round < ROUNDS; round += 1) times.push(await run())
    const ours = median(times.map(time => time.ours))
    const least = median(times.map(time => time.least))
    const ratio = (ours / least).toFixed(1)
    rows.push([what, ours.toFixed(1), least.toFixed(1), ratio, goal ? verdict(ours, goal) : ''])
  }
  const absent = 'initialize, 20 servers without image'
  await measure(`${absent}, HTTP`, () => overHttp(home), {most: 300})
  await measure(`${absent}, stdio from the start`, () => overStdio(home), {most: 300})
  const dir = join(home.folder, 'cache-of-lists')
  await remember(dir)
  await measure('10,000 tools of 500 servers, from the cache', () => fromCache(dir), {most: 200})
  await measure('reading that cache at the start', () => reading(dir))
  process.stdout.write(table(rows))
}

await runBench(bench)
