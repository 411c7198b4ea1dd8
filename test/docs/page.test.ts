import {describe, expect, test} from 'vitest'

import {missingLine, stepsOf} from './page.ts'

describe('stepsOf', () => {
  test('finds the blocks that are marked, each with the output right below it', () => {
    const page = [
      'Do this:',
      '```sh run',
      'echo a',
      '```',
      '',
      '```text',
      'a',
      '```',
      '```sh',
      'rm -r /',
      '```',
      '```sh run fails',
      'false',
      '```',
      'It prints:',
      '```text',
      'b',
      '```',
    ].join('\n')
    expect(stepsOf(page)).toEqual([
      {line: 2, how: 'run', script: 'echo a', output: ['a']},
      {line: 12, how: 'run fails', script: 'false', output: []},
    ])
  })
})

describe('missingLine', () => {
  test.for([
    [['a', 'c'], undefined],
    [['a', '…', 'c'], undefined],
    [['t… ms'], undefined],
    [['c', 'a'], 'a'],
    [['x'], 'x'],
    [['.'], '.'],
  ] as const)('says of %j what is not there: %j', ([wanted, missing]) => {
    expect(missingLine(wanted, 'a\nb\ntook 3 ms\nc\n')).toBe(missing)
  })
})
