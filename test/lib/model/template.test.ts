import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {Json, JsonObject} from '../../../src/lib/base/json.ts'
import {
  evaluateTemplate,
  evaluateTemplateList,
  renderText,
  templateContext,
} from '../../../src/lib/model/template.ts'

const CONTEXT: JsonObject = {
  fs: {
    paths: ['/work', 'C:\\Users\\me'],
    one: '/data',
    win: 'D:/games',
    none: [],
    blank: '',
    nothing: null,
    port: 8080,
    on: true,
    off: false,
    deep: {er: {text: 'found'}},
    nested: [['a', 'b'], 'c'],
  },
  a_b: {key: 'dotted'},
}

describe('evaluateTemplate', () => {
  const table: readonly (readonly [string, Json])[] = [
    ['plain', 'plain'],
    ['', ''],
    ['{{fs.one}}', '/data'],
    ['{{ fs . one }}', '/data'],
    ['{{fs.deep.er.text}}', 'found'],
    ['{{a_b.key}}', 'dotted'],
    // A lone expression keeps its type.
    ['{{fs.port}}', 8080],
    ['{{fs.on}}', true],
    ['{{fs.off}}', false],
    ['{{fs.paths}}', ['/work', 'C:\\Users\\me']],
    // Text around it makes everything text.
    ['--port={{fs.port}}', '--port=8080'],
    ['{{fs.on}}{{fs.off}}', 'truefalse'],
    ['--dirs={{fs.paths}}', '--dirs=/work,C:\\Users\\me'],
    ['x{{fs.deep}}', 'x{"er":{"text":"found"}}'],
    ['{{fs.one}}:/in:ro', '/data:/in:ro'],
    // A path that leads nowhere is empty text.
    ['{{fs.absent}}', ''],
    ['{{fs.one.deeper}}', ''],
    ['{{fs.paths.0}}', ''],
    ['{{absent}}', ''],
    ['{{fs.nothing}}', ''],
    ['{{}}', ''],
    ['{{constructor.name}}', ''],
    ['{{__proto__.x}}', ''],
    // Braces outside an expression vanish.
    ['a{b}c', 'abc'],
    ['{"u":"{{fs.one}}"}', '"u":"/data"'],
    ['{{fs.one', 'fs.one'],
    ['fs.one}}', 'fs.one'],
    // Filters.
    ['{{fs.one|volume}}', '/data:/data'],
    ['{{fs.win|volume}}', 'D:/games:/D/games'],
    ['{{fs.paths|volume}}', ['/work:/work', 'C:\\Users\\me:/C/Users/me']],
    ['{{fs.blank|volume}}', ''],
    ['{{fs.one|volume-target}}', '/data'],
    ['{{fs.paths|volume-target}}', ['/work', '/C/Users/me']],
    ['{{fs.one|into}}', ['/data']],
    ['{{fs.paths|into}}', ['/work', 'C:\\Users\\me']],
    ['{{fs.port|into}}', [8080]],
    ['{{fs.absent|into}}', ['']],
    ['{{fs.paths|first}}', '/work'],
    ['{{fs.paths|last}}', 'C:\\Users\\me'],
    ['{{fs.none|first}}', ''],
    ['{{fs.none|last}}', ''],
    ['{{fs.one|first}}', '/data'],
    ['{{fs.one|last}}', '/data'],
    ['{{fs.absent|or:fallback}}', 'fallback'],
    ['{{fs.nothing|or:fallback}}', 'fallback'],
    ['{{fs.one|or:fallback}}', '/data'],
    ['{{fs.off|or:fallback}}', false],
    ['{{fs.none|or:[a, b]}}', ['a', 'b']],
    ['{{fs.none|or:[]}}', []],
    ['{{fs.absent|or:[]|volume|into}}', []],
    ['{{fs.absent|or}}', ''],
    ['{{fs.absent|volume|into|or:[vol:/files]}}', ['vol:/files']],
    ['{{fs.paths|volume|into|or:[vol:/files]}}', ['/work:/work', 'C:\\Users\\me:/C/Users/me']],
    ['{{fs.one|mount_as:/in:ro}}', '/data:/in:ro'],
    ['{{fs.paths|mount_as:/in}}', '/work:/in'],
    ['{{fs.absent|mount_as:/in}}', ''],
    ['{{fs.none|mount_as:/in}}', ''],
    ['{{fs.one|safe}}', '/data'],
    ['{{ fs.one | volume | into }}', ['/data:/data']],
  ]
  for (const [expression, expected] of table) {
    test(`gives ${JSON.stringify(expected)} for ${JSON.stringify(expression)}`, () => {
      expect(evaluateTemplate(expression, CONTEXT)).toEqual(expected)
    })
  }

  test('gives text without braces back as it is', () => {
    fc.assert(
      fc.property(fc.string({unit: 'grapheme'}), text => {
        fc.pre(!/[{}]/u.test(text))
        expect(evaluateTemplate(text, CONTEXT)).toBe(text)
      }),
    )
  })

  test('gives any value back, with its type, for a lone path', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const json: Json = JSON.parse(JSON.stringify(value))
        expect(evaluateTemplate('{{v}}', {v: json})).toEqual(json ?? '')
      }),
    )
  })

  test('never throws, and never leaves a brace of the expression', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '{{',
        '}}',
        '|',
        ':',
        '.',
        'fs',
        'paths',
        'or',
        'volume',
        ' ',
        '\n',
      ),
    )
    fc.assert(
      fc.property(pieces, parts => {
        const text = parts.join('')
        // A default is text as it is written.
        fc.pre(!/or\s*:[^|]*\{\{/u.test(text))
        const value = renderText(evaluateTemplate(text, {fs: {paths: ['/a']}}))
        expect(value.replaceAll('{"paths":["/a"]}', '')).not.toMatch(/\{\{|\}\}/u)
      }),
    )
  })

  test('reads a long hostile text', () => {
    expect(evaluateTemplate('{{'.repeat(200_000), {})).toBe('')
    expect(evaluateTemplate(`${'}}'.repeat(200_000)}x`, {})).toBe('x')
  })
})

/** What the reference says of docker's own gateway, filter by filter, in its words. */
describe('the same as docker’s gateway', () => {
  const context: JsonObject = {
    io_github_x: {
      one: '/data',
      list: ['/a', '/b'],
      empty: [],
      blank: '',
      nil: null,
      n: 7,
      yes: true,
      win: 'C:\\Users\\me',
      deep: {er: 'x'},
    },
  }
  const table: readonly (readonly [string, string, Json])[] = [
    ['braces in literals vanish', 'a{b}c{{io_github_x.one}}}', 'abc/data'],
    ['a name with dots is one with underscores', '{{io_github_x.one}}', '/data'],
    ['spaces are trimmed', '{{  io_github_x.one  |  into  }}', ['/data']],
    ['what is missing is empty text', '[{{io_github_x.gone}}]', '[]'],
    ['a lone list stays a list', '{{io_github_x.list}}', ['/a', '/b']],
    ['parts are joined as text', 'n={{io_github_x.n}}', 'n=7'],
    ['filters that are none do nothing', '{{io_github_x.one|nothing|x:y}}', '/data'],
    ['volume: x to x:x', '{{io_github_x.one|volume}}', '/data:/data'],
    ['volume: over lists', '{{io_github_x.list|volume}}', ['/a:/a', '/b:/b']],
    ['volume: a drive to a path', '{{io_github_x.win|volume}}', 'C:\\Users\\me:/C/Users/me'],
    ['volume: nothing stays nothing', '{{io_github_x.blank|volume}}', ''],
    ['volume-target', '{{io_github_x.win|volume-target}}', '/C/Users/me'],
    ['into: one to a list', '{{io_github_x.n|into}}', [7]],
    ['into: a list as it is', '{{io_github_x.list|into}}', ['/a', '/b']],
    ['first', '{{io_github_x.list|first}}', '/a'],
    ['last', '{{io_github_x.list|last}}', '/b'],
    ['or: for empty text', '{{io_github_x.blank|or:d}}', 'd'],
    ['or: for nil', '{{io_github_x.nil|or:d}}', 'd'],
    ['or: not for what is set', '{{io_github_x.yes|or:d}}', true],
    ['or: for an empty list, a list', '{{io_github_x.empty|or:[a,b]}}', ['a', 'b']],
    ['or: for an empty list, none', '{{io_github_x.empty|or:[]}}', []],
    ['mount_as', '{{io_github_x.one|mount_as:/in:rw}}', '/data:/in:rw'],
    ['mount_as: the first of a list', '{{io_github_x.list|mount_as:/in}}', '/a:/in'],
    ['mount_as: empty stays empty', '{{io_github_x.blank|mount_as:/in}}', ''],
  ]
  test.each(table)('%s: %s', (_what, expression, expected) => {
    expect(evaluateTemplate(expression, context)).toEqual(expected)
  })

  test('in a command, lists are flattened and empty entries stay', () => {
    const command = ['run', '{{io_github_x.list}}', '{{io_github_x.gone}}', '{{io_github_x.empty}}']
    expect(evaluateTemplateList(command, context)).toEqual(['run', '/a', '/b', ''])
  })
})

/** Each of these was decided; docker's gateway does something else there that helps nobody. */
describe('other than docker’s gateway', () => {
  test('a lone number or boolean in a list is its text, not Go’s `<int Value>`', () => {
    expect(evaluateTemplateList(['{{x.n}}', '{{x.b}}'], {x: {n: 7, b: false}})).toEqual([
      '7',
      'false',
    ])
  })

  test('a list inside of text has commas, not Go’s brackets', () => {
    expect(evaluateTemplate('--dirs={{x.l}}', {x: {l: ['a', 'b']}})).toBe('--dirs=a,b')
  })

  test('or counts a list of nothing but empty texts as empty, which into makes of what is not set', () => {
    expect(evaluateTemplate('{{x.gone|into|or:[d]}}', {x: {}})).toEqual(['d'])
  })

  test('the home is written out where a mount needs it', () => {
    const context = templateContext('x', {path: '~/notes'}, '/home/me')
    expect(evaluateTemplate('{{x.path|volume}}', context)).toBe('/home/me/notes:/home/me/notes')
  })
})

describe('evaluateTemplateList', () => {
  const table: readonly (readonly [readonly string[], readonly string[]])[] = [
    [[], []],
    [
      ['run', '--dir={{fs.one}}'],
      ['run', '--dir=/data'],
    ],
    [
      ['{{fs.paths}}', 'end'],
      ['/work', 'C:\\Users\\me', 'end'],
    ],
    [
      ['{{fs.port}}', '{{fs.on}}'],
      ['8080', 'true'],
    ],
    [['{{fs.port|into}}'], ['8080']],
    [
      ['{{fs.absent}}', ''],
      ['', ''],
    ],
    [['{{fs.none}}'], []],
    [['{{fs.nested}}'], ['a,b', 'c']],
  ]
  for (const [expressions, expected] of table) {
    test(`gives ${JSON.stringify(expected)} for ${JSON.stringify(expressions)}`, () => {
      expect(evaluateTemplateList(expressions, CONTEXT)).toEqual(expected)
    })
  }

  test('has one entry for each item of every list', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string())), lists => {
        const context = Object.fromEntries(lists.map((list, index) => [`l${index}`, list]))
        const expressions = lists.map((_, index) => `{{l${index}}}`)
        expect(evaluateTemplateList(expressions, context)).toEqual(lists.flat())
      }),
    )
  })
})

describe('templateContext', () => {
  test('puts the values under the name, with underscores for dots', () => {
    const context = templateContext('io.github.x', {key: 1}, '/home/me')
    expect(context).toEqual({io_github_x: {key: 1}, '~': '/home/me'})
    expect(evaluateTemplate('{{io_github_x.key}}', context)).toBe(1)
  })

  test.each([
    ['{{x.a|volume}}', '~/notes', '/home/me/notes:/home/me/notes'],
    ['{{x.a|volume-target}}', '~/notes', '/home/me/notes'],
    ['{{x.a|mount_as:/data}}', '~/notes', '~/notes:/data'],
    ['{{x.a}}', '~/notes', '~/notes'],
    ['{{x.a|volume}}', '~other/notes', '~other/notes:~other/notes'],
  ])('writes the home out where a mount needs it: %s of %s', (expression, a, expected) => {
    expect(evaluateTemplate(expression, templateContext('x', {a}, '/home/me'))).toBe(expected)
  })
})
