import {expect, test} from 'vitest'
import {
  lifePolicy,
  NO_CONTAINER,
  type LifeDefaults,
  type LifePolicy,
} from '../../../src/lib/gateway/life-policy.ts'
import type {CatalogServer} from '../../../src/lib/model/catalog.ts'
import {bindServer} from '../../../src/lib/model/server.ts'

const DEFAULTS: LifeDefaults = {idleMs: 300_000, longLived: false, standby: {min: 0, max: 1}}
const LONG = {longLived: true}
const KEPT = {standby: {min: 2, max: 4}}

function policyOf(keys: Partial<CatalogServer>, defaults: Partial<LifeDefaults> = {}): LifePolicy {
  const spec = bindServer({name: 'x', image: 'mcp/x', ...keys}, {}, '/home/me')
  if (spec.kind === 'poci') throw new Error('not a server')
  return lifePolicy(spec, {...DEFAULTS, ...defaults})
}

test.each([
  ['nothing', {}, {}, 300_000],
  ['its own time', {idleTimeout: 60}, {}, 60_000],
  ['never', {idleTimeout: 0}, {}, undefined],
  ['long life', {longLived: true}, {}, undefined],
  ['nothing, where all live long', {}, LONG, undefined],
  ['its own time, where all live long', {idleTimeout: 60}, LONG, 60_000],
])('an entry that says %s', (_says, keys, defaults, idleMs) => {
  expect(policyOf(keys, defaults)).toMatchObject({serves: 'session', idleMs, isPinged: true})
})

test.each([
  [{}, {}, {min: 0, max: 1}],
  [{ephemeral: true}, {}, {min: 0, max: 4}],
  [{}, KEPT, {min: 2, max: 4}],
  [{standby: {max: 0}}, KEPT, {min: 0, max: 0}],
  [{standby: {max: 1}}, KEPT, {min: 1, max: 1}],
  [{standby: {min: 3}}, {}, {min: 3, max: 3}],
])('%j with the defaults %j keeps %j ready', (keys, defaults, standby) => {
  expect(policyOf(keys, defaults).standby).toEqual(standby)
})

test('a server elsewhere lives as it likes', () => {
  const remote = {type: 'remote', image: undefined, remote: {url: 'https://e.com/mcp'}} as const
  expect(policyOf(remote, KEPT)).toEqual(NO_CONTAINER)
})
