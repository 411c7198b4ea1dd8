import type {Duplex} from 'node:stream'
import type {Egress} from '../../egress/egress.ts'
import type {Engine} from '../../engine/engine.ts'
import type {ShimArchitecture} from '../../engine/shim.ts'
import type {ContainerSpec} from '../../model/server.ts'
import type {Housekeeping} from './housekeeping.ts'
import type {LostThing} from './lost-things.ts'
import {type NetworkPlan, type OwnNetwork, ownNetwork} from './network.ts'
import {openRelay, type RelayLink} from './relayed.ts'
import type {ContainerPlan} from './running.ts'

/** A relay ends with its container, and a little earlier: so long it is not news, in milliseconds. */
const LAST_MOMENTS_MS = 1000

/**
 * The ways in and out of one container, made when it is: an internal network with each container that it may talk to,
 * and the relay.
 * @param input `name`: the container's, which its first network has as well
 */
export function waysOf(input: {
  readonly engine: Engine
  readonly owner: string
  readonly notify: (line: string) => void
  readonly housekeeping: Pick<Housekeeping, 'lost'>
  readonly spec: ContainerSpec
  readonly plan: NetworkPlan
  readonly name: string
  readonly egress: Egress | undefined
  readonly architecture: ShimArchitecture | undefined
}): {
  readonly steps: Pick<ContainerPlan, 'before' | 'prepare' | 'cleanUp' | 'onLost'>
  readonly connect: (port: number, signal: AbortSignal) => Promise<Duplex>
} {
  const {engine, owner, notify, housekeeping, spec, plan, name, egress, architecture} = input
  const networks: OwnNetwork[] = []
  let relay: RelayLink | undefined
  let isOver = false
  const lost = (thing: LostThing) => () => housekeeping.lost(engine, thing)

  async function makeNetworks(signal: AbortSignal): Promise<void> {
    const {connectTo} = spec.network
    const labels = {
      'docker-mcp': 'true',
      'docker-mcp-name': spec.name,
      'docker-mcp-owner': owner,
    }
    for (const [index, container] of connectTo.entries()) {
      const own = {name: index === 0 ? name : `${name}-${index + 1}`, labels, container}
      const made = {server: spec.name, ...own, onLost: lost({kind: 'network', name: own.name})}
      networks.push(await ownNetwork(engine, made, signal))
    }
    notify(`- ${spec.name}: shares a network with ${connectTo.join(' and another one with ')}`)
  }

  /** A container is created on one network; it joins the others when it runs and its program does not yet. */
  async function prepare(id: string, signal: AbortSignal): Promise<void> {
    for (const {name: network} of networks.slice(1)) {
      await engine.connectNetwork(network, id, signal)
    }
    await startRelay(id, signal)
  }

  async function startRelay(id: string, signal: AbortSignal): Promise<void> {
    if (architecture === undefined) return
    const onEnd = (why: string) => {
      const tell = () => {
        if (!isOver) notify(`! ${spec.name}: the relay of its network has ended: ${why}`)
      }
      setTimeout(tell, LAST_MOMENTS_MS).unref()
    }
    relay = await openRelay(engine, id, {server: spec.name, architecture, egress, onEnd}, signal)
  }

  async function cleanUp(): Promise<void> {
    isOver = true
    relay?.close()
    egress?.[Symbol.dispose]()
    await Promise.all(networks.map(network => network.remove()))
  }

  return {
    steps: {
      before: plan.base === 'own' ? makeNetworks : undefined,
      prepare: plan.needsRelay ? prepare : undefined,
      cleanUp,
      onLost: lost({kind: 'container', name}),
    },
    connect: (port, signal) =>
      relay
        ? relay.connect(port, signal)
        : Promise.reject(new Error('the container does not run yet')),
  }
}
