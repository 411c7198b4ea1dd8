import {render} from 'ink-testing-library'
import {describe, expect, test} from 'vitest'
import type {Shown} from '../../../src/lib/ui/status-frame.ts'
import {StatusScreenView} from '../../../src/lib/ui/status-screen.tsx'
import {NOW, shownServer} from './shown-servers.ts'

const KEYS = {
  up: '\u001b[A',
  down: '\u001b[B',
  pageDown: '\u001b[6~',
  end: '\u001b[F',
  enter: '\r',
  escape: '\u001b',
}

const shown: Shown = {
  servers: Array.from({length: 30}, (_, index) =>
    shownServer({
      name: `server-${index}`,
      ...(index === 2 && {state: 'failed', reason: 'it fell'}),
    }),
  ),
  gateways: 2,
  warnings: [],
  lookedAt: NOW,
}

const view = (value: Shown) => (
  <StatusScreenView shown={value} hasColor={false} hasKeys now={() => NOW} />
)

/** The screen on a terminal of 100 columns and so many rows. */
function screenOf(what: Shown, rows = 24) {
  const screen = render(view(what))
  const resize = (to: number) => {
    Object.defineProperty(screen.stdout, 'rows', {value: to, configurable: true})
    screen.stdout.emit('resize')
  }
  resize(rows)
  return {
    ...screen,
    resize,
    show: (value: Shown) => screen.rerender(view(value)),
    lines: () => (screen.lastFrame() ?? '').split('\n'),
    [Symbol.dispose]: () => screen.unmount(),
  }
}

type Screen = ReturnType<typeof screenOf>

/** Waits until the screen has a line like this. */
async function shows(screen: Screen, line: RegExp): Promise<void> {
  await expect.poll(() => screen.lines()).toContainEqual(expect.stringMatching(line))
}

describe('the screen', () => {
  test('fills the terminal, and again when that is resized', async () => {
    using screen = screenOf(shown)
    await expect.poll(() => screen.lines()).toHaveLength(24)
    await shows(screen, /^> server-0 /)
    await shows(screen, / 1-13 of 30$/)
    screen.resize(12)
    await expect.poll(() => screen.lines()).toHaveLength(12)
  })

  test('moves with arrows, letters and page keys', async () => {
    using screen = screenOf(shown)
    await shows(screen, /^> server-0 /)
    screen.stdin.write(KEYS.down)
    await shows(screen, /^> server-1 /)
    screen.stdin.write('jj')
    await shows(screen, /^> server-3 /)
    screen.stdin.write('k')
    await shows(screen, /^> server-2 .*failed/)
    await shows(screen, /^server-2: it fell$/)
    screen.stdin.write(KEYS.pageDown)
    await shows(screen, /^> server-14 /)
    screen.stdin.write(KEYS.end)
    await shows(screen, /^> server-29 /)
    screen.stdin.write(KEYS.up)
    await shows(screen, /^> server-28 /)
    screen.stdin.write('g')
    await shows(screen, /^> server-0 /)
  })

  test('opens the details of a server, and goes back', async () => {
    using screen = screenOf(shown)
    await shows(screen, /^> server-0 /)
    screen.stdin.write(KEYS.enter)
    await shows(screen, /^server-0 sleeps/)
    expect(screen.lines().some(line => line.includes('server-1 '))).toBe(false)
    screen.stdin.write(KEYS.escape)
    await shows(screen, /^> server-0 /)
  })

  test('loses no key of those that come together', async () => {
    using screen = screenOf(shown)
    await shows(screen, /^> server-0 /)
    screen.stdin.write('jj\r')
    await shows(screen, /^server-2: it fell$/)
    await shows(screen, /^server-2 sleeps|^server-2 has failed/)
    expect(screen.lines().some(line => line.includes('server-1 '))).toBe(false)
    screen.stdin.write('\rk')
    await shows(screen, /^> server-1 /)
  })

  test('shows what a look brings, and keeps the selection', async () => {
    using screen = screenOf(shown)
    await shows(screen, /^> server-0 /)
    screen.stdin.write('j')
    await shows(screen, /^> server-1 /)
    const [first, ...rest] = shown.servers ?? []
    screen.show({...shown, servers: [...rest, ...(first ? [first] : [])]})
    await shows(screen, /^ {2}server-2 /)
    expect(screen.lines().filter(line => line.startsWith('> '))).toEqual([
      expect.stringMatching(/^> server-1 /),
    ])
  })
})
