import {median} from './figures.ts'

/**
 * Measures each of some things once in every round, and each is the first one as often as the others.
 * @returns what was measured, by name
 */
export async function inRounds<T>(
  rounds: number,
  things: readonly {readonly name: string; readonly measure: () => Promise<T>}[],
): Promise<ReadonlyMap<string, readonly T[]>> {
  const found = new Map(things.map(({name}) => [name, [] as T[]]))
  for (let round = 0; round < rounds; round += 1) {
    const at = round % things.length
    for (const {name, measure} of [...things.slice(at), ...things.slice(0, at)]) {
      found.get(name)?.push(await measure())
    }
  }
  return found
}

/** Two series of one run, compared. */
export interface Comparison {
  readonly ours: number
  readonly reference: number
  /** How much more ours is, as a number and as a ratio: medians of the rounds, which are alike in all but this. */
  readonly more: number
  readonly ratio: number
}

/** Compares what was measured in the same rounds. */
export function compareRounds(
  found: ReadonlyMap<string, readonly number[]>,
  name: string,
  reference: string,
): Comparison {
  const ours = found.get(name) ?? []
  const others = found.get(reference) ?? []
  const pairs = ours.map((figure, round) => [figure, others[round] ?? Number.NaN] as const)
  return {
    ours: median(ours),
    reference: median(others),
    more: median(pairs.map(([one, other]) => one - other)),
    ratio: median(pairs.map(([one, other]) => one / other)),
  }
}

/** One figure of all that was measured. */
export function figuresOf<T>(
  found: ReadonlyMap<string, readonly T[]>,
  of: (measured: T) => number,
): ReadonlyMap<string, readonly number[]> {
  return new Map([...found].map(([name, all]) => [name, all.map(of)]))
}
