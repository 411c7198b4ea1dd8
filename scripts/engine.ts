import {spawn} from 'node:child_process'
import {closeSync, openSync} from 'node:fs'
import {mkdir, mkdtemp, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'

import {PluginError, systemCode} from '../src/lib/base/errors.ts'
import {aptInstall, canInstall, exists, hasProgram, lastLines} from './apt.ts'
import {withLock} from './lock.ts'
import {capture, report as print, runMain} from './process.ts'

type Report = (line: string) => void

const ENGINE_PROGRAM = 'dockerd'
const POLICY_FILE = '/usr/sbin/policy-rc.d'
const LOCAL_SOCKETS = ['unix:///var/run/docker.sock', 'unix:///run/docker.sock']
/** What a machine needs whose kernel allows neither iptables nor overlay mounts. */
const MODEST_FLAGS = ['--iptables=false', '--bridge=none', '--storage-driver=vfs']
const START_SECONDS = 30

/**
 * Makes sure that a Docker engine answers at docker's own endpoint. As root on Debian or Ubuntu it installs
 * and starts one, which then outlives this process; elsewhere it says what to do.
 * @param report gets one line a step; nothing when an engine answers already
 * @throws PluginError ENGINE_UNREACHABLE with the next step as its hint
 */
export async function ensureEngine(report: Report): Promise<void> {
  const state = await engineState()
  if (state.kind === 'answers') return
  const {platform} = process
  const isRoot = process.getuid?.() === 0
  const endpoint = await chosenEndpoint()
  if (!LOCAL_SOCKETS.includes(endpoint) && platform === 'linux') {
    throw new PluginError('ENGINE_UNREACHABLE', `no Docker engine answers at ${endpoint}`, {
      hint: 'start that engine, or unset DOCKER_HOST and DOCKER_CONTEXT (docker context use default)',
    })
  }
  const canStart = platform === 'linux' && isRoot && (await hasProgram(ENGINE_PROGRAM))
  if (!(await canInstall()) && !(canStart && state.kind === 'silent')) {
    throw new PluginError('ENGINE_UNREACHABLE', `no Docker engine answers: ${state.words}`, {
      hint: engineAdvice(platform, isRoot),
    })
  }
  await withLock('engine', async () => {
    if (!(await hasProgram(ENGINE_PROGRAM)) || !(await hasProgram('docker')))
      await installEngine(report)
    if ((await engineState()).kind === 'answers') return
    await mountCgroups(report)
    await startEngine(report)
  })
}

/**
 * What a person has to do to have an engine.
 * @param platform as in `process.platform`
 */
export function engineAdvice(platform: NodeJS.Platform, isRoot: boolean): string {
  if (platform === 'darwin') {
    return 'install Docker Desktop (brew install --cask docker), start it (open -a Docker), and try again'
  }
  if (platform === 'win32') {
    return 'install Docker Desktop (winget install Docker.DockerDesktop), start it, and try again in WSL 2'
  }
  const sudo = isRoot ? '' : 'sudo '
  return [
    'install and start an engine, then try again:',
    `  Debian, Ubuntu: ${sudo}apt-get install docker.io`,
    `  Fedora: ${sudo}dnf install moby-engine`,
    `  start it: ${sudo}systemctl start docker`,
    ...(isRoot
      ? []
      : ['  reach it as this user: sudo usermod -aG docker $USER, then log in again']),
  ].join('\n')
}

type EngineState =
  | {readonly kind: 'answers'}
  | {readonly kind: 'silent'; readonly words: string}
  | {readonly kind: 'no-cli'; readonly words: string}

async function engineState(): Promise<EngineState> {
  try {
    const args = ['version', '--format', '{{.Server.Version}}']
    const {code, stdout, stderr} = await capture('docker', args, {timeout: 10_000})
    if (code === 0 && stdout.trim() !== '') return {kind: 'answers'}
    return {kind: 'silent', words: stderr.trim() || `docker version ended with code ${code}`}
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    return {kind: 'no-cli', words: 'the docker command is not installed'}
  }
}

/** Where docker looks for its engine, as a URL; the usual socket when there is no docker to ask. */
async function chosenEndpoint(): Promise<string> {
  const {DOCKER_HOST} = process.env
  if (DOCKER_HOST) return DOCKER_HOST
  if (!(await hasProgram('docker'))) return 'unix:///var/run/docker.sock'
  const args = ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']
  const {code, stdout, stderr} = await capture('docker', args, {timeout: 10_000})
  return code === 0 ? stdout.trim() : `the chosen context: ${stderr.trim()}`
}

/** Installs Debian's engine (and its command, if there is none) without letting the package start it. */
async function installEngine(report: Report): Promise<void> {
  report('engine: installing docker.io with apt-get')
  await withoutServiceStart(async () => {
    if (!(await hasProgram(ENGINE_PROGRAM)))
      await aptInstallEngine(['docker.io', 'iptables'], report)
    // A package of its own since Debian 13.
    if (!(await hasProgram('docker'))) await aptInstallEngine(['docker-cli'], report)
  })
}

async function aptInstallEngine(packages: readonly string[], report: Report): Promise<void> {
  const failure = await aptInstall(packages, report)
  if (failure === undefined) return
  throw new PluginError('ENGINE_UNREACHABLE', failure, {hint: engineAdvice('linux', true)})
}

/** Debian's packages start their services unless this file says no; it is ours for the time of `task` only. */
async function withoutServiceStart(task: () => Promise<void>): Promise<void> {
  const kept = `${POLICY_FILE}.docker-mcp-kept`
  const hadPolicy = await exists(POLICY_FILE)
  process.on('SIGINT', stayAlive)
  process.on('SIGTERM', stayAlive)
  if (hadPolicy) await rename(POLICY_FILE, kept)
  try {
    await writeFile(POLICY_FILE, '#!/bin/sh\nexit 101\n', {mode: 0o755})
    await task()
  } finally {
    await rm(POLICY_FILE, {force: true})
    if (hadPolicy) await rename(kept, POLICY_FILE)
    process.off('SIGINT', stayAlive)
    process.off('SIGTERM', stayAlive)
  }
}

/** Containers need cgroups, which an init system would have mounted: version 1, else version 2. */
async function mountCgroups(report: Report): Promise<void> {
  if (hasMountUnder(await readFile('/proc/self/mountinfo', 'utf8'), '/sys/fs/cgroup')) return
  report('engine: mounting cgroups')
  await mount(['-t', 'tmpfs', '-o', 'mode=755', 'cgroup', '/sys/fs/cgroup'])
  let mounted = 0
  for (const name of cgroupControllers(await readFile('/proc/cgroups', 'utf8'))) {
    const folder = join('/sys/fs/cgroup', name)
    await mkdir(folder)
    if (await mount(['-t', 'cgroup', '-o', name, 'cgroup', folder])) mounted += 1
    else await rm(folder, {recursive: true})
  }
  if (mounted > 0) return
  await capture('umount', ['/sys/fs/cgroup'], {timeout: 10_000})
  await mount(['-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup'])
}

async function mount(args: readonly string[]): Promise<boolean> {
  return (await capture('mount', args, {timeout: 10_000})).code === 0
}

/**
 * Whether something is mounted at a folder or below it.
 * @param mountinfo the text of /proc/self/mountinfo (proc(5): the fifth field is the mount point)
 */
export function hasMountUnder(mountinfo: string, folder: string): boolean {
  return mountinfo.split('\n').some(line => {
    const point = line.split(' ')[4]
    return point === folder || (point?.startsWith(`${folder}/`) ?? false)
  })
}

/**
 * The names of the controllers that this kernel has and has not switched off.
 * @param table the text of /proc/cgroups (cgroups(7): name, hierarchy, number of groups, enabled)
 */
export function cgroupControllers(table: string): readonly string[] {
  return table
    .split('\n')
    .filter(line => !line.startsWith('#'))
    .map(line => line.split(/\s+/))
    .filter(fields => fields[3] === '1')
    .map(fields => fields[0] ?? '')
}

/** Starts dockerd in a session of its own; on a machine that allows little, a second time with less. */
async function startEngine(report: Report): Promise<void> {
  const logFolder = await mkdtemp(join(tmpdir(), 'docker-mcp-engine-'))
  const log = join(logFolder, 'dockerd.log')
  for (const flags of [[], MODEST_FLAGS]) {
    report(`engine: starting dockerd ${[...flags, `(log: ${log})`].join(' ')}`)
    if (await startWith(flags, log)) return
  }
  throw new PluginError(
    'ENGINE_UNREACHABLE',
    `dockerd does not start. The end of ${log}:\n${lastLines(await readFile(log, 'utf8'), 20)}`,
    {hint: 'repair what the log names, or start an engine yourself, and try again'},
  )
}

async function startWith(flags: readonly string[], log: string): Promise<boolean> {
  const file = openSync(log, 'a')
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')),
  )
  const child = spawn(ENGINE_PROGRAM, flags, {
    cwd: '/',
    env,
    detached: true,
    stdio: ['ignore', file, file],
  })
  closeSync(file)
  const end = new AbortController()
  child.on('exit', () => end.abort())
  child.on('error', () => end.abort())
  child.unref()
  const deadline = Date.now() + START_SECONDS * 1000
  while (!end.signal.aborted && Date.now() < deadline) {
    if ((await engineState()).kind === 'answers') return true
    await delay(100)
  }
  // An engine that somebody else started meanwhile makes ours leave, and must not get a second one.
  if ((await engineState()).kind === 'answers') return true
  if (!end.signal.aborted) await endEngine(child)
  return false
}

/** The next attempt may only begin when this one has let go of its files. */
async function endEngine(child: ReturnType<typeof spawn>): Promise<void> {
  const gone = new Promise(resolve => child.on('exit', resolve))
  child.kill('SIGTERM')
  await Promise.race([gone, delay(10_000)])
  child.kill('SIGKILL')
}

/** An interrupted apt-get ends by itself, and then the policy is put back. */
function stayAlive(): void {}

if (import.meta.main) {
  await runMain(async () => {
    await ensureEngine(print)
    return 0
  })
}
