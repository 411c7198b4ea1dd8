import {afterAll, beforeAll, describe, test} from 'vitest'
import {beforeContainer, beforeRemote, ERAS, type EraWorld} from './era-world.ts'
import {FEATURES} from './features.ts'
import {expectOutcome, PAIRINGS} from './pairings.ts'

/** How the gateway reaches its server. */
const PLACES = [
  ['in a container', beforeContainer],
  ['over HTTP', beforeRemote],
] as const
const WORLDS = PLACES.flatMap(([where, open]) => ERAS.map(era => [era, where, open] as const))

describe.for(WORLDS)('through the gateway, with a %s server %s', ([server, , open]) => {
  let world: EraWorld

  beforeAll(async () => {
    world = await open(server)
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  const pairings = PAIRINGS.filter(pairing => pairing.server === server)
  const cells = pairings.flatMap(pairing =>
    FEATURES.map(feature => [pairing.client, feature.name, pairing, feature] as const),
  )

  test.for(cells)('a %s client: %s', async ([, , pairing, feature]) => {
    await expectOutcome(feature, pairing, world)
  })
})
