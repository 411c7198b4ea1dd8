import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {statusFrame, type WatchView} from '../../../src/lib/ui/status-frame.ts'
import {FIRST_STATE} from '../../../src/lib/ui/watch-state.ts'
import {anyServer, before, NOW, shownContainer, shownServer} from './shown-servers.ts'

const REASON = `server fetch ended with exit code 137: ${'it ran out of memory '.repeat(40).trim()}`
const failing = shownServer({
  name: 'fetch',
  state: 'failed',
  restarts: 3,
  reason: REASON,
  next: 'raise its memory',
  at: before(150),
})
const running = shownServer({
  name: 'github',
  state: 'ready',
  containers: [
    shownContainer({memoryBytes: 38e6, memoryLimitBytes: 2 ** 31, cpuPercent: 2}),
    shownContainer({name: 'mcp-two', use: 'standby'}),
  ],
  standby: 1,
  memoryBytes: 38e6,
  cpuPercent: 2,
  restarts: 1,
  lastUsedAt: before(3),
  lastError: {message: 'server github ended with exit code 1', at: before(400)},
})
const many = Array.from({length: 30}, (_, index) => shownServer({name: `server-${index}`}))

function view(more: Partial<WatchView> = {}): WatchView {
  return {
    servers: [running, failing],
    gateways: 1,
    warnings: [],
    lookedAt: NOW,
    now: NOW,
    state: FIRST_STATE,
    columns: 80,
    rows: 24,
    hasKeys: true,
    ...more,
  }
}

/** The lines of a screen as a person sees them. */
function drawn(more: Partial<WatchView> = {}): readonly string[] {
  return statusFrame(view(more)).lines.map(line =>
    line
      .map(({text}) => text)
      .join('')
      .trimEnd(),
  )
}

describe('a screen of 80 × 24', () => {
  test('has all servers and figures, and the details of the selected one', () => {
    expect(drawn()).toEqual([
      'docker mcp server status                                       1 failed, 1 ready',
      '',
      '  NAME     STATE    CONTAINERS   AGE   MEM   CPU   RESTARTS   LAST',
      '> github   ready           1+1    1m   36M    2%          1   used 3s ago',
      '  fetch    failed            0     -     -     -          3   failed 2m ago',
      '─'.repeat(80),
      'github runs and is in use',
      '1 container · 1 on standby · 36M memory · 2% of a core · 1 restart · used 3s ago',
      'failed 6m ago: server github ended with exit code 1',
      'mcp-one (3f2a9c1b77de) · 1m · 36M of 2.0G · 2%',
      'mcp-two (3f2a9c1b77de) · standby · 1m',
      ...Array.from({length: 12}, () => ''),
      '↑↓ select · enter details · q quit                                     1 gateway',
    ])
  })

  test('shows of 30 servers as many as fit, the selected one among them', () => {
    const lines = drawn({servers: many, state: {...FIRST_STATE, selected: 'server-20'}})
    expect(lines.filter(line => /^[> ] server-\d+ /.test(line))).toHaveLength(13)
    expect(lines).toContainEqual(expect.stringMatching(/^> server-20 /))
    expect(lines.at(-1)).toMatch(/ 15-27 of 30$/)
  })

  test('keeps the next step in sight, however long the reason is', () => {
    const lines = drawn({servers: [...many, failing], state: {...FIRST_STATE, selected: 'fetch'}})
    expect(lines).toContainEqual(
      expect.stringMatching(/^fetch: server fetch ended|^server fetch ended/),
    )
    expect(lines).toContainEqual(expect.stringMatching(/ … \(enter\)$/))
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}raise its memory/))
  })

  test('shows all of a server when it is opened', () => {
    const lines = drawn({state: {selected: 'fetch', isOpen: true, scrolled: 0}})
    expect(lines.slice(1, -1).join(' ').replace(/\s+/g, ' ')).toContain(REASON)
    expect(lines).toContain('fetch has failed: it is tried again when it is needed')
    expect(lines.at(-1)).toBe('↑↓ scroll · esc back · q quit')
  })

  test('says that nothing is enabled, and what to do', () => {
    const lines = drawn({servers: [], gateways: 0})
    expect(lines).toContain('No server is enabled.')
    expect(lines).toContain('  switch it on:   docker mcp server enable <name>')
    expect(drawn({servers: [], gateways: 1})).toContain('  what runs:      docker mcp gateway ps')
  })

  test('says that it looks until it has looked', () => {
    expect(drawn({servers: undefined, lookedAt: 0})).toContain('Looking …')
  })

  test('says what keeps something from being seen, and all of it in the details', () => {
    const warning = `no Docker engine: ${'nothing listens there, '.repeat(20)}start it`
    const lines = drawn({warnings: [warning]})
    expect(lines[1]).toMatch(/^! no Docker engine: nothing listens/)
    expect(lines[3]).toMatch(/ … \(enter\)$/)
    const opened = drawn({warnings: [warning], state: {...FIRST_STATE, isOpen: true}})
    expect(opened.join(' ').replace(/\s+/g, ' ')).toContain(warning)
  })

  test('says how old it is when no look comes to an end', () => {
    expect(drawn({now: NOW + 6000})[0]).toMatch(/1 failed, 1 ready$/)
    expect(drawn({now: NOW + 9000})[0]).toMatch(/no news for 9s$/)
  })

  test('offers no keys where none can come', () => {
    expect(drawn({hasKeys: false}).at(-1)).toMatch(/^ctrl-c quit {2}/)
  })
})

describe('a small screen', () => {
  test('of 40 × 8 still has states, a word of the details, and how to leave', () => {
    expect(drawn({servers: [failing, ...many], columns: 40, rows: 8})).toEqual([
      '1 failed, 30 sleeping',
      '  NAME       STATE     CONT',
      '> fetch      failed       0',
      '  server-0   sleeping     0',
      '  server-1   sleeping     0',
      '  server-2   sleeping     0',
      'server fetch ended with exit code 137: …',
      '↑↓ · enter · q quit            1-4 of 31',
    ])
  })

  test('scrolls the details that do not fit', () => {
    const opened = {...FIRST_STATE, selected: 'fetch', isOpen: true}
    const {extent} = statusFrame(view({columns: 40, rows: 8, state: opened}))
    expect(extent.mostScrolled).toBeGreaterThan(0)
    const end = {...opened, scrolled: extent.mostScrolled}
    const lines = drawn({columns: 40, rows: 8, state: end})
    expect(lines.at(-2)).toBe('tried 2m ago')
    expect(lines.at(-1)).toMatch(/ of \d+ lines$/)
  })
})

test('fills every screen exactly, whatever servers say, and marks the selected one', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyServer, {maxLength: 40, selector: ({name}) => name}),
      fc.array(fc.string({maxLength: 300}), {maxLength: 2}),
      fc.record({columns: fc.integer({min: 1, max: 200}), rows: fc.integer({min: 1, max: 60})}),
      fc.record({at: fc.nat(), isOpen: fc.boolean(), scrolled: fc.nat({max: 100})}),
      (servers, warnings, size, {at, isOpen, scrolled}) => {
        const selected = servers[at % Math.max(1, servers.length)]?.name
        const state = {selected, isOpen, scrolled}
        const {lines} = statusFrame(view({servers, warnings, ...size, state}))
        const texts = lines.map(line => line.map(({text}) => text).join(''))
        expect(texts).toHaveLength(size.rows)
        for (const text of texts) {
          expect(text.length).toBeLessThanOrEqual(size.columns)
          expect(text).not.toMatch(/\p{Cc}/u)
        }
        const isMarked = servers.length > 0 && !isOpen && size.rows >= 6 && size.columns >= 20
        const marked = texts.filter(text => text.startsWith('> '))
        expect(marked.length).toBeGreaterThanOrEqual(isMarked ? 1 : 0)
      },
    ),
  )
})
