import type {Engine} from '../../engine/engine.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import {Scope} from '../../base/scope.ts'
import {pinsOf} from '../../egress/egress.ts'
import type {AllowRule} from '../../model/allow-rule.ts'
import type {ContainerSpec} from '../../model/server.ts'

/** What servers may reach whose catalog entry says nothing: docker's bridge, nothing but logged, or nothing. */
export type NetworkPolicy = 'open' | 'allowlist' | 'none'

/** How a server's container is connected, decided before anything is made. */
export interface NetworkPlan {
  /** No network; docker's bridge; or an internal network of its own, with the containers that its entry names. */
  readonly base: 'none' | 'open' | 'own'
  /** What may pass the relay outwards; undefined: nothing does, and nobody listens inside. */
  readonly egress: readonly AllowRule[] | undefined
  readonly needsRelay: boolean
}

/** Decides how a server is connected, from what its entry says and, where that is nothing, from the policy. */
export function planNetwork(
  {network, http}: Pick<ContainerSpec, 'network' | 'http'>,
  policy: NetworkPolicy,
): NetworkPlan {
  const {connectTo} = network
  // Who names containers to talk to has said what the network is for.
  const said = network.kind === 'unsaid' && connectTo.length > 0 ? 'allow' : network.kind
  const kind = said === 'unsaid' ? UNSAID[policy] : said
  const egress = kind === 'allow' ? network.rules : undefined
  const base = connectTo.length > 0 ? 'own' : kind === 'open' ? 'open' : 'none'
  return {base, egress, needsRelay: egress !== undefined || http !== undefined}
}

const UNSAID = {open: 'open', allowlist: 'allow', none: 'none'} as const

/**
 * The addresses that an entry's `extraHosts` name, by host name.
 * @throws PluginError CONFIG_MISSING when `host-gateway` is named and the engine has no bridge
 */
export async function namedAddresses(
  {name, network}: Pick<ContainerSpec, 'name' | 'network'>,
  engine: Engine,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const {extraHosts} = network
  if (!extraHosts.some(({address}) => address === HOST_GATEWAY)) {
    return pinsOf(extraHosts, undefined)
  }
  const host = await hostAddress(engine, signal)
  if (host !== undefined) return pinsOf(extraHosts, host)
  throw new PluginError(
    'CONFIG_MISSING',
    `server ${name}: extraHosts names host-gateway, and the engine's machine cannot be reached that way from here`,
    {hint: 'write the address of the machine instead'},
  )
}

/** The connections are the gateway's own: the machine is what it is from here, not from a container. */
function hostAddress(engine: Engine, signal: AbortSignal): Promise<string | undefined> {
  if (!engine.isLocal) return Promise.resolve(undefined)
  // Elsewhere the engine runs in a virtual machine, whose bridge is nobody's here.
  return process.platform === 'linux' ? engine.bridgeGateway(signal) : Promise.resolve(LOOPBACK)
}

const LOOPBACK = '127.0.0.1'

/** Docker's own word for the address of the engine's machine. */
const HOST_GATEWAY = 'host-gateway'

/** A network that was made for one container and one other. */
export interface OwnNetwork {
  readonly name: string
  /** Takes the other out of it and removes it. Never rejects. */
  remove(): Promise<void>
}

/** Without it the host would answer at the network's own address, whatever `internal` says. */
const NO_ADDRESS_OF_THE_HOST = {'com.docker.network.bridge.inhibit_ipv4': 'true'}

/**
 * Makes an internal network for one container, and lets the container join that the server may talk to. Nobody else is
 * ever in it, not even another one that the server may talk to: what shares a network can reach each other.
 * @throws PluginError CONFIG_MISSING naming the container when the engine does not let it join
 */
export async function ownNetwork(
  engine: Engine,
  input: {
    readonly server: string
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly container: string
    readonly onLost: (error: unknown) => void
  },
  signal: AbortSignal,
): Promise<OwnNetwork> {
  const {server, name, labels, container, onLost} = input
  const scope = new Scope()
  try {
    const options = NO_ADDRESS_OF_THE_HOST
    const id = await engine.createNetwork({name, labels, internal: true, options}, signal)
    scope.defer(() => engine.removeNetwork(id).catch(onLost))
    await engine.connectNetwork(name, container, signal).catch((error: unknown) => {
      throw signal.aborted ? error : notJoined(server, container, error)
    })
    // One that has ended meanwhile has left the network by itself.
    scope.defer(() => engine.disconnectNetwork(id, container).catch(() => undefined))
    return {name, remove: () => scope.close()}
  } catch (error) {
    await scope.close()
    throw error
  }
}

function notJoined(server: string, container: string, error: unknown): PluginError {
  return new PluginError(
    'CONFIG_MISSING',
    `server ${server}: connectTo names the container ${container}, and it cannot join the server's network: ${messageOf(error)}`,
    {hint: 'start that container first; docker ps shows how it is called', cause: error},
  )
}
