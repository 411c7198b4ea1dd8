import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {LEGACY_VERSIONS} from '../../../../src/lib/gateway/relay/hello.ts'
import {modernVersion} from '../../../../src/lib/gateway/wire/era.ts'
import {notification, request, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

const KEY = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
const list = request(1, 'tools/list')
const named = (version: string) => request(1, 'tools/list', {_meta: {[KEY]: version}})
const introduced = request(1, 'tools/list', {_meta: {[CAPABILITIES]: {}}})

describe('a message is of the era without sessions', () => {
  test.each([
    ['with a version in it', request(1, 'tools/list', {_meta: {[KEY]: '2026-07-28'}}), undefined],
    ['that is a notice with one', notification('x', {_meta: {[KEY]: '2026-07-28'}}), undefined],
    ['with a version in its header', list, '2026-07-28'],
    [
      'that would open a session, but only says so',
      request(1, 'initialize', {_meta: {[KEY]: '2026-07-28'}}),
      undefined,
    ],
    ['that asks what is spoken', request(1, 'server/discover'), undefined],
    ['that asks so under an older header', request(1, 'server/discover'), '2025-11-25'],
  ])('%s', (_, message, header) => {
    for (const hasSession of [false, true]) {
      expect(modernVersion(message, {header, hasSession})).toBe('2026-07-28')
    }
  })

  test('without a session also when it names a revision with one, or none that there is', () => {
    const alone = {hasSession: false}
    const within = {hasSession: true}
    expect(modernVersion(named('2025-11-25'), alone)).toBe('2025-11-25')
    expect(modernVersion(named('2025-11-25'), within)).toBeUndefined()
    expect(modernVersion(list, {...alone, header: '1900-01-01'})).toBe('1900-01-01')
    expect(modernVersion(list, {...within, header: '1900-01-01'})).toBeUndefined()
    expect(modernVersion(introduced, alone)).toBe('2026-07-28')
    expect(modernVersion(introduced, within)).toBeUndefined()
  })

  test('with the version that it names, its own before the one of the header', () => {
    const own = request(1, 'server/discover', {_meta: {[KEY]: '2027-01-01'}})
    expect(modernVersion(own, {header: '2026-07-28', hasSession: true})).toBe('2027-01-01')
    expect(modernVersion(request(1, 'x', {_meta: {[KEY]: 7}}), {hasSession: true})).toBe('7')
    expect(modernVersion(undefined, {header: '2026-12-31', hasSession: true})).toBe('2026-12-31')
  })
})

describe('a message is of the era of initialize', () => {
  test.each(LEGACY_VERSIONS)('under the header %s', version => {
    expect(modernVersion(list, {header: version, hasSession: false})).toBeUndefined()
  })

  test.each([
    ['without any sign', list, undefined],
    ['with other things about it', request(1, 'x', {_meta: {progressToken: 1}}), undefined],
    ['with nothing about it', request(1, 'x', {_meta: null}), undefined],
    ['that is an answer', result(1, {_meta: {[KEY]: '2026-07-28'}}), undefined],
    [
      'that is an answer with more than that',
      {...result(1, {}), params: {_meta: {[KEY]: '2026-07-28'}}},
      undefined,
    ],
    [
      'that opens a session',
      request(1, 'initialize', {_meta: {[KEY]: '2026-07-28'}, protocolVersion: '2025-11-25'}),
      '2026-07-28',
    ],
    ['that would open one', request(1, 'initialize', {}), '2026-07-28'],
    [
      'that would open one of a version it names',
      request(1, 'initialize', {_meta: {[KEY]: '2025-11-25'}}),
      '2026-07-28',
    ],
  ])('%s', (_, message, header) => {
    for (const hasSession of [false, true]) {
      expect(modernVersion(message, {header, hasSession})).toBeUndefined()
    }
  })

  test('in a session under a header that is no day on or after the change', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.date({noInvalidDate: true}).map(isoDay)), header => {
        const isModern = /^\d{4}-\d\d-\d\d$/.test(header) && Date.parse(header) >= CHANGE
        expect(modernVersion(list, {header, hasSession: true})).toBe(isModern ? header : undefined)
      }),
    )
  })
})

const CHANGE = Date.parse('2026-07-28')

function isoDay(date: Date): string {
  return date.toISOString().slice(0, 10)
}
