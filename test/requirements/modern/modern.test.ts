import {expect, test} from 'vitest'
import {beforeContainer, beforeRemote, direct} from '../../eras/era-world.ts'
import {MODERN_REQUIREMENTS} from './manifest.ts'
import {oneServer} from './one-server.ts'
import {runModern} from './scenario.ts'
import {severalServers, twoModern} from './several-servers.ts'
import {beforeTwo} from './worlds.ts'

runModern('a modern client directly', () => direct('modern'), oneServer)
runModern('a modern client before a server over HTTP', () => beforeRemote('modern'), oneServer)
runModern('a modern client before a container', () => beforeContainer('modern'), oneServer)
runModern('a modern client before two modern servers', () => beforeTwo('modern'), [
  ...severalServers,
  ...twoModern,
])
runModern(
  'a modern client before a modern and a legacy server',
  () => beforeTwo('legacy'),
  severalServers,
)

test('every requirement of the modern era is cited by a scenario', () => {
  const cited = [...oneServer, ...severalServers, ...twoModern].flatMap(({verifies}) => verifies)
  expect(new Set(cited)).toEqual(new Set(Object.keys(MODERN_REQUIREMENTS)))
})
