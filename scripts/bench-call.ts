/**
 * `npm run bench:call`: what a call through the gateway costs, as ratios to a bare relay in front of the same server
 * image. Both run as processes of their own, in turns, medians of one run: other work on the machine then touches both
 * alike. Processor time and memory are read from /proc, so this runs on Linux only.
 */
import {randomUUID} from 'node:crypto'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import type {Scope} from '../src/lib/base/scope.ts'
import {table} from '../src/lib/ui/table.ts'
import {load, openSession, type Load, type LoadOptions, type Session} from './bench/client.ts'
import {removeContainers} from './bench/containers.ts'
import {median, verdict, type Goal} from './bench/figures.ts'
import {runBench} from './bench/run.ts'
import {makeHome, startBareRelay, startGateway, type Subject} from './bench/subject.ts'
import {report} from './process.ts'
import {importFixture} from './samples.ts'

const ROUNDS = 7
const ROUND_MS = 1000
/** Until then, what is measured is the compiler. */
const WARM_UP_MS = 4000
const CELLS = [1, 32].flatMap(callers => [1, 8].map(sessions => ({callers, sessions})))
const MOST_SESSIONS = 8
const BIG_BYTES = 8 * 1024 * 1024
const IDLE_SESSIONS = 20
/** Memory is read when it has not changed for a second, or when this time is over. */
const SETTLING_S = 10

/** Something that is read from a load, with the goal for its ratio. */
interface Figure {
  readonly name: string
  readonly of: (load: Load) => number
  readonly goal: Goal
}

const PROCESSOR = {name: 'processor µs/call', of: ({processorUs}: Load) => processorUs}
const RATE = {name: 'requests/s', of: ({perSecond}: Load) => perSecond}
const P50 = {name: 'p50 ms', of: ({p50Ms}: Load) => p50Ms}
const CALLS: readonly Figure[] = [
  {...PROCESSOR, goal: {most: 1.6}},
  {...RATE, goal: {least: 0.7}},
  {...P50, goal: {most: 1.5}},
]
const BIG_RESULTS: readonly Figure[] = [
  {...PROCESSOR, goal: {most: 1.5}},
  {...P50, goal: {most: 1.5}},
]

/** A subject, and the sessions that are open there. */
interface Side {
  readonly subject: Subject
  readonly sessions: readonly Session[]
}

const HEAD = ['WHAT', 'FIGURE', 'BARE RELAY', 'GATEWAY', 'RATIO', 'GOAL']

async function bench(scope: Scope): Promise<void> {
  const image = await importFixture('bench-echo', join(import.meta.dirname, 'bench', 'echo.mjs'))
  const server = `bench-${randomUUID().slice(0, 8)}`
  scope.defer(() => removeContainers(server))
  const home = scope.use(await makeHome({[server]: {type: 'server', image, disableNetwork: true}}))
  const bare = await openSide(scope.use(await startBareRelay(home, image, server)))
  const gateway = await openSide(scope.use(await startGateway(home)))
  const sides = {bare, gateway}
  for (const {subject, sessions} of [bare, gateway]) {
    // The large ones first: what they leave behind is no part of the calls that are measured next.
    await load(subject, sessions, {callers: 1, ms: WARM_UP_MS, call: big})
    await load(subject, sessions, {callers: 32, ms: WARM_UP_MS, call: echo})
    await load(subject, sessions, {callers: 1, ms: WARM_UP_MS, call: echo})
  }
  const rows = [HEAD]
  for (const {callers, sessions} of CELLS) {
    const what = `${callers} at a time, ${sessions} sessions`
    report(`bench: ${what}`)
    const cell = {sessions, callers, ms: ROUND_MS, call: echo}
    rows.push(...(await compare(sides, cell, CALLS)).map(row => [what, ...row]))
  }
  report('bench: 8 MiB results')
  const cell = {sessions: 1, callers: 1, ms: 2 * ROUND_MS, call: big}
  rows.push(...(await compare(sides, cell, BIG_RESULTS)).map(row => ['8 MiB results', ...row]))
  process.stdout.write(table(rows))
  report('bench: idle sessions')
  const fresh = scope.use(await startGateway(home))
  process.stdout.write(`\n${await idleMemory(fresh)}\n`)
}

async function openSide(subject: Subject): Promise<Side> {
  const opening = Array.from({length: MOST_SESSIONS}, () => openSession(subject))
  return {subject, sessions: await Promise.all(opening)}
}

/** Loads both sides in turns and gives a table's rows, one for each figure. */
async function compare(
  sides: {readonly bare: Side; readonly gateway: Side},
  {sessions, ...options}: LoadOptions & {readonly sessions: number},
  figures: readonly Figure[],
): Promise<string[][]> {
  const run = (side: Side, ms: number) =>
    load(side.subject, side.sessions.slice(0, sessions), {...options, ms})
  const loads: {readonly bare: Load; readonly gateway: Load}[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const bare = await run(sides.bare, options.ms)
    loads.push({bare, gateway: await run(sides.gateway, options.ms)})
  }
  return figures.map(({name, of, goal}) => {
    const bare = median(loads.map(round => of(round.bare)))
    const gateway = median(loads.map(round => of(round.gateway)))
    const ratio = gateway / bare
    return [name, shown(bare), shown(gateway), ratio.toFixed(2), verdict(ratio, goal)]
  })
}

function shown(figure: number): string {
  return figure.toFixed(figure < 100 ? 2 : 0)
}

function echo(session: Session): Promise<void> {
  return session.call('echo', {text: 'how is the weather in Paris?'}, 'weather in Paris')
}

function big(session: Session): Promise<void> {
  return session.call('big', {bytes: BIG_BYTES}, BIG_BYTES)
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

async function settledMiB(subject: Subject): Promise<number> {
  let now = subject.residentMiB()
  for (let second = 0; second < SETTLING_S; second += 1) {
    const before = now
    await delay(1000)
    now = subject.residentMiB()
    if (now === before) break
  }
  return now
}

await runBench(bench)
