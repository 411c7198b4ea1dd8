import {spawn, type ChildProcess} from 'node:child_process'
import {once} from 'node:events'
import {mkdir, mkdtemp, rm, symlink} from 'node:fs/promises'
import {homedir, tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'

import {capture, type Outcome} from '../../scripts/process.ts'
import {quietPorts} from '../support/quiet-ports.ts'
import {missingLine, ROOT} from './page.ts'

/** The gateways' ports in the pages; a test gets free ones in their place. */
const PORTS = ['8811', '8815', '8817'] as const
const START_MS = 120_000
const STOP_MS = 60_000

/** A reader of the pages: an empty home with nothing in it but our plugin, and a shell in it. */
export interface Reader extends AsyncDisposable {
  /** Runs a script to its end; stdout holds what it wrote to stderr, too, in the order of the writing. */
  run(script: string): Promise<Outcome>
  /** Starts a script and comes back when it has printed these lines. It is ended with the reader. */
  serve(script: string, output: readonly string[]): Promise<void>
}

export async function newReader(): Promise<Reader> {
  const home = await mkdtemp(join(tmpdir(), 'docker-mcp-reader-'))
  const docker = join(home, '.docker')
  await mkdir(join(docker, 'cli-plugins'), {recursive: true})
  await symlink(join(ROOT, 'bin', 'docker-mcp'), join(docker, 'cli-plugins', 'docker-mcp'))
  const free = await quietPorts(PORTS.length)
  const own = PORTS.map((port, at) => [port, String(free[at])] as const)
  const options = {cwd: home, env: readerEnv(home, docker)}
  const running: ChildProcess[] = []
  const shell = (script: string) => ['-euc', `exec 2>&1\n${replaced(script, own)}`]
  const back = own.map(([port, other]) => [other, port] as const)
  const asWritten = (text: string) => replaced(text, back)
  return {
    async run(script) {
      const outcome = await capture('bash', shell(script), {...options, timeout: 120_000})
      return {...outcome, stdout: asWritten(outcome.stdout)}
    },
    async serve(script, output) {
      const child = spawn('bash', shell(`exec ${script}`), {
        ...options,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      running.push(child)
      await printed(child, text => missingLine(output, asWritten(text)))
    },
    async [Symbol.asyncDispose]() {
      for (const child of running) await end(child)
      // What a script has started may outlive it, and write its last words meanwhile.
      await rm(home, {recursive: true, force: true, maxRetries: 10})
    },
  }
}

function readerEnv(home: string, docker: string): NodeJS.ProcessEnv {
  const {PATH = '', DOCKER_HOST, XDG_CACHE_HOME} = process.env
  return {
    // npm puts folders of the project in front, which a reader has not.
    PATH: PATH.split(delimiter)
      .filter(folder => !folder.startsWith(ROOT))
      .join(delimiter),
    HOME: home,
    DOCKER_CONFIG: docker,
    // Compiled code is worth sharing: a cold start takes twice as long.
    XDG_CACHE_HOME: XDG_CACHE_HOME || join(homedir(), '.cache'),
    ...(DOCKER_HOST !== undefined && {DOCKER_HOST}),
  }
}

/** Waits until nothing is missing in what a program prints; it must neither end before nor take too long. */
async function printed(
  child: ChildProcess,
  missing: (text: string) => string | undefined,
): Promise<void> {
  const {promise, resolve, reject} = Promise.withResolvers<void>()
  let text = ''
  const give = (what: string) => () =>
    reject(
      new Error(`${what} without printing ${JSON.stringify(missing(text))}; it said:\n${text}`),
    )
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (missing(text) === undefined) resolve()
  })
  child.once('close', give('it ended'))
  const timer = setTimeout(give('it went on'), START_MS)
  try {
    await promise
  } finally {
    clearTimeout(timer)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGINT')
  // A program that does not stop must not outlive the test.
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(timer)
}

function replaced(text: string, pairs: readonly (readonly [from: string, to: string])[]): string {
  return pairs.reduce(
    (all, [from, to]) => all.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), to),
    text,
  )
}
