import * as fc from 'fast-check'
import {expect, test} from 'vitest'
import {acceptedForms} from '../../../../src/lib/gateway/downstream/accept.ts'

test.each([
  [undefined, true, true],
  ['application/json, text/event-stream', true, true],
  ['text/event-stream;q=0.5,APPLICATION/JSON;charset=utf-8', true, true],
  ['*/*', true, true],
  ['application/*', true, false],
  ['application/json', true, false],
  ['text/*', false, true],
  ['text/event-stream', false, true],
  ['text/event-stream, application/json;q=0', false, true],
  ['application/json, text/event-stream; q=0.000', true, false],
  ['text/html', false, false],
  ['application/jsonx', false, false],
  ['', false, false],
])('Accept: %s takes JSON: %s, events: %s', (header, json, events) => {
  expect(acceptedForms(header)).toEqual({json, events})
})

test('any header is read', () => {
  fc.assert(
    fc.property(fc.string(), header => {
      expect(acceptedForms(`text/event-stream, ${header}`).events).toBe(true)
    }),
  )
})
