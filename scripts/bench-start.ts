/**
 * `npm run bench:start`: how long a client waits for the first result of servers that do not run yet, as ratios to the
 * same containers started by `docker run`, all at once: of a program that takes no time itself, and of a small one on
 * Node. From standby, the program's own start is what is left, so that is compared with the same program without any
 * container. Round robin, medians of one run: other work on the machine then touches all alike. Linux only, beside
 * the engine.
 */
import {randomUUID} from 'node:crypto'
import {join} from 'node:path'
import {Scope} from '../src/lib/base/scope.ts'
import type {Engine} from '../src/lib/engine/engine.ts'
import {table} from '../src/lib/ui/table.ts'
import {benchEngine, removeContainers} from './bench/containers.ts'
import {median, verdict, type Goal} from './bench/figures.ts'
import {callProgram, type FirstCall, freshSession} from './bench/first-call.ts'
import {compareRounds, inRounds} from './bench/rounds.ts'
import {runBench} from './bench/run.ts'
import {makeHome, startGateway, type Subject} from './bench/subject.ts'
import {tinyImage} from './bench/tiny-image.ts'
import {report} from './process.ts'
import {importFixture} from './samples.ts'

const AT_ONCE = [1, 5, 20] as const
const ROUNDS = {1: 15, 5: 9, 20: 5} as const
const CALLS = 25
const LATE_MS = 60_000
/** More than the life of a container that is asked only what its server can do. */
const DESCRIBED_MS = 5000
const ECHO = join(import.meta.dirname, 'bench', 'echo.mjs')
/** What the gateway gives a server, too. */
const LIMITS = ['--cpus', '1', '--memory', '2g', '--memory-swap', '2g', '--pids-limit', '256']
const DOCKER_RUN = ['run', '-i', '--rm', '--network', 'none', '--log-driver', 'none', ...LIMITS]
const HEAD = ['SERVER', 'AT ONCE', 'WAY', 'MS', 'AGAINST', 'MS', 'RATIO', 'GOAL']

interface Sample extends FirstCall {
  readonly name: string
  readonly image: string
  /** Without a container; undefined where that takes no time. */
  readonly process?: readonly [command: string, ...args: string[]]
}

/** Gives the milliseconds from the first call to the last result of servers that do not run yet. */
type Measure = () => Promise<number>

async function bench(scope: Scope): Promise<void> {
  const engine = await benchEngine()
  const all = await samples()
  for (const sample of all) {
    for (const servers of AT_ONCE) {
      report(`bench: first results of ${servers} × ${sample.name}`)
      process.stdout.write(table([HEAD, ...(await firstRows(engine, sample, servers))]))
    }
  }
  for (const sample of all) {
    report(`bench: ephemeral calls of ${sample.name}`)
    process.stdout.write(table([HEAD, await ephemeralRow(scope, engine, sample)]))
  }
}

async function samples(): Promise<readonly Sample[]> {
  const text = 'how is the weather?'
  return [
    {name: 'static', image: await tinyImage(), tool: 'weather', args: {}, expected: 'fine, call 1'},
    {
      name: 'Node',
      image: await importFixture('bench-echo', ECHO),
      process: [process.execPath, ECHO],
      tool: 'echo',
      args: {text},
      expected: text,
    },
  ]
}

async function firstRows(
  engine: Engine,
  sample: Sample,
  servers: (typeof AT_ONCE)[number],
): Promise<string[][]> {
  await using scope = new Scope()
  const run = ['docker', ...DOCKER_RUN, sample.image] as const
  const things = [
    {name: 'docker run', measure: programs(run, sample, servers)},
    {name: 'cold', measure: await gateway(scope, engine, sample, {servers, standby: '0:0'})},
    {
      name: 'from standby',
      measure: await gateway(scope, engine, sample, {servers, standby: '1:1'}),
    },
  ]
  if (sample.process) {
    things.push({name: 'process', measure: programs(sample.process, sample, servers)})
  }
  // The first ones find files that nobody has read yet, and the compiler cold.
  await inRounds(1, things)
  const found = await inRounds(ROUNDS[servers], things)
  const row = (name: string, against: string, goal?: Goal) => {
    const {ours, reference, ratio} = compareRounds(found, name, against)
    const figures = [ours.toFixed(1), against, reference.toFixed(1), ratio.toFixed(2)]
    return [sample.name, `${servers}`, name, ...figures, goal ? verdict(ratio, goal) : '']
  }
  return [
    row('cold', 'docker run', {most: 1.1}),
    sample.process
      ? row('from standby', 'process', {most: 1.1})
      : row('from standby', 'docker run', {most: 0.1}),
  ]
}

/** Calls that get a container each, one after the other, each when there is one on standby. */
async function ephemeralRow(scope: Scope, engine: Engine, sample: Sample): Promise<string[]> {
  const {names, subject} = await startServers(scope, sample, {
    servers: 1,
    standby: '1:1',
    entry: {ephemeral: true},
  })
  const session = await freshSession(subject)
  await session.tools()
  const times: number[] = []
  let last: string | undefined
  for (let count = 0; count < CALLS; count += 1) {
    last = await untilAnother(engine, names[0] ?? '', last)
    const started = performance.now()
    await session.call(sample.tool, sample)
    times.push(performance.now() - started)
  }
  await session.close()
  const middle = median(times)
  const goal = sample.process ? '' : verdict(middle, {most: 25})
  return [sample.name, '1', 'ephemeral call', middle.toFixed(1), '', '', '', goal]
}

function programs(
  [command, ...args]: readonly [string, ...string[]],
  first: FirstCall,
  servers: number,
): Measure {
  return async () => {
    const started = performance.now()
    const calls = Array.from({length: servers}, () => callProgram(command, args, first))
    const ends = await Promise.all(calls)
    const milliseconds = performance.now() - started
    await Promise.all(ends.map(end => end()))
    return milliseconds
  }
}

async function gateway(
  scope: Scope,
  engine: Engine,
  sample: Sample,
  options: {readonly servers: number; readonly standby: string},
): Promise<Measure> {
  const {names, subject} = await startServers(scope, sample, {...options, entry: {}})
  const known = await freshSession(subject)
  const tools = (await known.tools()).filter(tool => tool.endsWith(sample.tool))
  await known.close()
  const kept = options.standby === '0:0' ? 0 : 1
  return async () => {
    for (const name of names) await untilAlone(engine, name, kept)
    const session = await freshSession(subject)
    const started = performance.now()
    await Promise.all(tools.map(tool => session.call(tool, sample)))
    const milliseconds = performance.now() - started
    await session.close()
    return milliseconds
  }
}

async function startServers(
  scope: Scope,
  {image}: Sample,
  {
    servers,
    standby,
    entry,
  }: {readonly servers: number; readonly standby: string; readonly entry: object},
): Promise<{readonly names: readonly string[]; readonly subject: Subject}> {
  const run = `bench-${randomUUID().slice(0, 8)}`
  const names = Array.from({length: servers}, (_, at) => `${run}-${at}`)
  for (const name of names) scope.defer(() => removeContainers(name))
  const one = {type: 'server', image, disableNetwork: true, ...entry}
  const home = scope.use(await makeHome(Object.fromEntries(names.map(name => [name, one]))))
  const flags = ['--standby', standby, '--standby-memory', '1g']
  return {
    names,
    subject: scope.use(await startGateway({...home, flags: [...home.flags, ...flags]})),
  }
}

/** Waits until a server has just the containers that are kept ready: nothing of the last round is still going on. */
async function untilAlone(engine: Engine, server: string, kept: number): Promise<void> {
  const labels = {'docker-mcp-name': server}
  const late = performance.now() + LATE_MS
  while (performance.now() < late) {
    const states = (await engine.list(labels)).map(({state}) => state)
    if (states.length === kept && states.every(state => state === 'running')) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`server ${server} has other containers than the ${kept} that are kept ready`)
}

/**
 * Waits until the one container of a server is another than that of the last call, which is still there for a moment
 * when the call is over.
 * @returns its id
 */
async function untilAnother(
  engine: Engine,
  server: string,
  last: string | undefined,
): Promise<string> {
  const late = performance.now() + LATE_MS
  while (performance.now() < late) {
    const [first, ...others] = await engine.list({'docker-mcp-name': server})
    const isReady = first?.state === 'running' && others.length === 0
    if (isReady && first.id !== last && (await isThereStill(first.id))) return first.id
  }
  throw new Error(`server ${server} has no container that is kept ready`)

  /** The one that only tells what the server can do is gone soon. */
  async function isThereStill(id: string): Promise<boolean> {
    await new Promise(resolve => setTimeout(resolve, last === undefined ? DESCRIBED_MS : 50))
    return (await engine.inspect(id))?.state === 'running'
  }
}

await runBench(bench)
