import {randomBytes} from 'node:crypto'
import {mkdtemp, rm} from 'node:fs/promises'
import {connect, type Socket} from 'node:net'
import {hostname, tmpdir} from 'node:os'
import {join} from 'node:path'

import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Engine} from '../../../../src/lib/engine/engine.ts'
import {serveControl} from '../../../../src/lib/gateway/control/serve.ts'
import type {ConfigurationState} from '../../../../src/lib/gateway/control/state.ts'
import {Lives} from '../../../../src/lib/gateway/lives.ts'
import type {PlannedServer} from '../../../../src/lib/gateway/plan.ts'

/** A folder of state of its own. */
export interface StateFolder extends AsyncDisposable {
  readonly dir: string
}

export async function stateFolder(): Promise<StateFolder> {
  const dir = await mkdtemp(join(tmpdir(), 'control-'))
  return {dir, [Symbol.asyncDispose]: () => rm(dir, {recursive: true, force: true})}
}

/** The outside of a gateway, whose inside the test plays. */
export interface Watched extends AsyncDisposable {
  readonly owner: string
  readonly lives: Lives
  /** What was started anew, in the order of asking. */
  readonly restarted: string[]
}

export interface WatchedInput {
  readonly servers?: readonly string[]
  readonly engine?: () => Promise<Engine>
  readonly restart?: (server: string) => Promise<number>
  readonly redact?: (text: string) => string
  readonly tmp?: string
  readonly env?: NodeJS.ProcessEnv
  readonly startedAt?: string
  readonly configuration?: ConfigurationState
}

/** @param stateDir where its record goes, and its socket if the path is short enough */
export async function watched(stateDir: string, input: WatchedInput = {}): Promise<Watched> {
  const owner = randomBytes(10).toString('hex')
  const lives = new Lives(Date.now)
  const restarted: string[] = []
  const {restart = async () => 1, servers = ['alpha', 'beta'], env = {}, tmp = stateDir} = input
  const control = await serveControl({
    about: {
      owner,
      pid: process.pid,
      host: hostname(),
      startedAt: input.startedAt ?? new Date().toISOString(),
      version: '0.0.0-test',
      transport: 'stdio',
    },
    site: {platform: process.platform, stateDir, env, tmp, uid: process.getuid?.()},
    servers: () => servers.map(planned),
    configuration: () => input.configuration ?? {isWatched: true, needsRestart: []},
    ...NO_CLIENTS,
    lives,
    engine: input.engine ?? noEngine,
    redact: input.redact ?? (text => text),
    restart: server => {
      restarted.push(server)
      return restart(server)
    },
  })
  return {owner, lives, restarted, [Symbol.asyncDispose]: () => control[Symbol.asyncDispose]()}
}

/** What a gateway has to do with clients, where there are none. */
export const NO_CLIENTS = {
  profile: () => 'default',
  clients: () => [],
  stop: () => undefined,
  attach: {
    admit: () => undefined,
    openSession: noSession,
    answer: noSession,
    notify: () => undefined,
    maxMessageBytes: 65_536,
    warn: () => undefined,
  },
}

/** A server that cannot start has its reason instead of what to start. */
function planned(name: string): PlannedServer {
  const start = new PluginError('SERVER_UNKNOWN', `no catalog has ${name}`)
  return {
    name,
    prefix: undefined,
    tools: undefined,
    startTimeoutMs: 1000,
    callTimeoutMs: undefined,
    start: name.startsWith('blocked')
      ? start
      : {
          kind: 'remote',
          name,
          url: 'http://127.0.0.1:1/',
          transport: 'streamable',
          longLived: false,
          ephemeral: false,
          limits: {},
          requiredConfig: [],
          secretNames: [],
          headers: [],
          secrets: [],
        },
  }
}

function noSession(): never {
  throw new Error('there is none in this test')
}

async function noEngine(): Promise<never> {
  throw new PluginError('ENGINE_UNREACHABLE', 'there is none in this test')
}

/** Waits until a connection is over, however it ends. */
export function closed(connection: Socket): Promise<void> {
  connection.on('error', () => undefined)
  return new Promise(resolve => {
    if (connection.closed) resolve()
    else connection.once('close', () => resolve())
  })
}

/** Sends bytes to a socket as they are, and gives everything that comes back until the other side ends it. */
export async function raw(socket: string, bytes: string | Buffer): Promise<string> {
  const connection = connect(socket)
  const answer: Buffer[] = []
  connection.on('data', chunk => void answer.push(Buffer.from(chunk)))
  connection.write(bytes)
  await closed(connection)
  return Buffer.concat(answer).toString()
}
