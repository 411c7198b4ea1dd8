import {parseCpus, parseMemory} from '../engine/options.ts'
import type {ImageVerifier, Mirrors} from '../images/signature.ts'
import {openVerifier} from '../images/verifier.ts'
import type {Outgoing} from '../net/agents.ts'
import {mirrorsOf} from '../profile/open.ts'
import {readFacts, type Facts} from './facts.ts'
import {keepValues, type KeptSecrets} from '../secrets/source.ts'
import {declaredSecrets} from './plan.ts'
import {serverKeys, type LaunchDefaults, type ServerKeys} from './server-keys.ts'
import type {GatewayDeps, GatewayOptions} from './setup.ts'
import type {FleetInput} from './upstream/fleet.ts'

/** What a user has configured at one time, read and checked. */
export interface Configured {
  readonly options: GatewayOptions
  readonly facts: Facts
  /** The secrets that cannot be read now and have the value of before, with the reasons. */
  readonly kept: KeptSecrets['kept']
  readonly limits: LaunchDefaults['limits']
  /** Makes a verifier with the keys that were read first. */
  readonly verifierOf: ((mirrors: Mirrors) => ImageVerifier) | undefined
  readonly verifier: ImageVerifier | undefined
  /** How the gateway itself reaches others. */
  readonly outgoing: Outgoing
  readonly keys: ServerKeys
}

/** So many processes and threads has a well-behaved server never had. */
const MOST_PROCESSES = 256

/**
 * Reads everything that a user configured. Starts and changes nothing.
 * @param before what was read the last time: the keys of signatures stay those that they were, and secrets that cannot be
 *   read any more have the values that they had
 * @throws PluginError for files and flags that are wrong
 */
export async function readConfigured(
  deps: GatewayDeps,
  input: {
    readonly options: GatewayOptions
    readonly before: Configured | undefined
    readonly notify: (line: string) => void
  },
): Promise<Configured> {
  const {options, before, notify} = input
  const limits = {
    cpus: parseCpus(options.cpus),
    memoryBytes: parseMemory(options.memory),
    pids: MOST_PROCESSES,
  }
  const read = await readFacts(deps, options)
  const declared = declaredSecrets(read.plan)
  const {secrets, kept} = keepValues(before?.facts.secrets ?? read.secrets, read.secrets, declared)
  const facts = {...read, secrets}
  const {outgoing = {env: deps.env}} = options
  const verifierOf = options.verifySignatures
    ? (before?.verifierOf ?? (await openVerifier({...deps, outgoing}, notify)))
    : undefined
  const verifier = verifierOf?.(await mirrorsOf(deps))
  const keys = serverKeys(facts.plan, {secrets, defaults: {...options, limits}})
  return {options, facts, kept, limits, verifierOf, verifier, outgoing, keys}
}

/** What can become another while a fleet works. */
type Changeable =
  | 'allowMounts'
  | 'debugDns'
  | 'exposeSecrets'
  | 'life'
  | 'limits'
  | 'maskSecrets'
  | 'networkPolicy'
  | 'outgoing'
  | 'secrets'
  | 'security'
  | 'standbyMemoryBytes'
  | 'startTimeoutMs'
  | 'verbose'
  | 'verifier'

/** What a fleet is made with: each start takes what is configured then. */
export function fleetInput(fixed: Omit<FleetInput, Changeable>, now: () => Configured): FleetInput {
  return {
    ...fixed,
    get allowMounts() {
      return now().options.allowMounts
    },
    get debugDns() {
      return now().options.debugDns
    },
    get exposeSecrets() {
      return now().options.exposeSecrets
    },
    get life() {
      return now().options.life
    },
    get limits() {
      return now().limits
    },
    get maskSecrets() {
      return now().options.maskSecrets
    },
    get networkPolicy() {
      return now().options.networkPolicy
    },
    get outgoing() {
      return now().outgoing
    },
    get secrets() {
      return now().facts.secrets
    },
    get security() {
      return now().options.security
    },
    get standbyMemoryBytes() {
      return now().options.standbyMemoryBytes
    },
    get startTimeoutMs() {
      return now().options.startTimeoutMs
    },
    get verbose() {
      return now().options.verbose
    },
    get verifier() {
      return now().verifier
    },
  }
}

/** The options that differ and that only a gateway takes in which is started anew. */
export function onlyAtStart(before: GatewayOptions, now: GatewayOptions): readonly string[] {
  return AT_START.filter(key => before[key] !== now[key])
}

const AT_START = ['maxMessageBytes'] as const
