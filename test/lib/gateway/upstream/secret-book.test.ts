import {randomUUID} from 'node:crypto'
import {afterEach, expect, test} from 'vitest'
import {
  createFleet,
  type Fleet,
  type FleetInput,
} from '../../../../src/lib/gateway/upstream/fleet.ts'
import type {ConnectedSpec} from '../../../../src/lib/model/server.ts'
import {bindServer} from '../../../../src/lib/model/server.ts'
import type {SecretRead} from '../../../../src/lib/secrets/audit.ts'
import {FLEET_DEFAULTS} from '../../../support/engine-with.ts'
import {testEngine} from '../../../support/in-process-gateway.ts'
import {fixtureSpec} from '../../../support/plain-spec.ts'
import {secretsOf} from '../../../support/secrets.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const SECRETS = [
  {name: 'a.key', env: 'A_KEY', required: true},
  {name: 'b.key', env: 'B_KEY', required: false},
]

/** A fleet with these secrets, and everything that its book is told. */
function booked(values: Readonly<Record<string, string>>, more: Partial<FleetInput> = {}) {
  const book: SecretRead[] = []
  const fleet = createFleet({
    ...FLEET_DEFAULTS,
    engine: testEngine,
    owner: `s8-leak-${randomUUID()}`,
    secrets: secretsOf(values, './x.env'),
    audit: {record: async reads => void book.push(...reads)},
    ...more,
  })
  closers.push(async () => fleet[Symbol.asyncDispose]())
  return {fleet, book}
}

async function openOnce(fleet: Fleet, spec: ConnectedSpec): Promise<void> {
  const {signal} = new AbortController()
  const opening = {session: 'one', onMessage: () => undefined, signal}
  const upstream = await fleet.openers(spec).legacy(opening)
  await upstream[Symbol.asyncDispose]()
}

const GIVEN = {secret: 'a.key', store: './x.env', outcome: 'given'}

test('each start of a container is in the book, with what it was given and what it lacks', async () => {
  const {fleet, book} = booked({'a.key': 'top-secret'})
  const spec = await fixtureSpec('counts-calls', {secrets: SECRETS})
  await openOnce(fleet, spec)
  const once = [
    {server: 'counts-calls', ...GIVEN},
    {server: 'counts-calls', secret: 'b.key', store: undefined, outcome: 'missing'},
  ]
  expect(book).toEqual(once)
  await openOnce(fleet, spec)
  expect(book).toEqual([...once, ...once])
})

test('a container that waits has nothing yet, and is in the book when it is used', async () => {
  const life = {idleMs: undefined, longLived: false, standby: {min: 1, max: 1}}
  const standbyMemoryBytes = 1024 ** 3
  const waiting = Promise.withResolvers<void>()
  const engine = await testEngine()
  const watched = new Proxy(engine, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target)
      if (typeof own !== 'function') return own
      return async (...args: unknown[]) => {
        const made: unknown = await Reflect.apply(own, target, args)
        if (name === 'start') waiting.resolve()
        return made
      }
    },
  })
  const {fleet, book} = booked(
    {'a.key': 'x-secret'},
    {
      life,
      standbyMemoryBytes,
      engine: async () => watched,
    },
  )
  const spec = await fixtureSpec('counts-calls', {secrets: SECRETS.slice(0, 1)})
  await fleet.begin([spec])
  await waiting.promise
  expect(book).toEqual([])
  await openOnce(fleet, spec)
  expect(book).toEqual([{server: 'counts-calls', ...GIVEN}])
})

test('a start that lacks a secret is in the book, and the others that it did not get are not', async () => {
  const {fleet, book} = booked({'b.key': 'top-secret'})
  const spec = await fixtureSpec('counts-calls', {secrets: SECRETS})
  await expect(openOnce(fleet, spec)).rejects.toMatchObject({code: 'SECRET_MISSING'})
  const lacks = {server: 'counts-calls', secret: 'a.key', store: undefined, outcome: 'missing'}
  expect(book).toEqual([lacks])
})

test('each connection to a remote server is in the book, and one that lacks its secret', async () => {
  const entry = {
    name: 'far',
    remote: {url: 'http://127.0.0.1:9/', transport_type: 'http', headers: {'X-Key': '$A_KEY'}},
    secrets: [{name: 'a.key', env: 'A_KEY'}],
  }
  const spec = bindServer(entry, {}, '/home/me')
  const {fleet, book} = booked({'a.key': 'top-secret'})
  await openOnce(fleet, spec)
  expect(book).toEqual([{server: 'far', ...GIVEN}])
  const without = booked({})
  await expect(openOnce(without.fleet, spec)).rejects.toMatchObject({code: 'SECRET_MISSING'})
  expect(without.book).toEqual([
    {server: 'far', secret: 'a.key', store: undefined, outcome: 'missing'},
  ])
})
