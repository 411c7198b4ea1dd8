import {setTimeout as delay} from 'node:timers/promises'
import type {Subject} from './subject.ts'

/** Memory is read when it has not changed for a second, or when this time is over. */
const SETTLING_S = 10

/** The middle one of some numbers, which a disturbance of a few of them does not move. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** A goal for a figure or a ratio: at most, or at least so much. */
export type Goal = {readonly most: number} | {readonly least: number}

/** A goal beside what came out, as the end of a table's line: `≤ 1.6  met`. */
export function verdict(figure: number, goal: Goal): string {
  if ('most' in goal) return `≤ ${goal.most}  ${figure <= goal.most ? 'met' : 'MISSED'}`
  return `≥ ${goal.least}  ${figure >= goal.least ? 'met' : 'MISSED'}`
}

/** The memory that a subject has resident once that has settled, in MiB. */
export async function settledMiB(subject: Subject): Promise<number> {
  let now = subject.residentMiB()
  for (let second = 0; second < SETTLING_S; second += 1) {
    const before = now
    await delay(1000)
    now = subject.residentMiB()
    if (now === before) break
  }
  return now
}
