import {isDeepStrictEqual} from 'node:util'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {JsonObject} from '../../../../src/lib/base/json.ts'
import {ownerOf, Parking, type Parked} from '../../../../src/lib/gateway/bridge/parking.ts'
import {Seal} from '../../../../src/lib/gateway/bridge/seal.ts'
import {request, type Request} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

const MIB = 1024 * 1024

function parkingAt(clock: {ms: number}, seal = new Seal()): Parking {
  return new Parking({seal, now: () => clock.ms})
}

/** A call that has asked its client once. */
function parked(owner = ownerOf('view', 'demo')): Parked & {openRound: number | undefined} {
  return {owner, openRound: 1, resume: () => Promise.reject(new Error('not in this test'))}
}

function call(params: JsonObject = {name: 't', arguments: {a: 1}}, method = 'tools/call'): Request {
  return request('c', method, params)
}

/** The same request as its client makes it again. */
function retry(first: Request, requestState: string): Request {
  return {...first, id: 'r', params: {...first.params, requestState, inputResponses: {}}}
}

/** A parking with one call, and the state that its client got. */
function withCall(owner = ownerOf('view', 'demo')) {
  const clock = {ms: 0}
  const parking = parkingAt(clock)
  const one = parked(owner)
  expect(parking.enter(one)).toBeUndefined()
  return {clock, parking, one, owner, state: parking.stateOf(one, call())}
}

describe('a state', () => {
  test('leads back to its call', () => {
    const {parking, one, owner, state} = withCall()
    expect(parking.read(owner, retry(call(), state))).toBe(one)
  })

  test('leads back from a retry with other `_meta`, and with members in another order', () => {
    const {parking, one, owner, state} = withCall()
    const again = call({arguments: {a: 1}, name: 't', _meta: {progressToken: 'other'}})
    expect(parking.read(owner, retry(again, state))).toBe(one)
  })

  test.for([
    ['another tool', call({name: 'u', arguments: {a: 1}})],
    ['other arguments', call({name: 't', arguments: {a: 2}})],
    ['arguments of another type', call({name: 't', arguments: {a: '1'}})],
    ['more arguments', call({name: 't', arguments: {a: 1, b: 1}})],
    ['no arguments', call({name: 't'})],
    ['another member', call({name: 't', arguments: {a: 1}, task: {}})],
    ['another method', call(undefined, 'prompts/get')],
  ] as const)('is refused with %s', ([, other]) => {
    const {parking, owner, state} = withCall()
    expect(parking.read(owner, retry(other, state))).toBeUndefined()
  })

  test('is refused from another view, and at another server', () => {
    const {parking, state} = withCall()
    expect(parking.read(ownerOf('other', 'demo'), retry(call(), state))).toBeUndefined()
    expect(parking.read(ownerOf('view', 'other'), retry(call(), state))).toBeUndefined()
  })

  test('does not mix up views and servers whose names run together', () => {
    expect(ownerOf('a', 'bc')).not.toBe(ownerOf('ab', 'c'))
    expect(ownerOf('a","b', 'c')).not.toBe(ownerOf('a', 'b","c'))
  })

  test('is refused when it was made elsewhere', () => {
    const {owner, state, parking} = withCall()
    const elsewhere = parkingAt({ms: 0})
    elsewhere.enter(parked(owner))
    expect(elsewhere.read(owner, retry(call(), state))).toBeUndefined()
    const forged = new Seal().seal({call: '1', round: 1, owner, until: 1e9})
    expect(parking.read(owner, retry(call(), forged))).toBeUndefined()
  })

  test.for([undefined, null, 7, '', 'x', {}, []])('is refused when it is %j', value => {
    const {parking, owner} = withCall()
    const again = {...call(), params: {...call().params, requestState: value}}
    expect(parking.read(owner, again)).toBeUndefined()
  })

  test('is refused in every round but its own, and while nothing is asked', () => {
    const {parking, owner, one, state} = withCall()
    one.openRound = 2
    expect(parking.read(owner, retry(call(), state))).toBeUndefined()
    one.openRound = undefined
    expect(parking.read(owner, retry(call(), state))).toBeUndefined()
  })

  test('is refused when the call has ended, also when others have come since', () => {
    const {parking, owner, one, state} = withCall()
    parking.leave(one)
    parking.enter(parked(owner))
    expect(parking.read(owner, retry(call(), state))).toBeUndefined()
  })

  test('is refused after ten minutes, those that name no call as well', () => {
    const {parking, owner, one, state, clock} = withCall()
    const repeat = parking.stateToRepeat(owner, call())
    clock.ms = 600_000
    expect(parking.read(owner, retry(call(), state))).toBe(one)
    expect(parking.read(owner, retry(call(), repeat))).toBe('again')
    clock.ms = 600_001
    expect(parking.read(owner, retry(call(), state))).toBe('late')
    expect(parking.read(owner, retry(call(), repeat))).toBe('late')
    expect(parking.read(ownerOf('other', 'demo'), retry(call(), repeat))).toBeUndefined()
    expect(parking.read(owner, retry(call({name: 'u'}), state))).toBeUndefined()
  })

  test('that names no call is good for the same request alone', () => {
    const {parking, owner} = withCall()
    const repeat = parking.stateToRepeat(owner, call())
    expect(parking.read(owner, retry(call(), repeat))).toBe('again')
    expect(parking.read(owner, retry(call({name: 'u'}), repeat))).toBeUndefined()
    expect(parking.read(ownerOf('other', 'demo'), retry(call(), repeat))).toBeUndefined()
  })

  test('is good for whatever params there are, and only for these', () => {
    const anyParams = fc.dictionary(fc.string(), fc.jsonValue(), {noNullPrototype: true})
    const {parking, one, owner} = withCall()
    fc.assert(
      fc.property(anyParams, anyParams, (some, others) => {
        const first = call(JSON.parse(JSON.stringify({name: 't', arguments: some})))
        const other = call(JSON.parse(JSON.stringify({name: 't', arguments: others})))
        const state = parking.stateOf(one, first)
        expect(parking.read(owner, retry(first, state))).toBe(one)
        fc.pre(!isDeepStrictEqual(first, other))
        expect(parking.read(owner, retry(other, state))).toBeUndefined()
      }),
    )
  })
})

describe('the end of a call whose client is away', () => {
  const lost = new PluginError('SERVER_START_FAILED', 'gone')

  test.for([lost, 'late'] as const)('is told to the newest state of that client: %s', why => {
    const {parking, owner, one, state} = withCall()
    one.openRound = 2
    const newest = parking.stateOf(one, call())
    parking.leave(one, why)
    expect(parking.read(owner, retry(call(), newest))).toBe(why)
    expect(parking.read(owner, retry(call(), state))).toBeUndefined()
    expect(parking.read(owner, retry(call({name: 'u'}), newest))).toBeUndefined()
    expect(parking.read(ownerOf('other', 'demo'), retry(call(), newest))).toBeUndefined()
  })

  test('is not kept when its client was not away', () => {
    const {parking, owner, one, state} = withCall()
    one.openRound = undefined
    parking.leave(one, lost)
    expect(parking.read(owner, retry(call(), state))).toBeUndefined()
  })

  test('is forgotten after ten minutes', () => {
    const {parking, owner, one, state, clock} = withCall()
    parking.leave(one, lost)
    clock.ms = 600_000
    expect(parking.read(owner, retry(call(), state))).toBe(lost)
    clock.ms = 600_001
    expect(parking.read(owner, retry(call(), state))).toBeUndefined()
  })

  test('is kept for the last hundred calls', () => {
    const {parking, owner, one, state} = withCall()
    parking.leave(one, lost)
    for (let count = 0; count < 100; count++) {
      expect(parking.read(owner, retry(call(), state))).toBe(lost)
      const other = parked(owner)
      parking.enter(other)
      parking.leave(other, 'late')
    }
    expect(parking.read(owner, retry(call(), state))).toBeUndefined()
  })
})

describe('places', () => {
  test('are seven for one view on one server', () => {
    const {parking, owner, one} = withCall()
    for (let count = 2; count <= 7; count++) expect(parking.enter(parked(owner))).toBeUndefined()
    expect(parking.enter(parked(owner))).toContain('7 calls on this server')
    expect(parking.enter(parked(ownerOf('view', 'other')))).toBeUndefined()
    parking.leave(one)
    expect(parking.enter(parked(owner))).toBeUndefined()
  })

  test('are a hundred in all', () => {
    const parking = parkingAt({ms: 0})
    for (let count = 0; count < 100; count++) {
      expect(parking.enter(parked(ownerOf(`view ${count}`, 'demo')))).toBeUndefined()
    }
    expect(parking.enter(parked(ownerOf('one more', 'demo')))).toContain('100 calls')
  })

  test('are left once, however often that is said', () => {
    const {parking, one, owner} = withCall()
    parking.leave(one)
    parking.leave(one)
    expect(parking.enter(one)).toBeUndefined()
    expect(parking.read(owner, retry(call(), parking.stateOf(one, call())))).toBe(one)
  })
})

describe('room', () => {
  test('is 16 MiB, of which nothing is taken when there is not enough', () => {
    const parking = parkingAt({ms: 0})
    expect(parking.take(15 * MIB)).toBe(true)
    expect(parking.take(2 * MIB)).toBe(false)
    expect(parking.take(MIB)).toBe(true)
    expect(parking.take(1)).toBe(false)
    parking.give(MIB)
    expect(parking.take(MIB)).toBe(true)
  })
})
