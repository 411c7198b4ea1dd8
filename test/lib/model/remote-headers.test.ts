import {assert, property, string} from 'fast-check'
import {describe, expect, test} from 'vitest'
import {bindHeaders, expandHeaders} from '../../../src/lib/model/remote-headers.ts'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import type {SecretUse} from '../../../src/lib/model/server.ts'

const TOKEN: SecretUse = {name: 'far.api-token', env: 'TOKEN', required: true}
const OTHER: SecretUse = {name: 'far.other', env: 'OTHER', required: false}
const SECRETS = [TOKEN, OTHER]
const VALUES = new Map([['TOKEN', 'abc']])

function sent(
  headers: Readonly<Record<string, string>>,
  {config = {}, values = VALUES}: {config?: JsonObject; values?: Map<string, string>} = {},
): Record<string, string> {
  const bound = bindHeaders(headers, {context: {far: config}, secrets: SECRETS, others: ['OAUTH']})
  return Object.fromEntries(expandHeaders({headers: bound, secrets: SECRETS}, values))
}

/** Refused headers are none. */
function sentOrNone(headers: Readonly<Record<string, string>>, values: Map<string, string>) {
  try {
    return sent(headers, {values})
  } catch (error) {
    if (error instanceof RangeError) return {}
    throw error
  }
}

describe('the headers of a remote server', () => {
  test.each([
    ['Bearer $TOKEN', 'Bearer abc'],
    ['Bearer ${TOKEN}', 'Bearer abc'],
    ['${far.api-token}', 'abc'],
    ['key=${TOKEN}; v=2', 'key=abc; v=2'],
    ['$TOKEN:$TOKEN', 'abc:abc'],
    ['a${TOKEN}b', 'aabcb'],
    ['no reference, 5 $ or $1', 'no reference, 5 $ or $1'],
    ['{{far.region}}/$TOKEN', 'eu/abc'],
    ['{"json": {}}', '{"json": {}}'],
    ['  around  ', 'around'],
  ])('%s is sent as %s', (value, expected) => {
    expect(sent({'X-Key': value}, {config: {region: 'eu'}})).toEqual({'X-Key': expected})
  })

  test.each([
    ['a secret without a value', 'Bearer $OTHER'],
    ['the token of a login that did not happen', 'Bearer $OAUTH'],
    ['a value that is not set', 'Region {{far.region}}'],
    ['nothing', ''],
  ])('of %s are left out whole', (_what, value) => {
    expect(sent({'X-Key': value, 'X-Version': '2'})).toEqual({'X-Version': '2'})
  })

  test('take no secret for what the user has configured', () => {
    expect(sent({'X-Key': 'a {{far.text}}'}, {config: {text: '$TOKEN'}})).toEqual({
      'X-Key': 'a $TOKEN',
    })
  })

  test('take no secret for what another one holds', () => {
    const values = new Map([
      ['TOKEN', '$OTHER'],
      ['OTHER', 'xyz'],
    ])
    expect(sent({'X-Key': '$TOKEN'}, {values})).toEqual({'X-Key': '$OTHER'})
  })

  test.each([
    ['a secret that is not the entry’s', {'X-Key': '$UNKNOWN'}, /\$UNKNOWN in its header X-Key/u],
    ['a name that is none', {'X Key': 'a'}, /no proper name: X Key/u],
    ['a name with a line in it', {'X\nY': 'a'}, /no proper name: X\?Y/u],
    ['a line break', {'X-Key': 'a\r\nHost: b'}, /characters in its header X-Key/u],
    ['what the connection needs', {Host: 'b'}, /Host, which is the gateway's own/u],
    ['a session', {'MCP-Session-Id': 'b'}, /MCP-Session-Id, which is/u],
  ])('are refused with %s', (_what, headers, why) => {
    expect(() => sent(headers)).toThrow(why)
  })

  test('are refused with a secret that no header can hold, which is not told', () => {
    const values = new Map([['TOKEN', 'top\nsecret']])
    expect(() => sent({'X-Key': '$TOKEN'}, {values})).toThrow(
      /^has a secret in its header X-Key with characters that no header can have$/u,
    )
  })

  test('never hold what no header can have', () => {
    assert(
      property(string(), string(), (text, secret) => {
        const values = new Map([['TOKEN', secret]])
        expect(() => new Headers(sentOrNone({'X-Key': text}, values))).not.toThrow()
      }),
    )
  })
})
