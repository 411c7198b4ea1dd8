import {withDeadline} from '../base/async.ts'
import type {ContainerFacts, Engine, NetworkFacts} from './engine.ts'

/** What the engine may take to remove one thing, in milliseconds. */
const REMOVE_MS = 10_000

/** What a gateway has on an engine. */
export interface Belongings {
  readonly containers: readonly ContainerFacts[]
  readonly networks: readonly NetworkFacts[]
}

/** How much was removed, whoever did it. */
export interface Removal {
  readonly containers: number
  readonly networks: number
}

/**
 * Removes containers by force, then networks: whoever is still on them is taken off. What is gone already, or is being
 * removed by somebody else, is no failure.
 */
export async function removeBelongings(
  engine: Engine,
  {containers, networks}: Belongings,
): Promise<Removal> {
  return {
    containers: await removeEach(containers, ({id}) => engine.remove(id, {force: true})),
    networks: await removeEach(networks, ({id}) => removeNetwork(engine, id)),
  }
}

/** All at once: each takes the engine some 40 ms, whatever else it does. */
async function removeEach<T>(
  things: readonly T[],
  remove: (thing: T) => Promise<void>,
): Promise<number> {
  const removed = things.map(thing => withDeadline(remove(thing), REMOVE_MS, tooLate))
  const outcomes = await Promise.allSettled(removed)
  return outcomes.filter(({status}) => status === 'fulfilled').length
}

/**
 * Removes a network, whoever is still on it.
 * @param id or name
 * @throws PluginError of the engine
 */
export async function removeNetwork(engine: Engine, id: string): Promise<void> {
  for (const member of await engine.networkMembers(id)) await engine.disconnectNetwork(id, member)
  await engine.removeNetwork(id)
}

function tooLate(): Error {
  return new Error('the engine did not answer in time')
}
