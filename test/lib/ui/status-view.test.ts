import {describe, expect, test} from 'vitest'
import {age, memory, percent} from '../../../src/lib/ui/status-cells.ts'
import {statusView} from '../../../src/lib/ui/status-view.ts'
import {before, NOW, shownContainer, shownServer} from './shown-servers.ts'

const used = shownServer({
  name: 'sequentialthinking',
  state: 'ready',
  containers: [shownContainer(), shownContainer({since: before(5), use: 'standby'})],
  standby: 1,
  memoryBytes: 38.5 * 1024 * 1024,
  cpuPercent: 112.2,
  restarts: 12,
  lastUsedAt: before(59),
  at: before(90),
})

describe('statusView', () => {
  test('is a table, then the reasons and what to do', () => {
    const servers = [
      used,
      shownServer({name: 'bad', state: 'failed', reason: 'server bad ended', next: 'mend it'}),
      shownServer({name: 'odd', state: 'failed', reason: 'no engine', at: before(7200)}),
      shownServer({name: 'calm', restarts: 0, at: before(100_000)}),
    ]
    expect(statusView(servers, {now: NOW, columns: Infinity})).toBe(
      [
        'NAME                 STATE      CONTAINERS   AGE   MEM    CPU   RESTARTS   LAST',
        'sequentialthinking   ready             1+1    1m   39M   112%         12   used 59s ago',
        'bad                  failed              0     -     -      -          -   -',
        'odd                  failed              0     -     -      -          -   failed 2h ago',
        'calm                 sleeping            0     -     -      -          0   seen 1d ago',
        '',
        'server bad ended',
        '  mend it',
        '',
        'odd: no engine',
        '',
      ].join('\n'),
    )
  })

  test('has all its columns in 80, with figures and names as they usually are', () => {
    const text = statusView([used, shownServer({name: 'a', state: 'failed', at: before(3000)})], {
      now: NOW,
      columns: 80,
    })
    expect(text).toBe(
      [
        'NAME                STATE   CONTAINERS  AGE  MEM   CPU  RESTARTS  LAST',
        'sequentialthinking  ready          1+1   1m  39M  112%        12  used 59s ago',
        'a                   failed           0    -    -     -         -  failed 50m ago',
        '',
      ].join('\n'),
    )
  })

  test('says that there is nothing when nothing is enabled', () => {
    expect(statusView([], {now: NOW, columns: 80})).toBe('No server is enabled.\n')
  })

  test('keeps a row in one line, whatever a server is called', () => {
    const text = statusView([shownServer({name: 'a\nb\u001b[2J'})], {now: NOW, columns: 80})
    expect(text.split('\n')[1]).toMatch(/^a b\\x1b\[2J {3}sleeping/)
  })
})

test.each([
  [-5, '0s'],
  [59_000, '59s'],
  [60_000, '1m'],
  [7_199_000, '1h'],
  [200_000_000, '2d'],
  [Number.NaN, '?'],
])('%d ms are %s', (milliseconds, text) => {
  expect(age(milliseconds)).toBe(text)
})

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1.0K'],
  [10 * 1024, '10K'],
  [999 * 1024, '999K'],
  [1023 * 1024, '1.0M'],
  [38.5 * 1024 ** 2, '39M'],
  [1.5 * 1024 ** 3, '1.5G'],
  [2 ** 60, '1048576T'],
])('%d bytes are %s', (bytes, text) => {
  expect(memory(bytes)).toBe(text)
})

test.each([
  [0, '0%'],
  [0.1, '<1%'],
  [0.5, '1%'],
  [99.6, '100%'],
  [800, '800%'],
])('%d per cent are %s', (value, text) => {
  expect(percent(value)).toBe(text)
})
