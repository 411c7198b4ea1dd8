import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {PluginError} from '../../../src/lib/base/errors.ts'
import {errorData, errorView} from '../../../src/lib/ui/error-view.ts'
import {print, type Format} from '../../../src/lib/ui/format.ts'
import type {Io} from '../../../src/lib/ui/io.ts'
import {table} from '../../../src/lib/ui/table.ts'
import {toolView} from '../../../src/lib/ui/tool-view.ts'
import {visible} from '../../../src/lib/ui/visible.ts'
import {wrap} from '../../../src/lib/ui/wrap.ts'

describe('table', () => {
  test('puts cells under each other, three spaces apart, without blanks at the ends', () => {
    expect(
      table([
        ['NAME', 'N'],
        ['a', '1'],
        ['longer', ''],
      ]),
    ).toBe('NAME     N\na        1\nlonger\n')
  })

  test('keeps a row in one line, whatever is in its cells', () => {
    expect(table([['a\nb', 'c\t d '], ['x']])).toBe('a b   c d\nx\n')
  })

  test('is as wide as it needs without a width, and never wider than a width', () => {
    const cell = fc.string()
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, {maxLength: 4})),
        fc.integer({min: 1, max: 200}),
        (rows, width) => {
          const lines = table(rows, width).split('\n')
          expect(lines).toHaveLength(rows.length + 1)
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
        },
      ),
    )
  })
})

describe('wrap', () => {
  test('breaks at spaces and leaves long words whole', () => {
    expect(wrap('one two three four', 11, '')).toEqual(['one two', 'three four'])
    expect(wrap('a https://example.com/very/long b', 10, '  ')).toEqual([
      '  a',
      '  https://example.com/very/long',
      '  b',
    ])
  })

  test('loses and adds no word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^\S+$/), {minLength: 1}),
        fc.nat(100),
        (words, columns) => {
          const lines = wrap(words.join(' '), columns, '  ')
          expect(lines.join(' ').trim().split(/\s+/)).toEqual(words.join(' ').split(/\s+/))
        },
      ),
    )
  })
})

describe('visible', () => {
  test('shows control characters and leaves line ends and tabs', () => {
    expect(visible('a\u001b[31mb\u0007\tc\r\nd\n\u009b\u007f')).toBe(
      'a\\x1b[31mb\\x07\tc\nd\n\\x9b\\x7f',
    )
    expect(visible('a\u202eb\u2066c\u061cd\u2028e\u2029f')).toBe(
      'a\\u202eb\\u2066c\\u061cd\\u2028e\\u2029f',
    )
  })

  test('leaves no control character but those, and other text as it is', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), text => {
        expect(visible(text)).not.toMatch(/(?![\n\t])[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u)
      }),
    )
    const ordinary = fc.string({unit: 'grapheme'}).filter(text => !/[\u2028\u2029]/u.test(text))
    fc.assert(
      fc.property(ordinary, text => {
        expect(visible(text)).toBe(text)
      }),
    )
  })
})

/** Text with an escape character in it. */
const human = () => 'a\u001bb'

/** An io that keeps what is written to it. */
function memoryIo(outIsTerminal = false): Io & {readonly written: {out: string; err: string}} {
  const written = {out: '', err: ''}
  return {
    written,
    out: text => void (written.out += text),
    err: text => void (written.err += text),
    outIsTerminal,
    errIsTerminal: false,
    columns: 80,
  }
}

describe('print', () => {
  const value = {name: 'x', tools: ['a', 'b']}

  test.each([
    ['human', 'x has 2\n'],
    ['json', '{\n  "name": "x",\n  "tools": [\n    "a",\n    "b"\n  ]\n}\n'],
    ['yaml', 'name: x\ntools:\n  - a\n  - b\n'],
  ] satisfies [Format, string][])('%s', async (format, text) => {
    const io = memoryIo()
    const counted = ({name, tools}: typeof value) => `${name} has ${tools.length}\n`
    await print(io, value, {format, human: counted})
    expect(io.written).toEqual({out: text, err: ''})
  })

  test('gives programs what it is, and terminals what can be seen', async () => {
    const [pipe, terminal] = [memoryIo(), memoryIo(true)]
    await print(pipe, value, {format: 'human', human})
    await print(terminal, value, {format: 'human', human})
    expect(pipe.written.out).toBe('a\u001bb')
    expect(terminal.written.out).toBe('a\\x1bb')
  })
})

describe('errorView', () => {
  const cause = new Error('the disk is full')
  const error = new PluginError('FILE_DENIED', 'cannot write x', {hint: 'make room', cause})

  test('says what happened, and what to do on a line of its own', () => {
    expect(errorView(error, false)).toBe('cannot write x\n  make room\n')
    expect(errorView(new Error('odd'), false)).toBe('odd\n')
    expect(errorView('thrown text', false)).toBe('thrown text\n')
  })

  test('adds where it happened and every cause for debugging', () => {
    const text = errorView(error, true)
    expect(text).toContain('PluginError: cannot write x\n    at ')
    expect(text).toContain('Error: the disk is full\n    at ')
  })
})

describe('errorData', () => {
  test('has a stable code, and a hint when there is one', () => {
    const error = new PluginError('FILE_DENIED', 'cannot write x', {hint: 'make room'})
    expect(errorData(error)).toEqual({
      code: 'FILE_DENIED',
      message: 'cannot write x',
      hint: 'make room',
    })
    expect(errorData(new PluginError('USAGE', 'no'))).toEqual({code: 'USAGE', message: 'no'})
    expect(errorData(new Error('odd'))).toEqual({code: 'INTERNAL', message: 'odd'})
  })
})

describe('toolView', () => {
  test('says what a tool does, what it takes and how to call it', () => {
    const tool = {
      name: 'weigh',
      title: 'Weigh things',
      description: 'Puts things on a scale.\nNeeds a scale.',
      inputSchema: {
        properties: {
          things: {type: 'array', items: {type: 'string'}, description: 'what to weigh'},
          unit: {enum: ['kg', 'lb']},
          exact: {type: ['boolean', 'null']},
          note: true,
        },
        required: ['things', 'unit'],
      },
    }
    expect(toolView(tool)).toBe(
      [
        'weigh: Weigh things',
        'Puts things on a scale.',
        'Needs a scale.',
        '',
        'Arguments:',
        '  things (list of string, required)',
        '      what to weigh',
        '  unit (kg|lb, required)',
        '  exact (boolean|null)',
        '  note (any)',
        '',
        'Call it with:',
        '  docker mcp tools call weigh things=<list of string> unit=<kg|lb>',
        '',
      ].join('\n'),
    )
  })

  test('does without anything but a name', () => {
    expect(toolView({name: 'ping', inputSchema: {}})).toBe(
      'ping\n\nArguments:\n  none\n\nCall it with:\n  docker mcp tools call ping\n',
    )
  })
})
