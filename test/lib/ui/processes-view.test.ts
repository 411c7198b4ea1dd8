import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {lineView, logView} from '../../../src/lib/ui/log-view.ts'
import {processesView, type ShownProcess} from '../../../src/lib/ui/processes-view.ts'

const NOW = Date.parse('2026-01-01T01:00:00.000Z')
const since = '2026-01-01T00:18:00.000Z'
const rows: readonly ShownProcess[] = [
  {
    gateway: '0123456789abcdef0123',
    server: 'everything',
    state: 'ready',
    restarts: 1,
    container: {
      id: 'fedcba9876543210fedcba',
      since,
      use: 'serving',
      memoryBytes: 31 * 1024 * 1024,
      cpuPercent: 12.4,
    },
    lastError: {message: 'server everything ended with exit code 137'},
  },
  {
    gateway: '0123456789abcdef0123',
    server: 'everything',
    state: 'ready',
    restarts: 1,
    container: {id: '11cba9876543210fedcba1', since, use: 'standby'},
  },
  {
    gateway: 'aaaaaaaaaaaaaaaa0123',
    server: 'broken',
    state: 'failed',
    restarts: 0,
    lastError: {message: 'it said:\nno\nkey', hint: 'set the key'},
  },
  {
    gateway: '0123456789abcdef0123',
    server: 'broken',
    state: 'failed',
    restarts: 0,
    lastError: {message: 'it said:\nno\nkey', hint: 'set the key'},
  },
]
const at = {gateways: 2, silent: 0, now: NOW, columns: 80}

function line(container: string, text: string) {
  return {at: since, container, text}
}

describe('what runs', () => {
  test('is a table that fits 80 columns, with the reasons below', () => {
    expect(processesView(rows, at)).toBe(
      `GATEWAY    SERVER       STATE     CONTAINER      AGE   MEM   CPU   RESTARTS
01234567   everything   ready     fedcba987654   42m   31M   12%          1
01234567   everything   standby   11cba9876543   42m     -     -          1
aaaaaaaa   broken       failed    -                -     -     -          0
01234567   broken       failed    -                -     -     -          0

broken: it said: no key
  set the key
`,
    )
  })

  test('has the last error in the row where there is room, cut to it', () => {
    const lines = processesView(rows, {...at, columns: 100}).split('\n')
    expect(lines[0]).toMatch(/RESTARTS {2,3}LAST ERROR$/)
    expect(lines[1]).toMatch(/1 {2,3}server everything end…$/)
    expect(lines[3]).toMatch(/0 {2,3}it said: no key$/)
    const [, whole] = processesView(rows, {...at, columns: Infinity}).split('\n')
    expect(whole).toMatch(/server everything ended with exit code 137$/)
  })

  test('never is wider than the terminal, from 40 columns on', () => {
    const texts = fc.string({unit: 'grapheme-ascii', maxLength: 60})
    const shown = fc.record({
      gateway: fc.stringMatching(/^[0-9a-f]{16}$/),
      server: texts,
      state: fc.constantFrom('starting', 'ready', 'idle', 'failed', 'sleeping'),
      restarts: fc.nat({max: 99_999}),
      container: fc.record({
        id: fc.stringMatching(/^[0-9a-f]{64}$/),
        since: fc.constant(since),
        use: fc.constantFrom('serving', 'standby'),
        memoryBytes: fc.nat(),
      }),
    })
    fc.assert(
      fc.property(
        fc.array(shown, {minLength: 1, maxLength: 6}),
        fc.integer({min: 40, max: 200}),
        (all, columns) => {
          const lines = processesView(all, {...at, columns})
            .trimEnd()
            .split('\n')
          expect(lines).toHaveLength(all.length + 1)
          for (const {length} of lines) expect(length).toBeLessThanOrEqual(columns)
        },
      ),
    )
  })

  test.for([
    [0, 0, 'No gateway runs.\n'],
    [0, 1, 'No gateway answers.\n'],
    [1, 0, 'One gateway runs, and no server: each is started when it is needed.\n'],
    [3, 1, '3 gateways run, and no server: each is started when it is needed.\n'],
  ] as const)(
    'is said in a sentence when it is nothing: %i gateways, %i silent',
    ([gateways, silent, text]) => {
      expect(processesView([], {...at, gateways, silent})).toBe(text)
    },
  )
})

describe('a log', () => {
  test('has the container in front of each line when there are several', () => {
    expect(logView([line('a', '1'), line('a', '2')])).toBe('1\n2\n')
    expect(logView([line('a', '1'), line('b', '2')])).toBe('a | 1\nb | 2\n')
    expect(logView([])).toBe('')
  })

  test('that is followed has it from the second container on', () => {
    const view = lineView('human', false)
    expect(['a', 'a', 'b', 'a'].map(container => view(line(container, 'x'))).join('')).toBe(
      'x\nx\nb | x\na | x\n',
    )
    expect(lineView('human', true)(line('a', 'x'))).toBe('a | x\n')
  })

  test('that is followed is one value a line for programs', () => {
    const shown = lineView('json', true)(line('a', 'x\ny'))
    expect(JSON.parse(shown)).toEqual(line('a', 'x\ny'))
    expect(shown.trimEnd()).not.toContain('\n')
  })

  test('that is followed is one list in YAML', async () => {
    const {parse} = await import('yaml')
    const view = lineView('yaml', true)
    const lines = [line('a', 'x: - "y"'), line('b', '')]
    expect(parse(lines.map(view).join(''))).toEqual(lines)
  })
})
