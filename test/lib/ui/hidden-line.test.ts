import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {HiddenLine, type HiddenState} from '../../../src/lib/ui/hidden-line.ts'

const PASTE = (text: string) => `\u001B[200~${text}\u001B[201~`

/** What the last of these pieces made of the line. */
function typed(...chunks: readonly string[]): HiddenState {
  const line = new HiddenLine()
  let state: HiddenState = {kind: 'typing'}
  for (const chunk of chunks) if (state.kind === 'typing') state = line.feed(chunk)
  return state
}

describe('a hidden line', () => {
  test.for([
    ['what was typed', 'abc\r', 'abc'],
    ['a line feed as Enter', 'abc\n', 'abc'],
    ['a tab', 'a\tb\r', 'a\tb'],
    ['backspace', 'abd\u007Fc\r', 'abc'],
    ['backspace of old terminals', 'abd\bc\r', 'abc'],
    ['backspace over a character of two units', 'a😀\u007Fb\r', 'ab'],
    ['backspace with nothing left', '\u007F\u007Fa\r', 'a'],
    ['Ctrl-U', 'wrong\u0015right\r', 'right'],
    ['Ctrl-W', 'wrong\u0017right\r', 'right'],
    ['Ctrl-D behind a text', 'abc\u0004', 'abc'],
    ['arrow keys', 'a\u001B[Ab\u001BOCc\u001B[1;5D\r', 'abc'],
    ['Escape and Enter', 'abc\u001B\r', 'abc'],
    ['other control keys', 'a\u0001b\u001Ac\r', 'abc'],
    ['a paste', `${PASTE('abc')}\r`, 'abc'],
    ['a paste of one line and its end', `${PASTE('abc\r')}\r`, 'abc'],
    ['a paste of several lines', `${PASTE('a\rb\r\nc\n')}\r`, 'a\nb\nc\n'],
    ['typing around a paste', `x${PASTE('y')}z\r`, 'xyz'],
    ['control characters in a paste', `${PASTE('a\u0001b\u007F')}\r`, 'a\u0001b\u007F'],
    ['nothing', '\r', ''],
  ] as const)('knows %s', ([, keys, text]) => {
    expect(typed(keys)).toEqual({kind: 'done', text})
    // A terminal may bring the keys one by one.
    expect(typed(...Array.from(keys))).toEqual({kind: 'done', text})
  })

  test.for([
    ['Ctrl-C', 'abc\u0003'],
    ['Ctrl-C behind Escape', 'abc\u001B\u0003'],
    ['Ctrl-C in a sequence', 'abc\u001B[\u0003'],
    ['Ctrl-D with nothing typed', '\u0004'],
    ['Ctrl-D with everything taken back', 'a\u007F\u0004'],
  ])('is cancelled by %s', ([, keys = '']) => {
    expect(typed(keys)).toEqual({kind: 'cancelled'})
    expect(typed(...Array.from(keys))).toEqual({kind: 'cancelled'})
  })

  test('is cancelled by Ctrl-C when the end of a paste does not come', () => {
    expect(typed('\u001B[200~abc', '\u0003')).toEqual({kind: 'cancelled'})
  })

  test('is torn when more lines come than one, without the mark of a paste', () => {
    expect(typed('one\rtwo\r')).toEqual({kind: 'torn'})
    expect(typed('one\r\n')).toEqual({kind: 'done', text: 'one'})
  })

  test('gives any text that is pasted, however the terminal cuts it up', () => {
    const texts = fc
      .string({unit: 'grapheme', minLength: 1})
      .filter(text => !text.includes('\r') && !text.includes('\u001B') && text.trimEnd() === text)
    fc.assert(
      fc.property(texts, fc.array(fc.nat({max: 300}), {maxLength: 5}), (text, cuts) => {
        const all = `${PASTE(text)}\r`
        const places = [
          0,
          ...cuts.map(cut => cut % all.length).toSorted((a, b) => a - b),
          all.length,
        ]
        const chunks = places.slice(1).map((end, at) => all.slice(places[at], end))
        // Ctrl-C alone is one, also inside a paste.
        fc.pre(!chunks.includes('\u0003'))
        expect(typed(...chunks)).toEqual({kind: 'done', text})
      }),
    )
  })
})
