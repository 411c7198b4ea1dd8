import {execFile} from 'node:child_process'
import {readdir, readFile} from 'node:fs/promises'
import {promisify} from 'node:util'
import {expect} from 'vitest'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {isLease} from '../../src/lib/engine/lease.ts'
import {OWNER_LABEL} from '../../src/lib/engine/owner.ts'
import type {DockerCli, Running} from '../support/docker-cli.ts'
import {fixtureCatalog, fixtureImage, type FixtureEntry} from '../support/fixture-images.ts'

const run = promisify(execFile)

/** Runs `docker`, which must succeed; gives stdout. */
export async function docker(...args: readonly string[]): Promise<string> {
  return (await run('docker', [...args])).stdout.trim()
}

/** Starts a gateway over stdio and waits until it has listed the tools of all its servers. */
export async function startedGateway(
  cli: DockerCli,
  servers: {readonly catalog: string; readonly names: readonly string[]},
  start: {
    readonly env?: Readonly<Record<string, string>>
    /** A program that runs docker, with its arguments before docker's own. */
    readonly by?: readonly [program: string, ...args: readonly string[]]
  } = {},
): Promise<Running> {
  const args = ['mcp', 'gateway', 'run', '--catalog', servers.catalog]
  const words = [...args, '--servers', servers.names.join(',')]
  const [program, ...before] = start.by ?? ['docker']
  const gateway = cli.start(program === 'docker' ? words : [...before, 'docker', ...words], {
    program,
    ...(start.env && {env: start.env}),
  })
  // All of them are waited for at once.
  gateway.child.setMaxListeners(0)
  gateway.child.stderr?.setMaxListeners(0)
  greet(gateway)
  await Promise.all(
    servers.names.map(name => gateway.said(new RegExp(` ${name}: \\(\\d+ tools\\)`))),
  )
  return gateway
}

/** Says what makes a gateway start its servers. */
export function greet(gateway: Running): void {
  const clientInfo = {name: 'test', version: '1'}
  const params = {protocolVersion: '2025-06-18', capabilities: {}, clientInfo}
  for (const message of [
    {jsonrpc: '2.0', id: 1, method: 'initialize', params},
    {jsonrpc: '2.0', method: 'notifications/initialized'},
    {jsonrpc: '2.0', id: 2, method: 'tools/list'},
  ]) {
    gateway.child.stdin?.write(`${JSON.stringify(message)}\n`)
  }
}

/** Whose the containers of a command line are. */
export async function ownerOf(cli: DockerCli): Promise<string> {
  const [container] = await cli.containers()
  const format = `{{index .Config.Labels "${OWNER_LABEL}"}}`
  return docker('inspect', '--format', format, container?.id ?? 'none')
}

/** What a gateway has on the engine, by name, besides its lease. */
export async function belongingsBesidesLease(
  engine: Engine,
  owner: string,
): Promise<readonly string[]> {
  const names = await belongings(engine, owner)
  return names.filter(name => !name.startsWith('docker-mcp-lease-'))
}

/** All that a gateway has on the engine, by name: leases and helpers, too. */
export async function belongings(engine: Engine, owner: string): Promise<readonly string[]> {
  const labels = {[OWNER_LABEL]: owner}
  const [containers, networks] = await Promise.all([
    engine.list(labels),
    engine.listNetworks(labels),
  ])
  return [...containers, ...networks].map(({name}) => name).toSorted()
}

/**
 * Waits until nothing of a gateway is left; tells how long it took.
 * @param how `by`: the processes that clear it away before they end; other gateways would do it later
 */
export async function cleared(
  engine: Engine,
  owner: string,
  {by = [], what}: {readonly by?: readonly number[]; readonly what: string},
): Promise<void> {
  const begun = performance.now()
  await Promise.all(by.map(over))
  // The engine itself ends a lease that nobody holds any more.
  if (by.length > 0) expect(await belongingsBesidesLease(engine, owner)).toEqual([])
  await expect.poll(() => belongings(engine, owner), {interval: 100}).toEqual([])
  console.log(`${what}: clean after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
}

/** Waits for the lease of a gateway; gives its id. */
export async function leaseOf(engine: Engine, owner: string, other = ''): Promise<string> {
  const find = async () =>
    (await engine.list({[OWNER_LABEL]: owner})).find(
      one => isLease(one) && one.state === 'running' && one.id !== other,
    )?.id
  await expect.poll(find, {interval: 100}).toBeDefined()
  return (await find()) ?? ''
}

/** The watchdog that a gateway has started, by its process id. */
export async function watchdogOf(gateway: number): Promise<number> {
  await expect.poll(() => watchdogs(gateway)).toHaveLength(1)
  const [pid = -1] = await watchdogs(gateway)
  return pid
}

async function watchdogs(gateway: number): Promise<readonly number[]> {
  const {stdout} = await run('pgrep', ['-P', String(gateway)]).catch(() => ({stdout: ''}))
  const pids = stdout.split('\n').filter(Boolean).map(Number)
  const lines = await Promise.all(pids.map(pid => fileOf(pid, 'cmdline')))
  return pids.filter((_, index) => lines[index]?.includes('reaper.'))
}

/** Whether a process runs; one that only waits for its parent to hear of its end does not. */
export async function runs(pid: number): Promise<boolean> {
  const stat = await fileOf(pid, 'stat')
  return stat !== '' && !/\) [ZX] /.test(stat)
}

export async function over(pid: number): Promise<void> {
  await expect.poll(() => runs(pid), {interval: 50}).toBe(false)
}

export interface Usage {
  /** Bytes of memory that it has now. */
  readonly rss: number
  /** How many files it has open, connections included. */
  readonly files: number
  /** Children that have ended, and nobody has waited for. */
  readonly zombies: number
}

/** What a process uses, as Linux tells it. */
export async function usage(pid: number): Promise<Usage> {
  const [status, files, children] = await Promise.all([
    fileOf(pid, 'status'),
    readdir(`/proc/${pid}/fd`),
    run('pgrep', ['-P', String(pid), '-r', 'Z']).catch(() => ({stdout: ''})),
  ])
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? []
  const zombies = children.stdout.split('\n').filter(Boolean).length
  return {rss: Number(kib) * 1024, files: files.length, zombies}
}

function fileOf(pid: number, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
}

/** A container of somebody else, that servers may share a network with. */
export async function startPeer(name: string): Promise<AsyncDisposable> {
  const program = ['--entrypoint', '/usr/local/bin/node', await fixtureImage('counts-calls')]
  const args = ['-e', 'setInterval(() => 0, 1e6)']
  await docker('run', '--detach', '--rm', '--name', name, ...program, ...args)
  return {[Symbol.asyncDispose]: async () => void (await docker('rm', '--force', name))}
}

const named = (names: readonly string[], entry: FixtureEntry): [string, FixtureEntry][] =>
  names.map(name => [name, entry])

/**
 * A catalog of ten servers: five ignore the end of their stdin and SIGTERM, four have a network each with a peer.
 * @param id what makes their names unlike those of others
 * @param peer a container that runs
 */
export async function tenServers(id: string, peer: string) {
  const sharing = {disableNetwork: false, connectTo: [peer]}
  const entries = [
    ...named(['stay-1', 'stay-2', 'stay-3'], {fixture: 'ignores-eof'}),
    ...named(['stay-net-1', 'stay-net-2'], {fixture: 'ignores-eof', ...sharing}),
    ...named(['end-net-1', 'end-net-2'], {fixture: 'counts-calls', ...sharing}),
    ...named(['end-1', 'end-2', 'end-3'], {fixture: 'counts-calls'}),
  ].map(([name, entry]) => [`${name}-${id}`, entry] as const)
  const catalog = await fixtureCatalog(Object.fromEntries(entries))
  return {...catalog, catalog: catalog.file, names: entries.map(([name]) => name)}
}
