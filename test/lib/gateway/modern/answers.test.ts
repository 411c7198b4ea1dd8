import {describe, expect, test} from 'vitest'
import {modernAnswer} from '../../../../src/lib/gateway/modern/answers.ts'
import {failure, result} from '../../../../src/lib/gateway/wire/jsonrpc.ts'

const about = {
  method: 'tools/list',
  by: {name: 'demo', version: '1'},
  hint: {ttlMs: 7, cacheScope: 'public'},
} as const

describe('an answer for a modern client', () => {
  test('stays the same object when a modern server has made it', () => {
    const answer = result(1, {resultType: 'complete', tools: []})
    expect(modernAnswer(answer, about)).toBe(answer)
  })

  test('says of what kind it is, whose, and how long it may be kept', () => {
    const answer = modernAnswer(result(1, {tools: [], _meta: {more: 1}}), about)
    expect(answer).toEqual(
      result(1, {
        resultType: 'complete',
        tools: [],
        ttlMs: 7,
        cacheScope: 'public',
        _meta: {more: 1, 'io.modelcontextprotocol/serverInfo': {name: 'demo', version: '1'}},
      }),
    )
  })

  test('may be kept only where the protocol has it so', () => {
    const answer = modernAnswer(result(1, {content: []}), {...about, method: 'tools/call'})
    expect(answer).toHaveProperty('result.resultType', 'complete')
    expect(answer).not.toHaveProperty('result.ttlMs')
  })

  test('has no error code that only legacy revisions know', () => {
    const missing = failure(1, -32002, 'Resource not found', {uri: 'file:///x'})
    expect(modernAnswer(missing, about)).toEqual(
      failure(1, -32602, 'Resource not found', {uri: 'file:///x'}),
    )
    const other = failure(1, -32001, 'own error')
    expect(modernAnswer(other, about)).toBe(other)
  })
})
