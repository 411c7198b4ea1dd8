import {afterEach, describe, expect, test, vi} from 'vitest'
import {assemble} from '../../../../src/lib/gateway/pipeline/assemble.ts'
import {compose} from '../../../../src/lib/gateway/pipeline/call.ts'
import {result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {answering, callOf, hanging, SECRET} from '../../../support/calls.ts'

const options = {
  logCalls: true,
  blockSecrets: true,
  timeoutOf: () => undefined,
  log: () => undefined,
  now: () => 0,
}
const names = (logs: boolean, blocks: boolean) =>
  assemble({...options, logCalls: logs, blockSecrets: blocks}).map(
    middleware => middleware(answering({})).name,
  )

afterEach(() => void vi.useRealTimers())

describe('assemble', () => {
  test('leaves out what is switched off, and keeps the order', () => {
    expect(names(true, true)).toEqual([
      'checked',
      'validated',
      'scanned',
      'logged',
      'explained',
      'timed',
    ])
    expect(names(false, true)).toEqual(['checked', 'validated', 'scanned', 'explained', 'timed'])
    expect(names(true, false)).toEqual(['checked', 'validated', 'logged', 'explained', 'timed'])
    expect(names(false, false)).toEqual(['checked', 'validated', 'explained', 'timed'])
  })

  test('writes no arguments of a call that is blocked', async () => {
    const lines: string[] = []
    const middlewares = assemble({...options, log: line => lines.push(line)})
    await compose(middlewares, answering({}))(callOf('resource', {uri: SECRET}, SECRET))
    expect(lines).toEqual([])
  })

  test('writes no line for a call that is refused for its arguments', async () => {
    const lines: string[] = []
    const middlewares = assemble({...options, log: line => lines.push(line)})
    const definition = {inputSchema: {type: 'object', required: ['a']}}
    const answer = await compose(middlewares, answering({}))({...callOf('tool'), definition})
    expect(answer).toMatchObject({result: {isError: true}})
    expect(lines).toEqual([])
  })

  test('puts the end of a limit into words', async () => {
    vi.useFakeTimers()
    const middlewares = assemble({...options, timeoutOf: () => 2000})
    const call = compose(middlewares, hanging)(callOf('tool'))
    await vi.advanceTimersByTimeAsync(2000)
    const text = expect.stringMatching(
      /^tool thing of server demo gave no sign for 2 s \(allow more/,
    )
    expect(await call).toEqual(result('id', {isError: true, content: [{type: 'text', text}]}))
  })
})
