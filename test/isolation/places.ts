import {execFile} from 'node:child_process'
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'

import type {PrivateEngine} from '../support/private-engine.ts'
import {found} from './needles.ts'

const run = promisify(execFile)
const LARGEST_OUTPUT = 2 ** 30

/** What an engine tells about a container to whoever asks; each gives all that it prints, errors included. */
export const TOLD: Readonly<
  Record<string, (engine: PrivateEngine, id: string) => Promise<string>>
> = {
  'docker inspect': (engine, id) => words(engine, 'inspect', '--size', id),
  'docker ps': engine => words(engine, 'ps', '--all', '--no-trunc'),
  'docker top': (engine, id) => words(engine, 'top', id),
  'docker top aux': (engine, id) => words(engine, 'top', id, 'aux'),
  'docker logs': (engine, id) => words(engine, 'logs', id),
  'docker diff': (engine, id) => words(engine, 'diff', id),
  'docker events': engine =>
    words(engine, 'events', '--since', '1', '--until', String(Math.floor(Date.now() / 1000))),
  'docker volume inspect': async engine => {
    const volumes = (await engine.docker('volume', 'ls', '--quiet')).split('\n')
    return words(engine, 'volume', 'inspect', ...volumes.filter(name => name !== ''))
  },
  'docker export': (engine, id) => words(engine, 'export', id),
  'the image that docker commit makes': async (engine, id) => {
    const image = await engine.docker('commit', id)
    const text = await words(engine, 'image', 'inspect', image)
    const saved = await words(engine, 'image', 'save', image)
    await engine.docker('image', 'rm', image)
    return text + saved
  },
}

async function words(engine: PrivateEngine, ...args: readonly string[]): Promise<string> {
  const options = {maxBuffer: LARGEST_OUTPUT, encoding: 'latin1'} as const
  const outcome = run('docker', ['--host', engine.host, ...args], options)
  const {stdout, stderr} = await outcome.catch((error: {stdout: string; stderr: string}) => error)
  return stdout + stderr
}

/**
 * The files in which one of the needles stands.
 * @param inMountsOf the process whose view of the file system counts; our own when nothing is said
 * @returns their paths
 */
export async function filesWith(
  needles: readonly string[],
  folder: string,
  inMountsOf?: number,
): Promise<readonly string[]> {
  const own = await mkdtemp(join(tmpdir(), 'needles-'))
  const patterns = join(own, 'needles')
  await writeFile(patterns, `${needles.join('\n')}\n`)
  const grep = ['grep', '-rlaF', '-D', 'skip', '-f', patterns, folder]
  const enter = inMountsOf === undefined ? [] : ['nsenter', '-t', String(inMountsOf), '-m']
  const [program = '', ...args] = [...enter, ...grep]
  const options = {maxBuffer: LARGEST_OUTPUT, env: {...process.env, LC_ALL: 'C'}}
  try {
    const {stdout} = await run(program, args, options)
    return stdout.split('\n').filter(path => path !== '')
  } catch (error) {
    // 1: nothing found; 2 with some output: files came and went meanwhile.
    const {code, stdout} = error as {code: number; stdout: string}
    if (code !== 1 && code !== 2) throw error
    return stdout.split('\n').filter(path => path !== '')
  } finally {
    await rm(own, {recursive: true})
  }
}

/** The processes of this machine in whose environment or arguments one of the needles stands. */
export async function processesWith(needles: readonly string[]): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const texts = await Promise.all(pids.map(processText))
  return pids.filter((_, index) => found(needles, texts[index] ?? '').length > 0)
}

/** What `ps auxe` shows of a process; empty for one that has ended. */
export async function processText(pid: number): Promise<string> {
  const parts = ['environ', 'cmdline', 'comm'].map(name =>
    readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => ''),
  )
  return (await Promise.all(parts)).join('\n')
}

/** The processes that a process has started, by any of its threads, and that run. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  const lists = await Promise.all(
    threads.map(thread => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  return lists.flatMap(text => text.split(' ').filter(Boolean).map(Number))
}
