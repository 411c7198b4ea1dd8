import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  afterKey,
  FIRST_STATE,
  firstRow,
  selectedIndex,
  type WatchKey,
  type WatchState,
} from '../../../src/lib/ui/watch-state.ts'

const names = Array.from({length: 30}, (_, index) => `server-${index}`)
const extent = {names, page: 10, mostScrolled: 0}

/** The index of the selected server after these keys. */
function selectedAfter(...keys: readonly WatchKey[]): number {
  let state: WatchState | undefined = FIRST_STATE
  for (const key of keys) state = state && afterKey(state, key, extent)
  return selectedIndex(state ?? FIRST_STATE, names)
}

describe('keys', () => {
  test('move the selection within the list', () => {
    expect(selectedAfter()).toBe(0)
    expect(selectedAfter('up')).toBe(0)
    expect(selectedAfter('down', 'down', 'up')).toBe(1)
    expect(selectedAfter('pageDown')).toBe(9)
    expect(selectedAfter('last', 'down')).toBe(29)
    expect(selectedAfter('last', 'pageUp')).toBe(20)
    expect(selectedAfter('last', 'first')).toBe(0)
  })

  test('scroll the details while they are open, and leave the selection', () => {
    const open = afterKey({...FIRST_STATE, selected: 'server-3'}, 'open', extent)
    expect(open).toEqual({selected: 'server-3', isOpen: true, scrolled: 0})
    const long = {...extent, mostScrolled: 5}
    expect(open && afterKey(open, 'pageDown', long)).toMatchObject({scrolled: 5})
    expect(open && afterKey(open, 'down', long)).toMatchObject({selected: 'server-3', scrolled: 1})
    expect(open && afterKey(open, 'back', long)).toEqual({...FIRST_STATE, selected: 'server-3'})
  })

  test('leave: q from everywhere, esc from the list', () => {
    expect(afterKey(FIRST_STATE, 'quit', extent)).toBeUndefined()
    expect(afterKey(FIRST_STATE, 'back', extent)).toBeUndefined()
    expect(afterKey({...FIRST_STATE, isOpen: true}, 'quit', extent)).toBeUndefined()
  })

  test('do nothing where there is nothing', () => {
    const none = {names: [], page: 0, mostScrolled: 0}
    for (const key of ['up', 'down', 'pageUp', 'pageDown', 'first', 'last', 'open'] as const) {
      expect(afterKey(FIRST_STATE, key, none)).toEqual(FIRST_STATE)
    }
  })
})

test('a server that has gone leaves the first one selected', () => {
  expect(selectedIndex({...FIRST_STATE, selected: 'gone'}, names)).toBe(0)
})

test('the selected row is always among those that are shown, and no room is wasted', () => {
  const sizes = fc.integer({min: 1, max: 100})
  fc.assert(
    fc.property(sizes, sizes, fc.nat(), (shown, count, at) => {
      const index = at % count
      const first = firstRow(index, shown, count)
      expect(first).toBeGreaterThanOrEqual(0)
      expect(index).toBeGreaterThanOrEqual(first)
      expect(index).toBeLessThan(first + shown)
      expect(first).toBeLessThanOrEqual(Math.max(0, count - shown))
    }),
  )
})
