import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  fitColumns,
  headCells,
  joinCells,
  rowCells,
  type Column,
} from '../../../src/lib/ui/columns.ts'

const COLUMNS: readonly Column[] = [
  {head: 'NAME', leaves: 0},
  {head: 'STATE', leaves: 1},
  {head: 'CONTAINERS', short: 'CONT', isNumber: true, leaves: 2},
  {head: 'AGE', isNumber: true, leaves: 4},
  {head: 'LAST', leaves: 3},
]
const ROWS = [
  ['everything', 'ready', '1', '12s', 'used 3s ago'],
  ['a-server-with-a-long-name-2', 'idle', '10', '1h', '-'],
]

function drawn(room: {width: number; first: number}, rows = ROWS): readonly string[] {
  const layout = fitColumns(COLUMNS, rows, room)
  return [headCells(layout), ...rows.map(row => rowCells(layout, row))].map(cells =>
    joinCells(layout, cells),
  )
}

describe('fitColumns', () => {
  test('spaces columns as docker does where there is room, numbers to the right', () => {
    expect(drawn({width: Infinity, first: 10})).toEqual([
      'NAME                          STATE   CONTAINERS   AGE   LAST',
      'everything                    ready            1   12s   used 3s ago',
      'a-server-with-a-long-name-2   idle            10    1h   -',
    ])
  })

  test.each([
    [68, 'NAME                          STATE   CONTAINERS   AGE   LAST'],
    [67, 'NAME                         STATE  CONTAINERS  AGE  LAST'],
    [64, 'NAME                         STATE  CONTAINERS  AGE  LAST'],
    [63, 'NAME                         STATE  CONT  AGE  LAST'],
    [58, 'NAME                         STATE  CONT  AGE  LAST'],
    [57, 'NAME                         STATE  CONT  LAST'],
    [52, 'NAME                         STATE  CONT'],
    [40, 'NAME                         STATE  CONT'],
    [39, 'NAME                         STATE'],
    [34, 'NAME                         STATE'],
    [33, 'NAME                        STATE'],
  ])('in %d columns, cutting names last, gives the heads %s', (width, heads) => {
    expect(drawn({width, first: Infinity})[0]).toBe(heads)
  })

  test('cuts names in their middle before it leaves columns out, when it may', () => {
    expect(drawn({width: 50, first: 18})).toEqual([
      'NAME                 STATE  CONT  AGE  LAST',
      'everything           ready     1  12s  used 3s ago',
      'a-server-wit…name-2  idle     10   1h  -',
    ])
  })

  test('is never wider than the room for two cells', () => {
    const cell = fc.string({maxLength: 30})
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, {minLength: 5, maxLength: 5}), {maxLength: 5}),
        fc.integer({min: 45, max: 200}),
        fc.integer({min: 1, max: 30}),
        (rows, width, first) => {
          for (const line of drawn({width, first}, rows)) {
            expect(line.length).toBeLessThanOrEqual(width)
          }
        },
      ),
    )
  })
})
