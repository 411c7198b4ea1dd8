import {randomUUID} from 'node:crypto'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {printedEndpoint} from '../support/cli-client.ts'
import {dockerCli, PROGRAM, type Running} from '../support/docker-cli.ts'
import {testEngine} from '../support/in-process-gateway.ts'
import {loadImage, scratchImage} from '../support/special-images.ts'
import {belongings, cleared, docker, ownerOf, type Usage, usage, watchdogOf} from './owned.ts'

const CYCLES = 1000
const AT_ONCE = 6
/** Until then caches fill and code is compiled. */
const WARM = 250
/** What a session may leave on the heap, in bytes: one that stays is many times that. */
const MOST_LEFT = 4 * 1024
/** The same for the process as a whole, which keeps what it may need again. */
const MOST_HELD = 64 * 1024
/** So often is looked. */
const EVERY = 50
const REPORT_HEAP = join(import.meta.dirname, '..', '..', 'scripts', 'bench', 'report-heap.mjs')

const image = `localhost/docker-mcp-test/cycles:${randomUUID().slice(0, 8)}`
let engine: Engine
beforeAll(async () => {
  engine = await testEngine()
  await loadImage(await scratchImage(image))
})
afterAll(async () => docker('image', 'rm', '--force', image))

interface Place {
  readonly url: URL
  readonly token: string
}

/** One message of a session; gives the text of the answer. */
async function post(
  {url, token}: Place,
  message: object,
  session?: string,
): Promise<{readonly text: string; readonly session: string}> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...(session !== undefined && {'Mcp-Session-Id': session}),
    },
    body: JSON.stringify({jsonrpc: '2.0', ...message}),
  })
  return {text: await answer.text(), session: answer.headers.get('mcp-session-id') ?? ''}
}

/** Opens a session and calls a tool in its container; gives the way to close it. */
async function openSession(place: Place): Promise<() => Promise<unknown>> {
  const clientInfo = {name: 'cycles', version: '1'}
  const params = {protocolVersion: '2025-06-18', capabilities: {}, clientInfo}
  const {session} = await post(place, {id: 1, method: 'initialize', params})
  await post(place, {method: 'notifications/initialized'}, session)
  const call = {id: 2, method: 'tools/call', params: {name: 'environment', arguments: {}}}
  let {text} = await post(place, call, session)
  // On a busy machine it may take longer than a call waits until a server has said which tools it has.
  while (text.includes('no answer yet from')) ({text} = await post(place, call, session))
  expect(text).toContain('FROM_IMAGE=yes')
  const headers = {Authorization: `Bearer ${place.token}`, 'Mcp-Session-Id': session}
  return () => fetch(place.url, {method: 'DELETE', headers})
}

/** What a gateway holds on its heap when all garbage is collected, in bytes. */
async function heapOf({child, pid}: Running): Promise<number> {
  const {promise: told, resolve} = Promise.withResolvers<number>()
  let text = ''
  const read = (chunk: string) => {
    text += chunk
    const [, bytes] = /> heap (\d+)\n/.exec(text) ?? []
    if (bytes !== undefined) resolve(Number(bytes))
  }
  child.stderr?.on('data', read)
  process.kill(pid, 'SIGUSR2')
  const bytes = await told
  child.stderr?.off('data', read)
  return bytes
}

/** How much a value grows with each cycle: the slope of the line nearest to all points (least squares). */
function slope(points: readonly {readonly at: number; readonly value: number}[]): number {
  const [x, y] = [mean(points.map(({at}) => at)), mean(points.map(({value}) => value))]
  const over = points.map(({at, value}) => (at - x) * (value - y)).reduce((a, b) => a + b, 0)
  return over / points.map(({at}) => (at - x) ** 2).reduce((a, b) => a + b, 0)
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

test(`${CYCLES} sessions leave no container, no zombie, no memory and no open file`, async () => {
  await using cli = await dockerCli()
  const entry = {type: 'server', disableNetwork: true, image}
  const registry = {cycles: entry}
  const catalog = await cli.write('c.yaml', JSON.stringify({version: 3, name: 'c', registry}))
  const http = ['--transport', 'streaming', '--port', '0']
  const served = ['--catalog', catalog, '--servers', 'cycles']
  const run = ['mcp', 'gateway', 'run', ...http, ...served]
  const args = ['--expose-gc', '--import', REPORT_HEAP, `${PROGRAM}.cjs`, ...run]
  const gateway = cli.start(args, {program: process.execPath})
  const place = await printedEndpoint(gateway)
  const {pid} = gateway
  const looks: ({readonly at: number; readonly heap: number} & Usage)[] = []
  const closeFirst = await openSession(place)
  const owner = await ownerOf(cli)
  await closeFirst()
  let begun = 0
  const workUntil = async (end: number) => {
    while (begun < end) {
      begun += 1
      const close = await openSession(place)
      await close()
    }
  }
  const started = performance.now()
  for (let at = EVERY; at <= CYCLES; at += EVERY) {
    await Promise.all(Array.from({length: AT_ONCE}, () => workUntil(at)))
    // What sessions have that are under way differs from look to look.
    await expect.poll(() => cli.containers()).toEqual([])
    looks.push({at, heap: await heapOf(gateway), ...(await usage(pid))})
  }
  const warm = looks.filter(({at}) => at > WARM)
  const growth = (what: 'heap' | 'rss' | 'files') =>
    slope(warm.map(({at, [what]: value}) => ({at, value})))
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  const [first, last] = [warm[0], warm.at(-1)]
  console.log(
    `${CYCLES} sessions in ${seconds} s:`,
    `heap ${mib(first?.heap)} to ${mib(last?.heap)} MiB, ${(growth('heap') / 1024).toFixed(2)} KiB each;`,
    `memory ${mib(first?.rss)} to ${mib(last?.rss)} MiB, ${(growth('rss') / 1024).toFixed(2)} KiB each;`,
    `files ${first?.files} to ${last?.files}, ${growth('files').toFixed(4)} each`,
  )
  expect(growth('heap')).toBeLessThan(MOST_LEFT)
  expect(growth('rss')).toBeLessThan(MOST_HELD)
  expect(growth('files')).toBeLessThan(0.01)
  // One that has just ended is a zombie until somebody has looked.
  await expect.poll(async () => (await usage(pid)).zombies).toBe(0)
  // The lease is all that is left while it runs.
  await expect
    .poll(() => belongings(engine, owner))
    .toEqual([expect.stringMatching(/^docker-mcp-lease-/)])
  const watchdog = await watchdogOf(pid)
  process.kill(pid, 'SIGTERM')
  await cleared(engine, owner, {by: [pid, watchdog], what: 'SIGTERM after the sessions'})
}, 900_000)

function mib(bytes = 0): string {
  return (bytes / 1024 ** 2).toFixed(1)
}
