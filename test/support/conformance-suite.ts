import {spawn, type StdioOptions} from 'node:child_process'
import {once} from 'node:events'
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import newer from 'conformance/package.json' with {type: 'json'}
import older from 'conformance-0-1/package.json' with {type: 'json'}
import * as z from 'zod'

const PACKAGES = join(import.meta.dirname, '..', '..', 'node_modules')
const PROGRAMS = {
  conformance: join(PACKAGES, 'conformance', newer.bin.conformance),
  'conformance-0-1': join(PACKAGES, 'conformance-0-1', older.bin.conformance),
}
/** What a whole suite may take, with a container for each of its sessions on a busy machine. */
const DEADLINE_MS = 280_000

/** A published suite: the alias of its package, and the options that choose scenarios. */
export interface Suite {
  readonly package: keyof typeof PROGRAMS
  readonly options: readonly string[]
}

/** What a suite found out about one server. */
export interface Findings {
  /** `<scenario>: <check> <STATUS>`, unless successful with the reason; one that was made twice is there twice. */
  readonly checks: readonly string[]
  /** How many scenarios were run. */
  readonly scenarioCount: number
  readonly exitCode: number | null
}

const checksSchema = z.array(
  z.object({
    id: z.string(),
    status: z.string(),
    errorMessage: z.string().optional(),
    details: z.object({message: z.string().optional()}).optional(),
  }),
)

/** What the suite notes down of its own traffic in between, which is no check. */
const TRAFFIC = new Set([
  'incoming-request',
  'outgoing-request',
  'outgoing-response',
  'outgoing-sse-event',
  'outgoing-stream-close',
  'incoming-response',
  'incoming-sse-event',
  'stream-closed',
])

/**
 * Runs a conformance suite against the server at an address.
 * @throws Error with the suite's last words when it has found nothing
 */
export function runSuite(suite: Suite, url: string): Promise<Findings> {
  return findingsOf(suite.package, ['server', '--url', url, ...suite.options])
}

/**
 * Runs a command of a conformance suite to its end.
 * @param env the suite's environment, and that of the clients that it starts
 * @throws Error with the suite's last words when it has found nothing
 */
export async function findingsOf(
  suite: Suite['package'],
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    const args = [PROGRAMS[suite], ...command, '-o', folder]
    const stdio: StdioOptions = ['ignore', 'ignore', 'pipe']
    const child = spawn(process.execPath, args, {stdio, env, timeout: DEADLINE_MS})
    const exit = once(child, 'exit')
    const said = child.stderr ? await text(child.stderr) : ''
    const [exitCode] = await exit
    const scenarios = await readdir(folder)
    if (scenarios.length === 0) throw new Error(`${suite} found nothing: ${said}`)
    const checks = await Promise.all(scenarios.map(name => readChecks(folder, name)))
    return {checks: checks.flat(), scenarioCount: scenarios.length, exitCode}
  } finally {
    await rm(folder, {recursive: true})
  }
}

/** The suite makes a folder for each scenario: `<scenario>-<time>` after the leg, with `checks.json` in it. */
async function readChecks(folder: string, name: string): Promise<string[]> {
  const scenario = name.replace(/^(?:server-)?(.*)-\d{4}-\d\d-\d\dT.*$/, '$1')
  const json = await readFile(join(folder, name, 'checks.json'), 'utf8')
  return checksSchema
    .parse(JSON.parse(json))
    .filter(({id, status}) => status !== 'INFO' || !TRAFFIC.has(id))
    .map(({id, status, errorMessage, details}) => {
      const line = `${scenario}: ${id} ${status}`
      const reason = errorMessage ?? details?.message
      return reason === undefined || status === 'SUCCESS' ? line : `${line} (${reason})`
    })
}

/** What only one of two lists has: of the first after `- `, of the second after `+ `, sorted by what follows. */
export function differences(first: readonly string[], second: readonly string[]): string[] {
  const gone = without(first, second).map(line => `- ${line}`)
  const more = without(second, first).map(line => `+ ${line}`)
  return [...gone, ...more].toSorted((a, b) => a.slice(2).localeCompare(b.slice(2)))
}

/** What is left of a list when each line of others has taken away one like it. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const takers = [...others]
  return lines.filter(line => {
    const at = takers.indexOf(line)
    if (at !== -1) takers.splice(at, 1)
    return at === -1
  })
}
