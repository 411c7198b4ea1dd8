/**
 * `npm run bench:call`: what a call through the gateway costs in either era, as ratios to a bare relay in front of the
 * same server image. Both run as processes of their own, in turns, medians of one run: other work on the machine then
 * touches both alike. Processor time and memory are read from /proc, so this runs on Linux only.
 */
import {randomUUID} from 'node:crypto'
import {join} from 'node:path'
import type {Scope} from '../src/lib/base/scope.ts'
import {table} from '../src/lib/ui/table.ts'
import {load, modernCaller, openSession, type Caller} from './bench/client.ts'
import {BIG_RESULTS, CALLS, compare, HEAD, type Side, type Sides} from './bench/compare.ts'
import {removeContainers} from './bench/containers.ts'
import {settledMiB} from './bench/figures.ts'
import {runBench} from './bench/run.ts'
import {MEMORY_HEAD, statelessCallers} from './bench/stateless-callers.ts'
import {makeHome, startBareRelay, startGateway, type Subject} from './bench/subject.ts'
import {report} from './process.ts'
import {importFixture} from './samples.ts'

const ROUND_MS = 1000
/** Until then, what is measured is the compiler. */
const WARM_UP_MS = 4000
const CALLERS = [1, 32]
const SESSIONS = [1, 8]
const MOST_SESSIONS = 8
const BIG_BYTES = 8 * 1024 * 1024
const IDLE_SESSIONS = 20

async function bench(scope: Scope): Promise<void> {
  const image = await importFixture('bench-echo', join(import.meta.dirname, 'bench', 'echo.mjs'))
  const server = `bench-${randomUUID().slice(0, 8)}`
  scope.defer(() => removeContainers(server))
  const home = scope.use(await makeHome({[server]: {type: 'server', image, disableNetwork: true}}))
  const gateway = scope.use(await startGateway(home))
  const bare = scope.use(await startBareRelay('legacy', home, image, server))
  const legacy = {bare: await withSessions(bare), gateway: await withSessions(gateway)}
  process.stdout.write(table([HEAD, ...(await legacyRows(legacy))]))

  report('bench: idle sessions')
  const fresh = scope.use(await startGateway(home))
  process.stdout.write(`\n${await idleMemory(fresh)}\n\n`)

  const bareModern = scope.use(await startBareRelay('modern', home, image, server))
  const gatewayModern = scope.use(await startGateway(home))
  const modern = {bare: withCaller(bareModern), gateway: withCaller(gatewayModern)}
  process.stdout.write(table([HEAD, ...(await modernRows(modern))]))

  report('bench: stateless callers')
  const rows = [MEMORY_HEAD]
  for (const subject of [bareModern, gatewayModern])
    rows.push(...(await statelessCallers(subject, echo)))
  process.stdout.write(`\n${table(rows)}`)
}

async function withSessions(subject: Subject): Promise<Side> {
  const opening = Array.from({length: MOST_SESSIONS}, () => openSession(subject))
  return {subject, clients: await Promise.all(opening)}
}

function withCaller(subject: Subject): Side {
  return {subject, clients: [modernCaller(subject)]}
}

async function legacyRows(sides: Sides): Promise<string[][]> {
  await warmUp(sides)
  const rows: string[][] = []
  for (const callers of CALLERS) {
    for (const clients of SESSIONS) {
      const what = `${callers} at a time, ${clients} sessions`
      report(`bench: ${what}`)
      const cell = {clients, callers, ms: ROUND_MS, call: echo}
      rows.push(...(await compare(sides, cell, CALLS)).map(row => [what, ...row]))
    }
  }
  return [...rows, ...(await bigRows(sides))]
}

async function modernRows(sides: Sides): Promise<string[][]> {
  await warmUp(sides)
  const rows: string[][] = []
  for (const callers of CALLERS) {
    const what = `${callers} at a time, modern`
    report(`bench: ${what}`)
    const cell = {clients: 1, callers, ms: ROUND_MS, call: echo}
    rows.push(...(await compare(sides, cell, CALLS)).map(row => [what, ...row]))
  }
  return [...rows, ...(await bigRows(sides))]
}

async function bigRows(sides: Sides): Promise<string[][]> {
  report('bench: 8 MiB results')
  const cell = {clients: 1, callers: 1, ms: 2 * ROUND_MS, call: big}
  return (await compare(sides, cell, BIG_RESULTS)).map(row => ['8 MiB results', ...row])
}

async function warmUp({bare, gateway}: Sides): Promise<void> {
  for (const {subject, clients} of [bare, gateway]) {
    // The large ones first: what they leave behind is no part of the calls that are measured next.
    await load(subject, clients, {callers: 1, ms: WARM_UP_MS, call: big})
    await load(subject, clients, {callers: 32, ms: WARM_UP_MS, call: echo})
    await load(subject, clients, {callers: 1, ms: WARM_UP_MS, call: echo})
  }
}

function echo(caller: Caller): Promise<void> {
  return caller.call('echo', {text: 'how is the weather in Paris?'}, 'weather in Paris')
}

function big(caller: Caller): Promise<void> {
  return caller.call('big', {bytes: BIG_BYTES}, BIG_BYTES)
}

/** What a session takes of the gateway's memory while nothing happens in it; its container is not part of that. */
async function idleMemory(gateway: Subject): Promise<string> {
  await openSession(gateway)
  const before = await settledMiB(gateway)
  for (let count = 0; count < IDLE_SESSIONS; count += 1) await openSession(gateway)
  const after = await settledMiB(gateway)
  const each = ((after - before) / IDLE_SESSIONS).toFixed(2)
  return `memory of the gateway: ${before.toFixed(1)} MiB with 1 session, ${after.toFixed(1)} MiB with ${IDLE_SESSIONS} more that are idle: ${each} MiB each`
}

await runBench(bench)
