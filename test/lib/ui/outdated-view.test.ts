import {describe, expect, test} from 'vitest'
import {outdatedView} from '../../../src/lib/ui/outdated-view.ts'

const digest = (digit: string) => `sha256:${digit.repeat(64)}`

describe('outdatedView', () => {
  test('shows digests short, reasons below, and how to update', () => {
    const text = outdatedView(
      [
        {name: 'old', image: 'a/old:1', state: 'outdated', here: digest('1'), there: digest('2')},
        {name: 'far', image: 'a/far:1', state: 'unknown', reason: 'it said no', next: 'sign in'},
        {name: 'away', state: 'no image'},
      ],
      Number.POSITIVE_INFINITY,
    )
    expect(text).toBe(
      [
        'NAME   STATE      HERE           THERE          IMAGE',
        'old    outdated   111111111111   222222222222   a/old:1',
        'far    unknown    -              -              a/far:1',
        'away   no image   -              -              -',
        '',
        'far: it said no',
        '  sign in',
        '',
        'Update with: docker mcp server install --update old',
        '',
      ].join('\n'),
    )
  })

  test('fits its table into a terminal, and wraps the reasons', () => {
    const image = `registry.example/${'long/'.repeat(30)}name:1`
    const reason = 'it did not answer '.repeat(20)
    const lines = outdatedView([{name: 'one', image, state: 'unknown', reason}], 80).split('\n')
    expect(lines.filter(line => line.length > 80)).toEqual([])
    expect(lines.length).toBeGreaterThan(6)
  })

  test('has a word for nobody', () => {
    expect(outdatedView([], 80)).toBe('No server is enabled.\n')
  })
})
