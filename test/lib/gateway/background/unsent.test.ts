import {describe, expect, test} from 'vitest'

import {Unsent} from '../../../../src/lib/gateway/background/unsent.ts'

function said(...messages: readonly object[]): {unsent: Unsent; told: readonly string[]} {
  const told: string[] = []
  const unsent = new Unsent(line => void told.push(line))
  for (const message of messages) unsent.push(JSON.stringify({jsonrpc: '2.0', ...message}))
  return {unsent, told}
}

describe('what a client says that no gateway hears', () => {
  test('waits for a gateway only when it is a request', () => {
    const late = {id: 7, result: {}}
    const cancelled = {method: 'notifications/cancelled', params: {requestId: 1}}
    const {unsent, told} = said(cancelled, late)
    expect(unsent.isWanted).toBe(false)
    unsent.push(JSON.stringify({jsonrpc: '2.0', id: 1, method: 'tools/list'}))
    expect(unsent.isWanted).toBe(true)
    expect(unsent.take()).toHaveLength(2)
    expect(unsent.isWanted).toBe(false)
    expect(told).toEqual([])
  })

  test('is answered at once when it is a ping', () => {
    const {unsent, told} = said({id: 'p', method: 'ping'})
    expect(unsent.isWanted).toBe(false)
    expect(unsent.take()).toEqual([])
    expect(told).toEqual(['{"jsonrpc":"2.0","id":"p","result":{}}'])
  })

  test('waits for whoever says what is wrong with it', () => {
    const {unsent} = said()
    unsent.push('no JSON')
    expect(unsent.isWanted).toBe(true)
  })

  test('is forgotten when it is much and nobody waits', () => {
    const {unsent} = said({method: 'x', params: {a: 'x'.repeat(9 * 1024 * 1024)}})
    expect(unsent.isFull).toBe(false)
    expect(unsent.take()).toEqual([])
  })
})
