import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, vi} from 'vitest'
import type {JsonObject} from '../../src/lib/base/json.ts'
import {openEngine} from '../../src/lib/engine/dockerode.ts'
import type {ContainerFacts, Engine} from '../../src/lib/engine/engine.ts'
import {isLease} from '../../src/lib/engine/lease.ts'
import {statePaths} from '../../src/lib/files/paths.ts'
import type {Gateway} from '../../src/lib/gateway/gateway.ts'
import type {Session} from '../../src/lib/gateway/relay/session.ts'
import {
  setUpGateway,
  type GatewayDeps,
  type GatewayOptions,
  type GatewaySetup,
} from '../../src/lib/gateway/setup.ts'
import {
  isRequest,
  isResponse,
  request,
  type Id,
  type Message,
  type Response,
} from '../../src/lib/gateway/wire/jsonrpc.ts'

/** The engine that the tests run against. */
export function testEngine(): Promise<Engine> {
  const from = "the tests' own choice"
  return openEngine({kind: 'unix', path: '/var/run/docker.sock', from})
}

/** A folder of a user's own with docker's configuration in it, and what the gateway says about what it does there. */
export interface TestHome extends AsyncDisposable {
  readonly dir: string
  readonly deps: GatewayDeps
  readonly notices: string[]
  readonly log: string[]
}

/** Makes an empty home; the engine is the real one unless another is given. */
export async function testHome(engine: () => Promise<Engine> = testEngine): Promise<TestHome> {
  const dir = await mkdtemp(join(tmpdir(), 'test-home-'))
  const notices: string[] = []
  const log: string[] = []
  const env = {HOME: dir}
  let opened: Promise<Engine> | undefined
  return {
    dir,
    notices,
    log,
    deps: {
      version: '0.0.0-test',
      paths: statePaths({env}),
      cwd: dir,
      env,
      embedded: async () => ({name: 'docker-mcp', servers: new Map()}),
      settings: async () => ({}),
      engine: () => (opened ??= engine()),
      log: line => void log.push(line),
      notify: line => void notices.push(line),
      isTerminal: true,
    },
    [Symbol.asyncDispose]: () => rm(dir, {recursive: true, force: true}),
  }
}

/** The flags of a gateway that serves these servers of a catalog file; `secrets` are put into a file of the home. */
export async function testOptions(
  home: TestHome,
  {
    servers,
    catalog,
    secrets = {},
    ...more
  }: Partial<Omit<GatewayOptions, 'secrets'>> & {
    servers: readonly string[]
    catalog: string
    secrets?: Readonly<Record<string, string>>
  },
): Promise<GatewayOptions> {
  const file = join(home.dir, 'secrets.env')
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(file, lines.join(''), {mode: 0o600})
  return {
    servers,
    enableAllServers: false,
    catalogs: [catalog],
    secrets: file,
    cpus: '1',
    memory: '512m',
    maxMessageBytes: 1024 * 1024,
    logCalls: false,
    callTimeoutMs: 600_000,
    life: {idleMs: undefined, longLived: false, standby: {min: 0, max: 0}},
    standbyMemoryBytes: 0,
    verifySignatures: false,
    blockSecrets: false,
    maskSecrets: false,
    networkPolicy: 'open',
    debugDns: false,
    security: 'default',
    allowMounts: [],
    exposeSecrets: [],
    limits: {tools: undefined, tokens: undefined},
    verbose: false,
    // As long as a start may take, so that no list goes out short.
    patienceMs: 60_000,
    showRemembered: true,
    ...more,
  }
}

/** A gateway in this process, with the containers of its servers. */
export interface TestGateway extends GatewaySetup, AsyncDisposable {
  containers(): Promise<readonly ContainerFacts[]>
}

/** Sets a gateway up; disposing of it makes sure that it left no container. */
export async function startGateway(home: TestHome, options: GatewayOptions): Promise<TestGateway> {
  const setup = await setUpGateway(home.deps, options)
  const all = async () => (await home.deps.engine()).list({'docker-mcp-owner': setup.owner})
  return {
    ...setup,
    get plan() {
      return setup.plan
    },
    containers: async () => (await all()).filter(one => !isLease(one)),
    async [Symbol.asyncDispose]() {
      await setup.gateway[Symbol.asyncDispose]()
      // What the engine takes its time with is on its way out; what was left stays.
      await vi.waitFor(async () => expect(await all()).toEqual([]), {timeout: 60_000})
    },
  }
}

/** A client without a transport: what it sends goes straight into its session. */
export class TestClient {
  readonly received: Message[] = []
  readonly session: Session
  readonly #waiting = new Map<Id, (response: Response) => void>()
  #lastId = 0

  constructor(gateway: Gateway, id: string) {
    this.session = gateway.openSession(id, {
      send: message => this.#receive(message),
      drop: about => void this.#waiting.delete(about),
    })
  }

  /** Introduces itself; gives the gateway's answer. */
  async initialize(capabilities: JsonObject = {}): Promise<JsonObject> {
    const clientInfo = {name: 'test-client', version: '1'}
    const params = {protocolVersion: '2025-11-25', capabilities, clientInfo}
    const answer = await this.request('initialize', params)
    this.session.receive({jsonrpc: '2.0', method: 'notifications/initialized'})
    return answer
  }

  /** Sends a request and waits for its result. @throws Error with the message of a refusal */
  async request(method: string, params: JsonObject = {}): Promise<JsonObject> {
    const answer = await this.ask(method, params)
    if ('result' in answer && typeof answer.result === 'object' && answer.result !== null) {
      return Object.fromEntries(Object.entries(answer.result))
    }
    throw new Error(JSON.stringify(answer['error']))
  }

  /** Sends a request and waits for its answer, good or bad. */
  ask(method: string, params: JsonObject = {}): Promise<Response> {
    const id = ++this.#lastId
    const answered = new Promise<Response>(resolve => this.#waiting.set(id, resolve))
    this.session.receive(request(id, method, params))
    return answered
  }

  /** Calls a tool and gives the text of its answer, also that of an error result. */
  async call(name: string, args: JsonObject = {}): Promise<string> {
    const answer = await this.request('tools/call', {name, arguments: args})
    const content = answer['content']
    const texts = Array.isArray(content) ? content : []
    return texts.map(part => Object(part)['text']).join('\n')
  }

  #receive(message: Message): void {
    this.received.push(message)
    if (isRequest(message) || !isResponse(message)) return
    this.#waiting.get(message.id)?.(message)
    this.#waiting.delete(message.id)
  }
}
