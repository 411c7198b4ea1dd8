import type {ContainerFacts, Engine, NetworkFacts} from './engine.ts'
import {isLease, LEASE_START_MS} from './lease.ts'
import {UNLEASED_LABEL} from './options.ts'
import {isOwner, OWNER_LABEL} from './owner.ts'
import {type Belongings, type Removal, removeBelongings} from './removal.ts'

/** What everything of ours carries. */
const OURS = {'docker-mcp': 'true'}
/** So young may be what a gateway has made that has no lease yet, in milliseconds. */
const GRACE_MS = 15_000

/**
 * Removes what gateways have left that are gone: containers in any state, and networks, of each owner that has no
 * lease running or about to, and has made nothing for 15 s. What is being removed already, or fails to be, is left to
 * the next time.
 * @param input `owner`: who reaps, and loses nothing by it; `now`: by the engine's clock
 * @returns how much it removed, and whether somebody may be dead who has made something too lately
 * @throws PluginError of the engine when it does not tell what there is
 */
export async function reap(
  engine: Engine,
  {owner, now}: {readonly owner: string; readonly now: Date},
  signal?: AbortSignal,
): Promise<Removal & {readonly isUnsure: boolean}> {
  // In this order: who makes something in between is seen with a container that is young.
  const networks = await engine.listNetworks(OURS, signal)
  const containers = await engine.list(OURS, signal)
  const {isUnsure, ...doomed} = abandoned({containers, networks}, {owner, now})
  return {...(await removeBelongings(engine, doomed)), isUnsure}
}

/** What a gateway has on the engine, its lease and helpers included. */
export async function belongingsOf(
  engine: Engine,
  owner: string,
  signal?: AbortSignal,
): Promise<Belongings> {
  const labels = {...OURS, [OWNER_LABEL]: owner}
  const networks = await engine.listNetworks(labels, signal)
  const containers = await engine.list(labels, signal)
  return {containers: containers.filter(isMade), networks}
}

/** Of all that there is, what belongs to gateways that are gone; see {@link reap}. */
export function abandoned(
  {containers, networks}: Belongings,
  {owner, now}: {readonly owner: string; readonly now: Date},
): Belongings & {readonly isUnsure: boolean} {
  const owners = new Map<string, {youngUntil: number; isAlive: boolean}>()
  const made = containers.filter(isMade)
  for (const thing of [...made, ...networks]) {
    const name = thing.labels[OWNER_LABEL]
    if (!isOwner(name) || name === owner) continue
    const known = owners.get(name) ?? {youngUntil: 0, isAlive: false}
    owners.set(name, {
      youngUntil: Math.max(known.youngUntil, thing.createdAt.getTime() + graceOf(thing)),
      isAlive: known.isAlive || showsLife(thing),
    })
  }
  const suspects = [...owners].filter(([, {isAlive}]) => !isAlive)
  const isOver = ([, {youngUntil}]: (typeof suspects)[number]) => now.getTime() > youngUntil
  const dead = new Set(suspects.filter(isOver).map(([name]) => name))
  const isDoomed = ({labels}: ContainerFacts | NetworkFacts) => dead.has(labels[OWNER_LABEL] ?? '')
  return {
    containers: made.filter(isDoomed),
    networks: networks.filter(isDoomed),
    isUnsure: dead.size < suspects.length,
  }
}

/**
 * Whether a container was made by a gateway, and not by somebody from an image that was one of ours once (`docker
 * commit` keeps the labels): ours are named so, but for helpers, which never run.
 */
function isMade({name, state}: ContainerFacts): boolean {
  return /^(docker-)?mcp-/.test(name) || state === 'created'
}

/** A busy engine may take long to start the lease of a gateway whose servers run already. */
function graceOf(thing: ContainerFacts | NetworkFacts): number {
  const isStarting = 'state' in thing && thing.state === 'created' && isLease(thing)
  return isStarting ? LEASE_START_MS : GRACE_MS
}

const RUNNING: ReadonlySet<string> = new Set(['running', 'paused', 'restarting'])

/** A lease that runs; or a server of a gateway that could not have one, of which nothing can be said. */
function showsLife(thing: ContainerFacts | NetworkFacts): boolean {
  if (!('state' in thing) || !RUNNING.has(thing.state)) return false
  return isLease(thing) || thing.labels[UNLEASED_LABEL] === 'true'
}
