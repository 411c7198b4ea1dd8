import {describe, expect, test} from 'vitest'
import type {Handler} from '../../../../src/lib/gateway/pipeline/call.ts'
import {logCalls} from '../../../../src/lib/gateway/pipeline/log-calls.ts'
import {result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {answering, callOf} from '../../../support/calls.ts'

describe('logCalls', () => {
  test('tells what is called and how long it took, and nothing of what was passed', async () => {
    const lines: string[] = []
    let now = 100
    const next: Handler = async call => {
      now += 41.6
      return result(call.request.id, {text: 'returned value'})
    }
    const call = callOf('tool', {arguments: {first: 'passed value', second: {a: 'deep value'}}})
    await logCalls(
      line => lines.push(line),
      () => now,
    )(next)(call)
    expect(lines).toEqual([
      '  - Calling tool thing of demo with arguments: object with 2 field(s)',
      '  > Calling tool thing of demo took: 42ms',
    ])
  })

  test.each([
    [undefined, 'none'],
    [null, 'none'],
    [[1, 2], 'array with 2 item(s)'],
    ['text', 'string'],
    [{}, 'object with 0 field(s)'],
  ])('tells of %j only that it is: %s', async (value, shape) => {
    const lines: string[] = []
    const call = callOf('prompt', value === undefined ? {} : {arguments: value})
    await logCalls(
      line => lines.push(line),
      () => 0,
    )(answering({}))(call)
    expect(lines[0]).toBe(`  - Calling prompt thing of demo with arguments: ${shape}`)
  })

  test('tells the time of a call that failed, too', async () => {
    const lines: string[] = []
    const logged = logCalls(
      line => lines.push(line),
      () => 0,
    )(() => Promise.reject(new Error('no')))
    await expect(logged(callOf('tool'))).rejects.toThrow('no')
    expect(lines).toHaveLength(2)
  })

  test('lets no name write a line of its own', async () => {
    const lines: string[] = []
    const call = callOf('resource', {}, 'x\n  > all is well\u001b[2J')
    await logCalls(
      line => lines.push(line),
      () => 0,
    )(answering({}))(call)
    expect(lines[0]).toBe('  - Calling resource x?  > all is well?[2J of demo with arguments: none')
  })
})
