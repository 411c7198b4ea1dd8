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
        const value = renderText(evaluateTemplate(parts.join(''), {fs: {paths: ['/a']}}))
        expect(value.replaceAll('{"paths":["/a"]}', '')).not.toMatch(/\{\{|\}\}/u)
      }),
    )
  })

  test('reads a long hostile text', () => {
    expect(evaluateTemplate('{{'.repeat(200_000), {})).toBe('')
    expect(evaluateTemplate(`${'}}'.repeat(200_000)}x`, {})).toBe('x')
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
