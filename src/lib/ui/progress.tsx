import {Box, render, Text} from 'ink'
import type {Io} from './io.ts'

/** One line of a progress screen. */
export interface ProgressItem {
  readonly server: string
  readonly image: string
  readonly state: 'waiting' | 'pulling' | 'present' | 'kept' | 'pulled' | 'refused' | 'failed'
  /** Bytes. */
  readonly done: number
  readonly total: number
}

export interface ProgressScreen {
  update(item: ProgressItem): void
  stop(): void
}

/**
 * Shows how pulls get on, on stderr: a live line for each on a terminal, else one line for each change of state.
 */
export function showProgress(io: Io, stderr: NodeJS.WriteStream): ProgressScreen {
  return io.errIsTerminal ? liveScreen(stderr) : plainLines(io)
}

function liveScreen(stderr: NodeJS.WriteStream): ProgressScreen {
  const items = new Map<string, ProgressItem>()
  // Ink draws on one stream; data on stdout must stay free of it.
  const screen = render(<ProgressList items={[]} />, {stdout: stderr, patchConsole: false})
  return {
    update(item) {
      items.set(item.server, item)
      screen.rerender(<ProgressList items={[...items.values()]} />)
    },
    stop: () => screen.unmount(),
  }
}

function plainLines(io: Io): ProgressScreen {
  const states = new Map<string, string>()
  return {
    update(item) {
      if (states.get(item.server) === item.state) return
      states.set(item.server, item.state)
      if (item.state !== 'waiting') io.err(`${item.server}: ${item.image} ${WORDS[item.state]}\n`)
    },
    stop: () => undefined,
  }
}

const WORDS = {
  waiting: 'waiting',
  pulling: 'is being pulled',
  present: 'is on the engine',
  kept: 'is on the engine, which cannot tell whether there is a newer one',
  pulled: 'was pulled',
  refused: 'is refused: no good signature',
  failed: 'could not be pulled',
} as const
const COLORS = {
  present: 'green',
  kept: 'green',
  pulled: 'green',
  refused: 'red',
  failed: 'red',
} as const
const BAR_WIDTH = 20

/** All pulls, a line each. */
export function ProgressList({items}: {items: readonly ProgressItem[]}) {
  return (
    <Box flexDirection="column">
      {items.map(item => (
        <ProgressLine key={item.server} item={item} />
      ))}
    </Box>
  )
}

function ProgressLine({item}: {item: ProgressItem}) {
  const color = item.state === 'waiting' || item.state === 'pulling' ? 'yellow' : COLORS[item.state]
  return (
    <Text wrap="truncate-end">
      {item.server}{' '}
      <Text color={color}>{item.state === 'pulling' ? bar(item) : WORDS[item.state]}</Text>{' '}
      <Text dimColor>{item.image}</Text>
    </Text>
  )
}

function bar({done, total}: ProgressItem): string {
  if (total === 0) return WORDS.pulling
  const filled = Math.min(BAR_WIDTH, Math.floor((done / total) * BAR_WIDTH))
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${megabytes(done)} of ${megabytes(total)} MB`
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
