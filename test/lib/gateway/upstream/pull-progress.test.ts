import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {layerSum, pullLines} from '../../../../src/lib/gateway/upstream/pull-progress.ts'

describe('layerSum', () => {
  test('counts what has come of each layer, and not what is unpacked', () => {
    const sum = layerSum()
    expect(sum.sum()).toEqual({done: 0, total: 0})
    sum.add({layer: '', status: 'Pulling from a/b'})
    sum.add({layer: 'a', status: 'Pulling fs layer'})
    sum.add({layer: 'a', status: 'Downloading', current: 10, total: 100})
    sum.add({layer: 'b', status: 'Downloading', current: 50, total: 50})
    expect(sum.sum()).toEqual({done: 60, total: 150})
    sum.add({layer: 'a', status: 'Verifying Checksum'})
    sum.add({layer: 'a', status: 'Extracting', current: 5, total: 100})
    sum.add({layer: 'c', status: 'Already exists'})
    expect(sum.sum()).toEqual({done: 150, total: 150})
  })

  test('never has more of it than there is, whatever an engine says', () => {
    const progress = fc.record(
      {
        layer: fc.constantFrom('', 'a', 'b'),
        status: fc.constantFrom('Downloading', 'Extracting', 'Pull complete', 'Retrying', ''),
        current: fc.oneof(fc.integer(), fc.double({noNaN: true})),
        total: fc.oneof(fc.integer(), fc.double({noNaN: true})),
      },
      {requiredKeys: ['layer', 'status']},
    )
    fc.assert(
      fc.property(fc.array(progress), lines => {
        const sum = layerSum()
        for (const line of lines) {
          sum.add(line)
          const {done, total} = sum.sum()
          expect(done).toBeGreaterThanOrEqual(0)
          expect(done).toBeLessThanOrEqual(total)
        }
      }),
    )
  })
})

describe('pullLines', () => {
  test('says something new every five seconds at most, and how it ended', () => {
    const told: string[] = []
    let now = 0
    const lines = pullLines(
      {server: 'one', image: 'a/b:1'},
      {notify: line => void told.push(line), now: () => now},
    )
    const add = (current: number) =>
      lines.add({layer: 'a', status: 'Downloading', current, total: 200_000_000})
    for (; now < 12_000; now += 100) add(now * 10_000)
    for (; now < 30_000; now += 100) add(150_000_000)
    lines.over()
    expect(told).toEqual([
      '- one: pulling a/b:1',
      '- one: pulling a/b:1: 25 % of 200.0 MB',
      '- one: pulling a/b:1: 50 % of 200.0 MB',
      '- one: pulling a/b:1: 75 % of 200.0 MB',
      '- one: pulled a/b:1: 200.0 MB in 30.0 s',
    ])
  })

  test('leaves out a size that was not told', () => {
    const told: string[] = []
    let now = 0
    const lines = pullLines(
      {server: 'one', image: 'a/b:1'},
      {notify: line => void told.push(line), now: () => now},
    )
    now = 6000
    lines.add({layer: 'a', status: 'Copying blob'})
    lines.over()
    expect(told).toEqual(['- one: pulling a/b:1', '- one: pulled a/b:1: in 6.0 s'])
  })
})
