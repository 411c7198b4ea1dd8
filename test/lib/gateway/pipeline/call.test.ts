import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  clientName,
  compose,
  type Handler,
  type Middleware,
} from '../../../../src/lib/gateway/pipeline/call.ts'
import {failure, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {callOf} from '../../../support/calls.ts'

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Writes its name on the way in and on the way out; some refuse, some repeat. */
const middleware = (name: string, kind: string): Middleware => {
  return next => async call => {
    const params = {trace: `${text(call.request.params?.['trace'])}<${name}`}
    const inner = {...call, request: {...call.request, params}}
    if (kind === 'refuses') return failure(call.request.id, 1, params.trace)
    if (kind === 'repeats') await next(inner)
    const answer = await next(inner)
    return {...answer, trace: `${text(answer['trace'])}${name}>`}
  }
}
const anyMiddleware = fc
  .tuple(fc.string({maxLength: 2}), fc.constantFrom('passes', 'refuses', 'repeats'))
  .map(([name, kind]) => middleware(name, kind))
const echo: Handler = async ({request: {id, params}}) => result(id, {...params})

describe('compose', () => {
  test('makes no difference between one list and its parts one in the other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyMiddleware, {maxLength: 4}),
        fc.array(anyMiddleware, {maxLength: 4}),
        async (outer, inner) => {
          const whole = await compose([...outer, ...inner], echo)(callOf('tool'))
          const parts = await compose(outer, compose(inner, echo))(callOf('tool'))
          expect(parts).toEqual(whole)
        },
      ),
    )
  })

  test('puts the first one outermost', async () => {
    const order = [middleware('a', 'passes'), middleware('b', 'passes')]
    expect(await compose(order, echo)(callOf('tool'))).toMatchObject({
      result: {trace: '<a<b'},
      trace: 'b>a>',
    })
  })

  test('of nothing is the handler', () => {
    expect(compose([], echo)).toBe(echo)
  })
})

test.each([
  [{name: 'my-editor', version: '1'}, 'my-editor'],
  [{name: 'x'.repeat(100_000)}, 'x'.repeat(256)],
  [{name: 7}, 'unknown'],
  ['my-editor', 'unknown'],
  [undefined, 'unknown'],
])('the name of a client is short, whatever it says of itself: %#', (info, name) => {
  expect(clientName(info)).toBe(name)
})
