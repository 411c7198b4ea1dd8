import {expect, test} from 'vitest'
import {changeDetector} from '../../../src/lib/ui/status-changes.ts'
import {NOW, shownServer} from './shown-servers.ts'

test('what has happened is new, what figures do is not, and a minute is', () => {
  const isNew = changeDetector()
  const calm = shownServer({name: 'one'})
  expect(isNew([calm], NOW)).toBe(true)
  expect(isNew([{...calm, memoryBytes: 5}], NOW + 1000)).toBe(false)
  expect(isNew([{...calm, state: 'ready'}], NOW + 2000)).toBe(true)
  expect(isNew([{...calm, state: 'ready'}], NOW + 61_999)).toBe(false)
  expect(isNew([{...calm, state: 'ready'}], NOW + 62_000)).toBe(true)
  expect(isNew([{...calm, state: 'ready'}], NOW + 63_000)).toBe(false)
})
