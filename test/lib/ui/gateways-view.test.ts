import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {gatewaysView, type ShownGateway} from '../../../src/lib/ui/gateways-view.ts'

const NOW = Date.parse('2026-01-01T01:00:00.000Z')
const startedAt = '2026-01-01T00:18:00.000Z'
const at = {silent: 0, now: NOW, columns: Number.POSITIVE_INFINITY}
const gateways: readonly ShownGateway[] = [
  {
    gateway: '0123456789abcdef0123',
    pid: 12,
    transport: 'stdio',
    startedAt,
    servers: {ready: ['a', 'b'], failed: ['c']},
    configuration: {
      isWatched: true,
      reloadedAt: '2026-01-01T00:58:00.000Z',
      failure: {
        message: 'config.yaml:1:2 is\nwrong',
        hint: 'mend it',
        at: '2026-01-01T00:59:30.000Z',
      },
      needsRestart: [],
    },
  },
  {
    gateway: 'aaaaaaaaaaaaaaaa0123',
    pid: 4711,
    name: 'work',
    profile: 'office',
    clients: ['a', 'b'],
    transport: 'streaming',
    address: 'http://127.0.0.1:8811/mcp',
    startedAt,
    servers: {},
    configuration: {isWatched: true, needsRestart: ['port', 'host']},
  },
]

describe('running gateways', () => {
  test('are a table, with what is wrong below', () => {
    expect(gatewaysView(gateways, at)).toBe(
      `GATEWAY    NAME    PID   TRANSPORT   ADDRESS                     PROFILE   CLIENTS    UP   SERVERS             CONFIGURATION
01234567   -        12   stdio       -                           -               -   42m   2 ready, 1 failed   wrong since 30s
aaaaaaaa   work   4711   streaming   http://127.0.0.1:8811/mcp   office          2   42m   none                needs a restart

01234567: config.yaml:1:2 is wrong
  mend it
  it goes on with what it read 2m ago

aaaaaaaa: changed, and counts when it is started again: port, host
`,
    )
  })

  test.for<[string, ShownGateway['configuration']]>([
    ['as at its start', {isWatched: true, needsRestart: []}],
    ['not watched', {isWatched: false, needsRestart: []}],
    [
      'reloaded 2m ago',
      {isWatched: true, reloadedAt: '2026-01-01T00:58:00.000Z', needsRestart: []},
    ],
    ['-', undefined],
  ])('are shown as %s', ([words, configuration]) => {
    const shown = {gateway: 'abc', pid: 1, transport: 'stdio', startedAt, servers: {}}
    const text = gatewaysView([{...shown, ...(configuration && {configuration})}], at)
    expect(text.split('\n')[1]).toMatch(new RegExp(` ${words}$`))
  })

  test('that are not there, or say nothing, are said', () => {
    expect(gatewaysView([], at)).toBe('No gateway runs.\n')
    expect(gatewaysView([], {...at, silent: 1})).toBe('No gateway answers.\n')
  })

  test('cannot steer the terminal, and their table fits it', () => {
    const texts = fc.string({unit: 'binary', maxLength: 40})
    fc.assert(
      fc.property(texts, texts, fc.integer({min: 60, max: 200}), (address, message, columns) => {
        const failure = {message, hint: message, at: startedAt}
        const configuration = {isWatched: true, needsRestart: [message], failure}
        const servers = {ready: ['a']}
        const gateway = {gateway: 'abc', pid: 1, transport: 'sse', address, startedAt, servers}
        const text = gatewaysView([{...gateway, configuration}], {...at, columns})
        // oxlint-disable-next-line no-control-regex -- that there are none is what is tested
        expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
        for (const line of text.split('\n').slice(0, 2)) {
          expect(line.length).toBeLessThanOrEqual(columns)
        }
      }),
    )
  })
})
