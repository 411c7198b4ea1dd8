import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {cpuPercent} from '../../../../src/lib/gateway/control/cpu.ts'
import {processRows} from '../../../../src/lib/gateway/control/processes.ts'
import {
  logLineSchema,
  refusalSchema,
  restartedSchema,
  stateSchema,
  type ConfigurationState,
  type ContainerState,
  type GatewayState,
} from '../../../../src/lib/gateway/control/state.ts'

const moments = fc
  .date({min: new Date(0), max: new Date(4e12), noInvalidDate: true})
  .map(date => date.toISOString())
const amounts = fc.double({min: 0, max: 1e18, noNaN: true, noDefaultInfinity: true})
const containers: fc.Arbitrary<ContainerState> = fc.record(
  {
    id: fc.uuid(),
    name: fc.string(),
    since: moments,
    use: fc.constantFrom('serving' as const, 'standby' as const),
    memoryBytes: amounts,
    memoryLimitBytes: amounts,
    cpuNanos: amounts,
    measuredAt: moments,
  },
  {requiredKeys: ['id', 'name', 'since', 'use']},
)
const configurations: fc.Arbitrary<ConfigurationState> = fc.record(
  {
    isWatched: fc.boolean(),
    reloadedAt: moments,
    added: fc.array(fc.string()),
    removed: fc.array(fc.string()),
    changed: fc.array(fc.string()),
    failure: fc.record({code: fc.string(), message: fc.string(), at: moments}),
    needsRestart: fc.array(fc.string()),
  },
  {requiredKeys: ['isWatched', 'needsRestart']},
)
const states: fc.Arbitrary<GatewayState> = fc.record({
  owner: fc.stringMatching(/^[0-9a-f]{20}$/),
  pid: fc.integer({min: 1, max: 2 ** 22}),
  version: fc.string(),
  startedAt: moments,
  transport: fc.constantFrom('stdio', 'streaming'),
  configuration: configurations,
  servers: fc.array(
    fc.record(
      {
        server: fc.string(),
        state: fc.constantFrom('starting', 'ready', 'idle', 'failed', 'sleeping'),
        containers: fc.array(containers, {maxLength: 4}),
        restarts: fc.nat(),
        lastUsedAt: moments,
        lastError: fc.record({code: fc.string(), message: fc.string(), at: moments}),
      },
      {requiredKeys: ['server', 'state', 'containers', 'restarts']},
    ),
    {maxLength: 5},
  ),
})

describe('what a gateway tells', () => {
  test('is read as it was sent', () => {
    fc.assert(
      fc.property(states, state => {
        // JSON has no -0.
        const sent: unknown = JSON.parse(JSON.stringify(state))
        expect(stateSchema.parse(sent)).toEqual(sent)
      }),
    )
  })

  test('is refused when it is anything else, and reading it never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(stateSchema.safeParse(value).success).toBe(false)
        expect(logLineSchema.safeParse(value).success).toBe(false)
        expect(restartedSchema.safeParse(value).success).toBe(false)
        expect(refusalSchema.safeParse(value).success).toBe(false)
      }),
    )
  })
})

describe('the processor', () => {
  test.for<[string, number | undefined, Partial<ContainerState> | undefined]>([
    ['one core that is busy', 100, {cpuNanos: 4e9, measuredAt: '2026-01-01T00:00:01.000Z'}],
    ['half of one', 50, {cpuNanos: 4.5e9, measuredAt: '2026-01-01T00:00:01.000Z'}],
    ['two cores', 200, {cpuNanos: 1e9, measuredAt: '2026-01-01T00:00:00.000Z'}],
    ['nobody looked before', undefined, undefined],
    ['the look before had no figures', undefined, {measuredAt: '2026-01-01T00:00:01.000Z'}],
    ['no time between them', undefined, {cpuNanos: 1, measuredAt: '2026-01-01T00:00:02.000Z'}],
    ['time that goes back', undefined, {cpuNanos: 1, measuredAt: '2026-01-01T00:00:03.000Z'}],
    ['another run', undefined, {cpuNanos: 6e9, measuredAt: '2026-01-01T00:00:01.000Z'}],
  ])('is told for %s', ([_what, percent, before]) => {
    const now = {cpuNanos: 5e9, measuredAt: '2026-01-01T00:00:02.000Z'}
    expect(cpuPercent(before, now)).toBe(percent)
  })

  test('is never told as something that cannot be', () => {
    fc.assert(
      fc.property(containers, containers, (before, now) => {
        const percent = cpuPercent(before, now)
        expect(percent === undefined || (percent >= 0 && Number.isFinite(percent))).toBe(true)
      }),
    )
  })
})

describe('the rows of gateway ps', () => {
  test('are one for each container, and one for each server without any that is wanted', () => {
    fc.assert(
      fc.property(fc.array(states, {maxLength: 3}), gateways => {
        const servers = gateways.flatMap(gateway => gateway.servers)
        const wanted = servers.filter(
          server => server.containers.length === 0 && /^(failed|starting)$/.test(server.state),
        )
        const rows = processRows(gateways, [])
        const shown = rows.flatMap(({container}) => (container ? [container.id] : []))
        expect(shown.toSorted()).toEqual(
          servers.flatMap(server => server.containers.map(({id}) => id)).toSorted(),
        )
        expect(rows.length - shown.length).toBe(wanted.length)
      }),
    )
  })
})
