import {mkdir, readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {stripVTControlCharacters} from 'node:util'
import {expect} from 'vitest'
import type {DockerCli} from '../support/docker-cli.ts'

/** An AI client as its makers publish it. */
interface RealClient {
  /** Its program in `test/real-clients/node_modules`; one that Node runs ends in `js`. */
  readonly program: string
  /** Keeps it from sending reports, and from asking things of people. */
  readonly env?: Readonly<Record<string, string>>
}

const MODULES = join(import.meta.dirname, '..', 'real-clients', 'node_modules')
const PLATFORM = `linux-${process.arch}`
const OPENCODE = process.arch === 'x64' ? `opencode-${PLATFORM}-baseline` : `opencode-${PLATFORM}`

const REAL = {
  augment: {program: '@augmentcode/auggie/augment.mjs'},
  'claude-code': {
    program: `@anthropic-ai/claude-code-${PLATFORM}/claude`,
    env: {DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1', DISABLE_AUTOUPDATER: '1'},
  },
  codex: {program: '@openai/codex/bin/codex.js'},
  'copilot-cli': {program: '@github/copilot/npm-loader.js'},
  factory: {program: 'droid/bin/droid', env: {DROID_DISABLE_AUTO_UPDATE: 'true'}},
  gemini: {
    program: '@google/gemini-cli/bundle/gemini.js',
    env: {GEMINI_CLI_TRUST_WORKSPACE: 'true'},
  },
  opencode: {
    program: `${OPENCODE}/bin/opencode`,
    env: {OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1'},
  },
  'qoder-cli': {program: '@qoder-ai/qodercli/bundle/qodercli.js'},
  'qwen-code': {program: '@qwen-code/qwen-code/cli-entry.js'},
} as const satisfies Readonly<Record<string, RealClient>>

export type RealId = keyof typeof REAL

/** A command that starts another one in a network that leads nowhere outside. */
export type Network = readonly [program: string, ...words: string[]]

/** A network of its own for each program: docker is reached by its socket. */
const ALONE: Network = ['unshare', '--net', '--']

interface Surroundings {
  readonly network?: Network
  readonly env?: Readonly<Record<string, string>>
}

/** What `<client> mcp list` prints. */
export async function listedBy(
  cli: DockerCli,
  id: RealId,
  surroundings: Surroundings = {},
): Promise<string> {
  return ranBy(cli, id, ['mcp', 'list'], surroundings)
}

/**
 * What a client prints that is run with these words, in a folder of the home where nothing is. It must succeed, and leave
 * nothing running.
 */
export async function ranBy(
  cli: DockerCli,
  id: RealId,
  args: readonly string[],
  {network = ALONE, env = {}}: Surroundings = {},
): Promise<string> {
  const client: RealClient = REAL[id]
  const cwd = join(cli.home, 'project')
  await mkdir(cwd, {recursive: true})
  const file = join(MODULES, client.program)
  const started = /(?:\.m?js|\/droid)$/.test(file) ? [process.execPath, file] : [file]
  const [program, ...words] = network
  const before = await processesOf(cli)
  const outcome = await cli.run([...words, ...started, ...args], {
    program,
    cwd,
    env: {CI: '1', NO_COLOR: '1', XDG_CACHE_HOME: join(cli.home, 'cache'), ...client.env, ...env},
  })
  // Gemini lists on stderr.
  const said = stripVTControlCharacters(`${outcome.stdout}\n${outcome.stderr}`)
  expect(outcome, `${id} ${args.join(' ')}\n${said}`).toMatchObject({code: 0})
  await onlyLeft(cli, before)
  return said
}

/** A client may end before the gateway that it started, which then still writes into the home. */
async function onlyLeft(cli: DockerCli, pids: readonly string[]): Promise<void> {
  const started = async () => (await processesOf(cli)).filter(pid => !pids.includes(pid))
  await expect.poll(started, {timeout: 120_000, interval: 100}).toEqual([])
}

/** The processes that have the home of this docker CLI. */
async function processesOf({home}: DockerCli): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const variables = await Promise.all(pids.map(environment))
  return pids.filter((_, at) => variables[at]?.includes(`HOME=${home}`))
}

/** Of a process that is gone by now, none. */
async function environment(pid: string): Promise<readonly string[]> {
  return readFile(join('/proc', pid, 'environ'), 'utf8').then(
    text => text.split('\0'),
    () => [],
  )
}
