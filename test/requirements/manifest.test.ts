import {describe, expect, test} from 'vitest'
import {REQUIREMENTS, type Requirement} from './manifest.ts'
import {oneServer, troubledServers, twoServers} from './scenarios/index.ts'

const requirements: readonly (readonly [string, Requirement])[] = Object.entries(REQUIREMENTS)
const scenarios = [...oneServer, ...twoServers, ...troubledServers]
const cited = new Set<string>(scenarios.flatMap(({verifies}) => verifies))

describe('the manifest of requirements', () => {
  test('has a scenario for every requirement', () => {
    const bare = requirements.map(([id]) => id).filter(id => !cited.has(id))
    expect(bare).toEqual([])
  })

  test('has every requirement that a scenario cites', () => {
    const known = new Set(requirements.map(([id]) => id))
    expect([...cited].filter(id => !known.has(id))).toEqual([])
  })

  test('has a scenario in every world for what a gateway does not do otherwise', () => {
    const inAll = new Set<string>(
      oneServer
        .filter(({where}) => where({isGateway: false, client: 'http'}))
        .flatMap(({verifies}) => verifies),
    )
    const missing = requirements.filter(
      ([id, {gateway}]) => gateway === undefined && !id.startsWith('many:') && !inAll.has(id),
    )
    expect(missing.map(([id]) => id)).toEqual([])
  })

  test('has one sentence and one source for each requirement', () => {
    for (const [, {says, source}] of requirements) {
      expect(says).toMatch(/^[^\n]+\.$/)
      expect(source).toMatch(/^\S[^\n]*[^.\s]$/)
    }
  })

  test('is told in scenarios that each have a title of their own and cite something', () => {
    const titles = scenarios.map(({title}) => title)
    expect(new Set(titles).size).toBe(titles.length)
    for (const {verifies} of scenarios) expect(verifies).not.toEqual([])
  })
})
