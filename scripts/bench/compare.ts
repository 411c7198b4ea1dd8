import {load, type Caller, type Load, type LoadOptions} from './client.ts'
import {median, verdict, type Goal} from './figures.ts'
import type {Subject} from './subject.ts'

/** How often each side has its turn. */
const ROUNDS = 7

/** Something that is read from a load, with the goal for its ratio. */
export interface Figure {
  readonly name: string
  readonly of: (load: Load) => number
  readonly goal: Goal
}

const PROCESSOR = {name: 'processor µs/call', of: ({processorUs}: Load) => processorUs}
const RATE = {name: 'requests/s', of: ({perSecond}: Load) => perSecond}
const P50 = {name: 'p50 ms', of: ({p50Ms}: Load) => p50Ms}

/** What is read from loads of small calls. */
export const CALLS: readonly Figure[] = [
  {...PROCESSOR, goal: {most: 1.6}},
  {...RATE, goal: {least: 0.7}},
  {...P50, goal: {most: 1.5}},
]

/** What is read from loads of calls with large results. */
export const BIG_RESULTS: readonly Figure[] = [
  {...PROCESSOR, goal: {most: 1.5}},
  {...P50, goal: {most: 1.5}},
]

/** A subject, and its clients. */
export interface Side {
  readonly subject: Subject
  readonly clients: readonly Caller[]
}

/** What is compared: the bare relay and the gateway. */
export interface Sides {
  readonly bare: Side
  readonly gateway: Side
}

/** Above the rows that `compare` gives, after a column for what is compared. */
export const HEAD = ['WHAT', 'FIGURE', 'BARE RELAY', 'GATEWAY', 'RATIO', 'GOAL']

/**
 * Loads both sides in turns.
 * @param options `clients` is how many of each side are used
 * @returns a table's rows, one for each figure
 */
export async function compare(
  sides: Sides,
  {clients, ...options}: LoadOptions & {readonly clients: number},
  figures: readonly Figure[],
): Promise<string[][]> {
  const run = (side: Side) => load(side.subject, side.clients.slice(0, clients), options)
  const loads: {readonly bare: Load; readonly gateway: Load}[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const bare = await run(sides.bare)
    loads.push({bare, gateway: await run(sides.gateway)})
  }
  return figures.map(({name, of, goal}) => {
    const bare = median(loads.map(round => of(round.bare)))
    const gateway = median(loads.map(round => of(round.gateway)))
    const ratio = gateway / bare
    return [name, shown(bare), shown(gateway), ratio.toFixed(2), verdict(ratio, goal)]
  })
}

function shown(figure: number): string {
  return figure.toFixed(figure < 100 ? 2 : 0)
}
