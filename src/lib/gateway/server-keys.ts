import {createHmac, randomBytes} from 'node:crypto'
import {PluginError} from '../base/errors.ts'
import type {Outgoing} from '../net/agents.ts'
import type {SecretSource} from '../secrets/source.ts'
import {lifePolicy, type LifeDefaults} from './life-policy.ts'
import type {Plan, PlannedServer} from './plan.ts'

/** What containers of servers are made with whose entries say nothing of it. */
export interface LaunchDefaults {
  readonly limits: {
    readonly cpus: number
    readonly memoryBytes: number | undefined
    readonly pids: number
  }
  readonly networkPolicy: string
  readonly security: string
  readonly allowMounts: readonly string[]
  readonly exposeSecrets: readonly string[]
  readonly life: LifeDefaults
  /** How remote servers are reached. */
  readonly outgoing?: Outgoing | undefined
}

/** What tells servers from others of the same names. No value of a secret can be learnt from it. */
export interface ServerKeys {
  /** Of what runs: a server with the same one keeps its containers. */
  readonly running: ReadonlyMap<string, string>
  /** Of all that is configured for a server. */
  readonly whole: ReadonlyMap<string, string>
}

/** The values of secrets are few and short sometimes: who sees a digest must not be able to try them out. */
const KEY = randomBytes(32)

/** The keys of all servers of a plan, with the secrets as they are now. */
export function serverKeys(
  plan: Plan,
  {secrets, defaults}: {secrets: SecretSource; defaults: LaunchDefaults},
): ServerKeys {
  const running = plan.servers.map((server): [string, string] => [
    server.name,
    digest(runningPart(server, secrets, defaults)),
  ])
  const byName = new Map(running)
  const whole = plan.servers.map(({name, prefix, tools, callTimeoutMs}): [string, string] => [
    name,
    digest([byName.get(name), prefix, tools, callTimeoutMs]),
  ])
  return {running: byName, whole: new Map(whole)}
}

/** Everything that a container, or a connection, is made of: not the prefix, nor what a call may take. */
function runningPart(
  {start, startTimeoutMs}: PlannedServer,
  secrets: SecretSource,
  defaults: LaunchDefaults,
): unknown {
  if (start instanceof PluginError) return [start.code, start.message, start.hint]
  const {toolPrefix: _prefix, callTimeout: _timeout, ...spec} = start
  const values = start.secrets.map(({name}) => secrets.bytes(name)?.toString('base64') ?? null)
  if (start.kind === 'remote') {
    return [spec, startTimeoutMs, values, outgoingPart(defaults.outgoing)]
  }
  const {limits, networkPolicy, security, allowMounts, exposeSecrets, life} = defaults
  const isExposed = exposeSecrets.includes(start.name)
  const launch = [limits, networkPolicy, security, allowMounts, isExposed, lifePolicy(start, life)]
  return [spec, startTimeoutMs, values, launch]
}

/** What of this machine's environment a connection depends on. */
function outgoingPart({env, ca}: Outgoing = {env: {}}): unknown {
  const names = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap(name => [
    name,
    name.toUpperCase(),
  ])
  return [names.map(name => env[name] ?? null), ca]
}

function digest(value: unknown): string {
  return createHmac('sha256', KEY).update(JSON.stringify(value)).digest('base64url')
}
