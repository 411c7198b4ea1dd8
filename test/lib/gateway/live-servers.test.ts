import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {ContainerState, ServerState} from '../../../src/lib/gateway/control/state.ts'
import {CpuMeter, liveServers} from '../../../src/lib/gateway/live-servers.ts'
import type {LifeState} from '../../../src/lib/gateway/lives.ts'

const STATES = ['ready', 'starting', 'idle', 'failed', 'sleeping'] as const

function gateway(owner: string, servers: readonly ServerState[]) {
  const startedAt = '2026-11-21T12:00:00Z'
  return {owner, pid: 1, version: '1', startedAt, transport: 'stdio', servers}
}

function server(name: string, state: LifeState, more: Partial<ServerState> = {}): ServerState {
  return {server: name, state, containers: [], restarts: 0, ...more}
}

function container(id: string, more: Partial<ContainerState> = {}): ContainerState {
  return {id, name: `c-${id}`, since: '2026-11-21T12:00:00Z', use: 'serving', ...more}
}

const rank = (one: LifeState | undefined) => STATES.findIndex(known => known === one)

describe('liveServers', () => {
  test('puts together what several gateways tell of a server', () => {
    const early = {code: 'A', message: 'early', at: '2026-11-21T11:00:00Z'}
    const late = {code: 'B', message: 'late', at: '2026-11-21T12:00:00+00:00'}
    const lives = liveServers([
      gateway('one', [
        server('github', 'idle', {
          containers: [container('1')],
          restarts: 2,
          lastUsedAt: '2026-11-21T11:59:00Z',
          lastError: early,
        }),
        server('fetch', 'sleeping'),
      ]),
      gateway('two', [
        server('github', 'failed', {
          containers: [container('2')],
          restarts: 1,
          lastUsedAt: '2026-11-21T12:01:00Z',
          lastError: late,
        }),
      ]),
    ])
    expect(lives.get('github')).toEqual({
      state: 'idle',
      containers: [container('1'), container('2')],
      restarts: 3,
      lastUsedAt: '2026-11-21T12:01:00Z',
      lastError: late,
    })
    expect(lives.get('fetch')).toEqual({state: 'sleeping', containers: [], restarts: 0})
    expect(lives.get('unheard-of')).toBeUndefined()
  })

  test('says of a server the liveliest state that it has anywhere', () => {
    const states = fc.array(fc.constantFrom(...STATES), {minLength: 1})
    fc.assert(
      fc.property(states, told => {
        const lives = liveServers(told.map((state, at) => gateway(`${at}`, [server('one', state)])))
        const state = lives.get('one')?.state
        expect(told).toContain(state)
        expect(rank(state)).toBe(Math.min(...told.map(rank)))
      }),
    )
  })
})

describe('CpuMeter', () => {
  test('tells what was used between two looks, of what was there both times', () => {
    const meter = new CpuMeter()
    const first = {cpuNanos: 5e9, measuredAt: '2026-11-21T12:00:00Z'}
    const second = {cpuNanos: 5.5e9, measuredAt: '2026-11-21T12:00:01Z'}
    expect(meter.look([container('a', first), container('b', first)])).toEqual(new Map())
    expect(meter.look([container('a', second), container('c', second)])).toEqual(
      new Map([['a', 50]]),
    )
    expect(meter.look([container('b', second), container('a')])).toEqual(new Map())
  })
})
