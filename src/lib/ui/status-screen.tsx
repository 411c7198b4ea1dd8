import {Box, render, Text, useApp, useInput, useWindowSize, type Key} from 'ink'
import {useEffect, useRef, useState} from 'react'
import type {Line, Span, Tone} from './lines.ts'
import {statusFrame, type Shown} from './status-frame.ts'
import {afterKey, FIRST_STATE, type WatchKey} from './watch-state.ts'

export interface StatusScreen {
  update(shown: Shown): void
  /** Settles when the person has left, and the terminal is as it was. */
  readonly ended: Promise<void>
  stop(): void
}

/**
 * Shows the status of servers on the whole of a terminal, until somebody leaves; then shows what was there before.
 * @param terminal `stdin`: where keys come from; when it is no terminal, only Ctrl-C ends the screen
 */
export function showStatus(terminal: {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  hasColor: boolean
}): StatusScreen {
  const {stdin, stdout, hasColor} = terminal
  const screen = (shown: Shown) => (
    <StatusScreenView shown={shown} hasColor={hasColor} hasKeys={stdin.isTTY} now={Date.now} />
  )
  const instance = render(screen({servers: undefined, gateways: 0, warnings: [], lookedAt: 0}), {
    stdin,
    stdout,
    alternateScreen: true,
    incrementalRendering: true,
    patchConsole: false,
    // Ink would draw nothing where it finds signs of CI; whether there is a terminal, our caller knows better.
    interactive: true,
  })
  return {
    update: shown => instance.rerender(screen(shown)),
    ended: instance.waitUntilExit().then(() => undefined),
    stop: () => instance.unmount(),
  }
}

/** Ages grow while a look takes its time; one that is over draws everything anew. */
const TICK_MS = 1500

/** The screen itself. @param props `now`: milliseconds since 1970 */
export function StatusScreenView(props: {
  shown: Shown
  hasColor: boolean
  hasKeys: boolean
  now: () => number
}) {
  const {shown, hasColor, hasKeys, now} = props
  const {columns, rows} = useWindowSize()
  const {exit} = useApp()
  const [state, setState] = useState(FIRST_STATE)
  // Keys may come faster than the screen is drawn.
  const latest = useRef(state)
  const [, setTick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setTick(tick => tick + 1), TICK_MS)
    return () => clearInterval(timer)
  }, [shown])
  const {lines, extent} = statusFrame({...shown, now: now(), state, columns, rows, hasKeys})
  useInput(
    (input, key) => {
      for (const pressed of keysOf(input, key)) {
        const next = afterKey(latest.current, pressed, extent)
        if (!next) return exit()
        latest.current = next
      }
      setState(latest.current)
    },
    {isActive: hasKeys},
  )
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {lines.map((line, row) => (
        // oxlint-disable-next-line react/no-array-index-key -- a row of the screen is what it is by its place
        <ScreenLine key={row} line={line} hasColor={hasColor} />
      ))}
    </Box>
  )
}

function ScreenLine({line, hasColor}: {line: Line; hasColor: boolean}) {
  return (
    <Text wrap="truncate-end">
      {line.every(({text}) => text === '')
        ? ' '
        : // oxlint-disable-next-line react/no-array-index-key -- a piece of a line is what it is by its place
          line.map((span, place) => <ScreenSpan key={place} span={span} hasColor={hasColor} />)}
    </Text>
  )
}

function ScreenSpan({span: {text, tone}, hasColor}: {span: Span; hasColor: boolean}) {
  const color = hasColor ? COLORS[tone] : undefined
  return (
    <Text
      bold={tone === 'strong'}
      dimColor={hasColor && tone === 'dim'}
      {...(color !== undefined && {color})}
    >
      {text}
    </Text>
  )
}

const COLORS: Partial<Readonly<Record<Tone, string>>> = {
  good: 'green',
  busy: 'yellow',
  bad: 'red',
}

function keysOf(input: string, key: Key): readonly WatchKey[] {
  const named = NAMED.find(([name]) => key[name])
  if (named) return [named[1]]
  // What is typed quickly comes together.
  return input.split('').flatMap(letter => LETTERS[letter] ?? [])
}

const NAMED: readonly (readonly [keyof Key, WatchKey])[] = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['pageUp', 'pageUp'],
  ['pageDown', 'pageDown'],
  ['home', 'first'],
  ['end', 'last'],
  ['return', 'open'],
  ['rightArrow', 'open'],
  ['leftArrow', 'back'],
  ['escape', 'back'],
]
const LETTERS: Readonly<Record<string, WatchKey>> = {
  // Enter, when it comes together with other keys.
  '\r': 'open',
  k: 'up',
  j: 'down',
  b: 'pageUp',
  ' ': 'pageDown',
  g: 'first',
  G: 'last',
  q: 'quit',
}
