/**
 * `npm run bench:startup`: what starting the program costs, as ratios to an empty Node. Whole processes, round robin,
 * medians of one run: other work on the machine then touches all of them alike.
 */
import {spawnSync} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {median} from './bench/figures.ts'

const ROUNDS = 31
const program = join(import.meta.dirname, '..', 'bin', 'docker-mcp')
const home = mkdtempSync(join(tmpdir(), 'docker-mcp-bench-'))
const env = {...process.env, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), DOCKER_CONFIG: home}

interface Subject {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** The ratio that we want to stay under. */
  readonly goal?: number
}

const BARE = 'node -e 0'
const subjects: readonly Subject[] = [
  {name: BARE, command: [process.execPath, '-e', '0']},
  {name: 'metadata', command: [program, 'docker-cli-plugin-metadata'], goal: 0.5},
  {name: 'version', command: [program, 'version'], goal: 2},
  {name: 'server ls', command: [program, 'server', 'ls'], goal: 3},
]

/** Wall time of one run, in milliseconds. */
function time([file, ...args]: Subject['command']): number {
  const started = performance.now()
  const {status, stderr} = spawnSync(file, args, {env, encoding: 'utf8'})
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}: ${stderr}`)
  return performance.now() - started
}

try {
  time([program, 'server', 'enable', 'everything', 'memory', 'github', 'fetch'])
  // The first runs fill the compile cache.
  for (const {command} of subjects) time(command)
  const times = new Map(subjects.map(({name}) => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const {name, command} of subjects) times.get(name)?.push(time(command))
  }
  const bare = median(times.get(BARE) ?? [])
  console.log(
    `${'what'.padEnd(12)}${'median ms'.padStart(10)}${'ratio'.padStart(8)}${'goal'.padStart(8)}`,
  )
  for (const {name, goal} of subjects) {
    const middle = median(times.get(name) ?? [])
    const ratio = (middle / bare).toFixed(2)
    const wanted = goal === undefined ? '' : `≤ ${goal}`
    console.log(
      `${name.padEnd(12)}${middle.toFixed(1).padStart(10)}${ratio.padStart(8)}${wanted.padStart(8)}`,
    )
  }
} finally {
  rmSync(home, {recursive: true, force: true})
}
