import {afterAll, beforeAll, describe, test} from 'vitest'
import type {EraWorld} from '../../eras/era-world.ts'
import type {ModernRequirementId} from './manifest.ts'

/** A conversation of a client of revision 2026-07-28 that shows that requirements are met. */
export interface ModernScenario {
  readonly title: string
  readonly verifies: readonly ModernRequirementId[]
  readonly run: (world: EraWorld) => Promise<void>
}

/** Tells scenarios in a world, one after the other. */
export function runModern(
  name: string,
  make: () => Promise<EraWorld>,
  scenarios: readonly ModernScenario[],
): void {
  describe.each([name])('%s', () => {
    let world: EraWorld | undefined
    beforeAll(async () => {
      world = await make()
    })
    afterAll(() => world?.[Symbol.asyncDispose]())
    test.for(scenarios)('$title', async ({run}) => {
      if (!world) throw new Error('there is no world')
      await run(world)
    })
  })
}
