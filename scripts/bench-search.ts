/**
 * `npm run bench:search`: what a catalog of three hundred servers costs: a search in it, and `server ls` with it as a
 * ratio to an empty Node. Whole processes round robin; medians of one run.
 */
import {spawnSync} from 'node:child_process'
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {catalogText} from '../src/lib/catalog/edit.ts'
import {searchable} from '../src/lib/catalog/search-catalogs.ts'
import {searchServers} from '../src/lib/catalog/search.ts'
import {parseCatalog} from '../src/lib/model/catalog.ts'
import {manyServers} from '../test/support/many-servers.ts'
import {median} from './bench/figures.ts'

const ROUNDS = 31
const SEARCH_GOAL_MS = 20
const RATIO_GOAL = 3
const QUERIES = ['acme', 'mail acme', 'kestral calender', 'list_events', 'sql', 'amce mial', 'qqzz']

const program = join(import.meta.dirname, '..', 'bin', 'docker-mcp')
const home = mkdtempSync(join(tmpdir(), 'docker-mcp-bench-'))
const env = {...process.env, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), DOCKER_CONFIG: home}

/** Wall time of one run, in milliseconds. */
function time(file: string, ...args: readonly string[]): number {
  const started = performance.now()
  const {status, stderr} = spawnSync(file, args, {env, encoding: 'utf8'})
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}: ${stderr}`)
  return performance.now() - started
}

async function searchTimes(): Promise<readonly number[]> {
  const {catalog} = parseCatalog(manyServers(), 'many')
  const all = [...catalog.servers.values()].map(searchable)
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const query of QUERIES) {
      const started = performance.now()
      await searchServers(all, query, 100)
      times.push(performance.now() - started)
    }
  }
  return times
}

const line = (what: string, value: string, goal: string) =>
  console.log(`${what.padEnd(34)}${value.padStart(10)}${goal.padStart(10)}`)

try {
  line('what', 'median', 'goal')
  line('search', `${median(await searchTimes()).toFixed(1)} ms`, `< ${SEARCH_GOAL_MS} ms`)
  mkdirSync(join(home, 'mcp/catalogs'), {recursive: true})
  writeFileSync(join(home, 'mcp/catalogs/many.yaml'), catalogText(manyServers()))
  writeFileSync(join(home, 'mcp/catalog.json'), '{"catalogs": {"many": {}}}')
  time(program, 'server', 'enable', 'acme-mail', 'raven-wiki', 'fetch')
  // The first runs fill the compile cache.
  for (const command of ['ls', 'search']) time(program, 'server', command)
  const runs = {bare: [] as number[], ls: [] as number[], search: [] as number[]}
  for (let round = 0; round < ROUNDS; round += 1) {
    runs.bare.push(time(process.execPath, '-e', '0'))
    runs.ls.push(time(program, 'server', 'ls'))
    runs.search.push(time(program, 'server', 'search', 'acme', 'mail'))
  }
  const bare = median(runs.bare)
  line('node -e 0', `${bare.toFixed(1)} ms`, '')
  line('server ls', (median(runs.ls) / bare).toFixed(2), `≤ ${RATIO_GOAL}`)
  line('server search acme mail', (median(runs.search) / bare).toFixed(2), '')
} finally {
  rmSync(home, {recursive: true, force: true})
}
