import {setFlagsFromString} from 'node:v8'
import {runInNewContext} from 'node:vm'
import {describe, expect, test} from 'vitest'
import {pullLine} from '../../../src/lib/engine/answers.ts'

/** Bytes that something holds on to. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc()')
  return process.memoryUsage().heapUsed
}

describe('pullLine', () => {
  test('takes a line as it is', () => {
    const line = {id: 'a1b2', status: 'Downloading', progressDetail: {current: 1, total: 2}}
    const progress = {layer: 'a1b2', status: 'Downloading', current: 1, total: 2}
    expect(pullLine.parse(line)).toEqual({progress})
  })

  test('keeps no more of a word than words have', () => {
    const line = {id: 'i'.repeat(500_000), status: 's'.repeat(500_000)}
    const progress = {layer: 'i'.repeat(200), status: 's'.repeat(200)}
    expect(pullLine.parse(line)).toEqual({progress})
  })

  test('does not hold on to long lines by what it keeps of them', () => {
    const before = heapUsed()
    const kept = Array.from({length: 300}, (_, index) =>
      pullLine.parse(JSON.parse(`{"id": "${index}${'i'.repeat(500_000)}"}`)),
    )
    expect(heapUsed() - before).toBeLessThan(75_000_000)
    expect(kept).toHaveLength(300)
  })
})
