import {setTimeout as delay} from 'node:timers/promises'
import {modernCaller, type Caller} from './client.ts'
import {verdict} from './figures.ts'
import type {Subject} from './subject.ts'

const CALLERS = 1000
const ROUNDS = 8
/** What the first rounds take is the compiler's. */
const WARM_UP_ROUNDS = 2
/** Until then all connections of a round are closed, in milliseconds. */
const SETTLING_MS = 1000
/** The least that could be kept of a caller is some hundred bytes; this much is the noise of measuring. */
const GOAL = {most: 0.2}

/** Above the rows that `statelessCallers` gives. */
export const MEMORY_HEAD = [
  'WHAT',
  'FIGURE',
  'BEFORE',
  `AFTER ${ROUNDS} × ${CALLERS} CALLERS`,
  'MIB WITH EACH 1000',
  'GOAL',
]

/**
 * Has a thousand clients that nobody has seen before call at the same moment, again and again: whatever is kept of one
 * of them grows with their number.
 * @param call must be answered, or this throws
 * @returns a table's rows: how much memory the subject had at first and at last, and by how much its heap grew with
 *   each round
 */
export async function statelessCallers(
  subject: Subject,
  call: (caller: Caller) => Promise<void>,
): Promise<string[][]> {
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) await oneRound(subject, call)
  const before = subject.residentMiB()
  const heap = [await subject.heapMiB()]
  for (let round = 0; round < ROUNDS; round += 1) {
    await oneRound(subject, call)
    heap.push(await subject.heapMiB())
  }
  const row = (figure: string, first: number, last: number) => [
    subject.name,
    figure,
    first.toFixed(1),
    last.toFixed(1),
  ]
  const growth = slope(heap)
  const [first = Number.NaN, last = Number.NaN] = [heap[0], heap.at(-1)]
  return [
    [...row('heap MiB', first, last), growth.toFixed(2), verdict(growth, GOAL)],
    [...row('resident MiB', before, subject.residentMiB()), '', ''],
  ]
}

let seen = 0

async function oneRound(subject: Subject, call: (caller: Caller) => Promise<void>): Promise<void> {
  const callers = Array.from({length: CALLERS}, () => modernCaller(subject, `caller-${++seen}`))
  await Promise.all(callers.map(call))
  for (const caller of callers) caller.rest()
  await delay(SETTLING_MS)
}

/** Of the line that is nearest to some values, which are one step apart (least squares). */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const weights = values.map((_, at) => at - middle)
  const sum = values.reduce((total, value, at) => total + value * (weights[at] ?? 0), 0)
  return sum / weights.reduce((total, weight) => total + weight * weight, 0)
}
