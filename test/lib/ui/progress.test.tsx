import {Box} from 'ink'
import {render} from 'ink-testing-library'
import {describe, expect, test} from 'vitest'

import type {Io} from '../../../src/lib/ui/io.ts'
import {ProgressList, showProgress, type ProgressItem} from '../../../src/lib/ui/progress.tsx'

const IMAGE = 'registry.example/team/a-server-with-a-rather-long-name-that-does-not-fit:2026.8.31'
const item = (rest: Partial<ProgressItem>): ProgressItem => ({
  server: 'fetch',
  image: 'mcp/fetch',
  state: 'waiting',
  done: 0,
  total: 0,
  ...rest,
})

/** What the list looks like on a terminal of 80 columns, without colours. */
function shown(items: readonly ProgressItem[]): readonly string[] {
  const {lastFrame, unmount} = render(
    <Box width={80}>
      <ProgressList items={items} />
    </Box>,
  )
  const frame = lastFrame() ?? ''
  unmount()
  return frame.split('\n')
}

describe('ProgressList', () => {
  test('has a line for each server, with a bar where bytes are known', () => {
    expect(
      shown([
        item({}),
        item({server: 'time', image: 'mcp/time', state: 'pulling'}),
        item({server: 'git', image: 'mcp/git', state: 'pulling', done: 5e6, total: 20e6}),
        item({server: 'a', image: 'mcp/a', state: 'pulled', done: 2, total: 2}),
        item({server: 'b', image: 'mcp/b', state: 'present'}),
        item({server: 'c', image: 'mcp/c', state: 'failed'}),
      ]),
    ).toEqual([
      'fetch waiting mcp/fetch',
      'time is being pulled mcp/time',
      'git █████░░░░░░░░░░░░░░░ 5.0 of 20.0 MB mcp/git',
      'a was pulled mcp/a',
      'b is on the engine mcp/b',
      'c could not be pulled mcp/c',
    ])
  })

  test('keeps each line within 80 columns', () => {
    const lines = shown([item({image: IMAGE, state: 'pulling', done: 1e9, total: 2e9})])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toHaveLength(80)
    expect(lines[0]).toMatch(/^fetch █{10}░{10} 1000\.0 of 2000\.0 MB registry.*…$/)
  })

  test.each([
    [0, 0],
    [0.9, 0],
    [10, 10],
    [19.9, 19],
    [20, 20],
    [30, 20],
  ])('fills for %d of 20 MB %d of 20 cells', (megabytes, cells) => {
    const [line = ''] = shown([item({state: 'pulling', done: megabytes * 1e6, total: 20e6})])
    expect([...line.matchAll(/█/g)]).toHaveLength(cells)
    expect([...line.matchAll(/[█░]/g)]).toHaveLength(20)
  })
})

describe('showProgress without a terminal', () => {
  test('writes one line for each change of state', () => {
    let err = ''
    const io: Io = {
      out: () => undefined,
      err: text => void (err += text),
      outIsTerminal: false,
      errIsTerminal: false,
      columns: 80,
    }
    const screen = showProgress(io, process.stderr)
    for (const state of ['waiting', 'pulling', 'pulling', 'pulled'] as const) {
      screen.update(item({state}))
    }
    screen.update(item({server: 'git', image: 'mcp/git', state: 'failed'}))
    screen.stop()
    expect(err).toBe(
      'fetch: mcp/fetch is being pulled\nfetch: mcp/fetch was pulled\ngit: mcp/git could not be pulled\n',
    )
  })
})
