import {PluginError} from '../base/errors.ts'
import type {ContainerFacts, Engine} from '../engine/engine.ts'
import {homeDir} from '../files/paths.ts'
import type {ServersInput} from '../profile/servers.ts'
import {readSigningKeys} from '../images/keys.ts'
import type {SecretSource} from '../secrets/source.ts'
import type {GatewayState} from './control/state.ts'
import {CpuMeter, liveServers, type LiveGateway, type LiveServer} from './live-servers.ts'
import {readFacts} from './facts.ts'
import type {Plan} from './plan.ts'
import {statusStore, type ServerRecord} from './status.ts'

/** Where the status of servers comes from. */
export interface StatusInput extends ServersInput {
  readonly engine: () => Promise<Engine>
  /** The gateways of this user that run now. */
  readonly gateways: () => Promise<readonly LiveGateway[]>
}

/** What was found out about all servers at one moment. */
export interface StatusFacts {
  readonly plan: Plan
  readonly secrets: SecretSource
  readonly records: ReadonlyMap<string, ServerRecord>
  readonly home: string
  /** Undefined when it cannot be asked. */
  readonly engine: Engine | undefined
  readonly engineFailure: PluginError | undefined
  /** What is wrong with `signatures.yaml`: no gateway starts with it, unless it checks no signatures. */
  readonly keysFailure: PluginError | undefined
  /** What runs of gateways of this user that do not answer. */
  readonly untold: readonly ContainerFacts[]
  /** What runs of gateways that cannot be found from here, as those of another configuration. */
  readonly strangers: readonly ContainerFacts[]
  readonly lives: ReadonlyMap<string, LiveServer>
  readonly gateways: {readonly answering: number; readonly silent: number}
  /** By container id, per cent of one core since the look before this one. */
  readonly cpu: ReadonlyMap<string, number>
  hasImage(image: string): Promise<boolean | undefined>
}

/** Files and images change seldom: whoever looks every second need not read them every second. */
const SELDOM_MS = 5000
/** Engines take up to a second for figures; one that hangs must not keep what the others tell from being seen. */
const PATIENCE_MS = 5000

/** Looks at configuration, engine and gateways, again and again. */
export class StatusSource {
  readonly #input: StatusInput
  readonly #secretsSpec: string | undefined
  readonly #cpu = new CpuMeter()
  readonly #images = new Map<string, {readonly isPresent: boolean; readonly at: number}>()
  #configured: {readonly facts: Promise<Configured>; readonly at: number} | undefined

  /** @param secretsSpec the value of `--secrets` */
  constructor(input: StatusInput, secretsSpec: string | undefined) {
    this.#input = input
    this.#secretsSpec = secretsSpec
  }

  /**
   * @param signal for a look that nobody waits for any more
   * @throws PluginError for files that are wrong
   */
  async look(signal?: AbortSignal): Promise<StatusFacts> {
    const patience = AbortSignal.timeout(PATIENCE_MS)
    const limit = signal ? AbortSignal.any([patience, signal]) : patience
    const {paths, env} = this.#input
    const [configured, records, asked, told] = await Promise.all([
      this.#configuration(),
      statusStore(paths.stateDir, () => new Date()).read(),
      this.#askEngine(limit),
      this.#askGateways(limit),
    ])
    const engine = 'engine' in asked ? asked.engine : undefined
    const owners = new Set(told.states.map(({owner}) => owner))
    const running = ('engine' in asked ? asked.containers : []).filter(
      ({state, labels}) => state === 'running' && !owners.has(labels['docker-mcp-owner'] ?? ''),
    )
    const isSilent = ({labels}: ContainerFacts) => told.silent.has(labels['docker-mcp-owner'] ?? '')
    return {
      ...configured,
      records,
      home: homeDir(env),
      engine,
      engineFailure: 'failure' in asked ? asked.failure : undefined,
      untold: running.filter(isSilent),
      strangers: running.filter(container => !isSilent(container)),
      lives: liveServers(told.states),
      gateways: {answering: told.states.length, silent: told.silent.size},
      cpu: told.cpu,
      hasImage: image => this.#hasImage(image, engine),
    }
  }

  #configuration(): Promise<Configured> {
    const known = this.#configured
    if (known && Date.now() - known.at < SELDOM_MS) return known.facts
    const facts = configuration(this.#input, this.#secretsSpec)
    const configured = {facts, at: Date.now()}
    this.#configured = configured
    // A file that is wrong may be mended the next moment.
    facts.catch(() => {
      if (this.#configured === configured) this.#configured = undefined
    })
    return facts
  }

  async #askEngine(
    signal: AbortSignal,
  ): Promise<{engine: Engine; containers: readonly ContainerFacts[]} | {failure: PluginError}> {
    try {
      const engine = await this.#input.engine()
      return {engine, containers: await engine.list({'docker-mcp': 'true'}, signal)}
    } catch (error) {
      if (error instanceof PluginError) return {failure: error}
      if (error instanceof Error && error.name === 'TimeoutError') return {failure: slowEngine()}
      throw error
    }
  }

  async #askGateways(signal: AbortSignal): Promise<{
    states: readonly GatewayState[]
    silent: ReadonlySet<string>
    cpu: ReadonlyMap<string, number>
  }> {
    const gateways = await this.#input.gateways()
    const answers = await Promise.allSettled(gateways.map(gateway => gateway.state(signal)))
    const states = answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
    const containers = states.flatMap(({servers}) => servers).flatMap(server => server.containers)
    return {
      states,
      silent: new Set(
        gateways
          .filter((_, index) => answers[index]?.status === 'rejected')
          .map(({record}) => record.owner),
      ),
      cpu: this.#cpu.look(containers),
    }
  }

  /** @returns undefined when nobody can be asked */
  async #hasImage(image: string, engine: Engine | undefined): Promise<boolean | undefined> {
    const known = this.#images.get(image)
    if (known && Date.now() - known.at < SELDOM_MS) return known.isPresent
    const isPresent = await engine?.hasImage(image)
    if (isPresent !== undefined) this.#images.set(image, {isPresent, at: Date.now()})
    return isPresent
  }
}

interface Configured {
  readonly plan: Plan
  readonly secrets: SecretSource
  readonly keysFailure: PluginError | undefined
}

async function configuration(
  input: StatusInput,
  secretsSpec: string | undefined,
): Promise<Configured> {
  const [{plan, secrets}, keysFailure] = await Promise.all([
    readFacts(input, {enableAllServers: false, secrets: secretsSpec}),
    wrongKeys(input),
  ])
  return {plan, secrets, keysFailure}
}

async function wrongKeys({paths, env}: StatusInput): Promise<PluginError | undefined> {
  try {
    await readSigningKeys(paths.dir, homeDir(env))
    return undefined
  } catch (error) {
    if (error instanceof PluginError) return error
    throw error
  }
}

function slowEngine(): PluginError {
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `the engine did not list its containers within ${PATIENCE_MS / 1000} s`,
    {hint: 'see whether `docker ps` answers'},
  )
}
