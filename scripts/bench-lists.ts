/**
 * `npm run bench:lists`: what clients wait for before their first call. How long `initialize` takes with twenty
 * enabled servers whose images the engine does not have, and how long a list of ten thousand tools that are known.
 * Medians of several runs, each in a process or a session of its own, beside the least that the same machine could
 * take in the same moment: a request that asks nothing, an empty Node, and the writing of the answer.
 */
import {spawn, spawnSync} from 'node:child_process'
import {once} from 'node:events'
import {createInterface} from 'node:readline'
import type {Scope} from '../src/lib/base/scope.ts'
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
const SERVERS = 500
const TOOLS_EACH = 20

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

/**
 * A list when every server has answered once, from the request to the JSON of the answer. What is kept is in the
 * memory of the session.
 */
async function fromMemory(): Promise<Times> {
  await using servers = await openManyServers(SERVERS, TOOLS_EACH)
  await servers.listTools()
  let answer = ''
  const ours = await timeOf(async () => {
    answer = await servers.listTools()
  })
  const parsed = JSON.parse(answer)
  const count = parsed.result.tools.length
  if (count !== SERVERS * TOOLS_EACH) throw new Error(`${count} tools were listed`)
  return {ours, least: await timeOf(() => JSON.stringify(parsed))}
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
  const measure = async (what: string, run: () => Promise<Times>, goal: Goal) => {
    report(`bench: ${what}`)
    const times: Times[] = []
    for (let round = 0; round < ROUNDS; round += 1) times.push(await run())
    const ours = median(times.map(time => time.ours))
    const least = median(times.map(time => time.least))
    const ratio = (ours / least).toFixed(1)
    rows.push([what, ours.toFixed(1), least.toFixed(1), ratio, verdict(ours, goal)])
  }
  const absent = 'initialize, 20 servers without image'
  await measure(`${absent}, HTTP`, () => overHttp(home), {most: 300})
  await measure(`${absent}, stdio from the start`, () => overStdio(home), {most: 300})
  await measure(`${SERVERS * TOOLS_EACH} tools of ${SERVERS} servers`, fromMemory, {most: 200})
  process.stdout.write(table(rows))
}

await runBench(bench)
