import {describe, expect, test} from 'vitest'
import {assemble} from '../../../../src/lib/gateway/pipeline/assemble.ts'
import {compose} from '../../../../src/lib/gateway/pipeline/call.ts'
import {answering, callOf, SECRET} from '../../../support/calls.ts'

const names = (logs: boolean, blocks: boolean) =>
  assemble({logCalls: logs, blockSecrets: blocks, log: () => undefined, now: () => 0}).map(
    middleware => middleware(answering({})).name,
  )

describe('assemble', () => {
  test('leaves out what is switched off, and keeps the order', () => {
    expect(names(true, true)).toEqual(['scanned', 'logged', 'explained'])
    expect(names(false, true)).toEqual(['scanned', 'explained'])
    expect(names(true, false)).toEqual(['logged', 'explained'])
    expect(names(false, false)).toEqual(['explained'])
  })

  test('writes no arguments of a call that is blocked', async () => {
    const lines: string[] = []
    const middlewares = assemble({
      logCalls: true,
      blockSecrets: true,
      log: line => lines.push(line),
      now: () => 0,
    })
    await compose(middlewares, answering({}))(callOf('resource', {uri: SECRET}, SECRET))
    expect(lines).toEqual([])
  })
})
