import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {readPage} from '../docs/page.ts'
import {direct, ERAS, type EraWorld} from './era-world.ts'
import {FEATURES} from './features.ts'
import {expectOutcome, pairingsTable} from './pairings.ts'

describe.for(ERAS)('a client and a server of the %s era, without a gateway', era => {
  let world: EraWorld

  beforeAll(async () => {
    world = await direct(era)
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  test.for(FEATURES.map(feature => [feature.name, feature] as const))('%s', async ([, feature]) => {
    await expectOutcome(feature, {client: era, server: era}, world)
  })
})

test('docs/protocol.md has the table of what works between eras', async () => {
  const page = await readPage('docs/protocol.md')
  const [, table] = /<!-- pairings -->\n+([^]*?)\n+<!-- \/pairings -->/.exec(page) ?? []
  expect(table).toBe(pairingsTable())
})
