import {validateHeaderName, validateHeaderValue} from 'node:http'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {Json, JsonObject} from '../../../../src/lib/base/json.ts'
import {encodeHeaderValue} from '../../../../src/lib/gateway/wire/mirror.ts'
import {
  paramFault,
  paramHeadersOf,
  paramValues,
} from '../../../../src/lib/gateway/wire/param-headers.ts'

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: 'object',
  properties,
  ...more,
})
const at = (header: Json, type: Json = 'string'): JsonObject => ({type, 'x-mcp-header': header})
const parsed = (text: string): JsonObject => JSON.parse(text)

describe('paramHeadersOf', () => {
  test.each<[string, Json, {header: string; path: string[]}[]]>([
    ['no schema', null, []],
    ['no annotation', object({a: {type: 'string'}}), []],
    ['a string', object({a: at('Region')}), [{header: 'mcp-param-region', path: ['a']}]],
    ['an integer', object({a: at('N', 'integer')}), [{header: 'mcp-param-n', path: ['a']}]],
    ['a boolean', object({a: at('B', 'boolean')}), [{header: 'mcp-param-b', path: ['a']}]],
    [
      'a string that may be null',
      object({a: at('S', ['string', 'null'])}),
      [{header: 'mcp-param-s', path: ['a']}],
    ],
    [
      'a nested property',
      object({a: object({b: object({c: at('Deep')})})}),
      [{header: 'mcp-param-deep', path: ['a', 'b', 'c']}],
    ],
    ['a property of that name', object({'x-mcp-header': {type: 'number'}}), []],
    ['data that looks like one', object({a: {type: 'object', default: {'x-mcp-header': ''}}}), []],
    [
      'a property that is named like a keyword',
      object({items: at('I'), default: at('D')}),
      [
        {header: 'mcp-param-d', path: ['default']},
        {header: 'mcp-param-i', path: ['items']},
      ],
    ],
    [
      'names of prototypes',
      object(parsed('{"__proto__": {"type": "string", "x-mcp-header": "__proto__"}}')),
      [{header: 'mcp-param-__proto__', path: ['__proto__']}],
    ],
  ])('finds the headers of %s', (_case, schema, expected) => {
    const found = paramHeadersOf(schema)
    expect(
      'invalid' in found ? found : found.toSorted((a, b) => (a.header < b.header ? -1 : 1)),
    ).toEqual(expected)
  })

  const under = 'x-mcp-header "X" does not stand at a property that "properties" alone lead to'
  const untyped = 'x-mcp-header "X" stands at what is no string, integer or boolean'
  test.each<[string, JsonObject, string]>([
    ['empty', object({a: at('')}), 'x-mcp-header is empty'],
    ['no text', object({a: at(7)}), 'x-mcp-header is no text'],
    [
      'with a space',
      object({a: at('My Region')}),
      'x-mcp-header "My Region" is no name of a header',
    ],
    ['with a colon', object({a: at('A:B')}), 'x-mcp-header "A:B" is no name of a header'],
    ['not ASCII', object({a: at('Région')}), 'x-mcp-header "Région" is no name of a header'],
    [
      'with a line break',
      object({a: at('A\r\nB')}),
      'x-mcp-header "A\\r\\nB" is no name of a header',
    ],
    ['there twice', object({a: at('X'), b: at('X')}), 'two x-mcp-header are "X"'],
    ['there in other case', object({b: at('xY'), a: at('Xy')}), 'two x-mcp-header are "xY"'],
    ['at a number', object({a: at('X', 'number')}), untyped],
    ['at an object', object({a: at('X', 'object')}), untyped],
    ['at an array', object({a: at('X', 'array')}), untyped],
    ['at null', object({a: at('X', 'null')}), untyped],
    ['at two types', object({a: at('X', ['string', 'integer'])}), untyped],
    ['at no type', object({a: {'x-mcp-header': 'X'}}), untyped],
    ['at a reference', object({a: {$ref: '#/$defs/a', 'x-mcp-header': 'X'}}), untyped],
    ['at the root', object({}, {'x-mcp-header': 'X'}), under],
    ['under items', object({a: {type: 'array', items: at('X')}}), under],
    ['under prefixItems', object({a: {prefixItems: [at('X')]}}), under],
    ['under oneOf', object({a: {oneOf: [at('X')]}}), under],
    ['under anyOf', object({}, {anyOf: [object({a: at('X')})]}), under],
    ['under allOf', object({}, {allOf: [object({a: at('X')})]}), under],
    ['under not', object({}, {not: object({a: at('X')})}), under],
    ['under if', object({}, {if: object({a: at('X')})}), under],
    ['under $defs', object({}, {$defs: {default: at('X')}}), under],
    ['under patternProperties', object({}, {patternProperties: {a: at('X')}}), under],
    ['under additionalProperties', object({}, {additionalProperties: at('X')}), under],
  ])('refuses an annotation that is %s', (_case, schema, invalid) => {
    expect(paramHeadersOf(schema)).toEqual({invalid})
  })

  test('refuses a tool with more headers than a server would take', () => {
    const many = Array.from({length: 101}, (_, index) => [`p${index}`, at(`H${index}`)])
    expect(paramHeadersOf(object(Object.fromEntries(many)))).toEqual({
      invalid: 'it has more than 100 headers',
    })
  })
})

describe('paramValues', () => {
  const headers = [{header: 'mcp-param-x', path: ['a', 'b']}]
  test.each<[Json, string | undefined]>([
    ['us west 1', 'us west 1'],
    ['', '=?base64??='],
    [' padded ', '=?base64?IHBhZGRlZCA=?='],
    ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
    ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
    ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
    [-7, '-7'],
    [2 ** 53, undefined],
    [1.5, undefined],
    [true, 'true'],
    [false, 'false'],
    [null, undefined],
    [['x'], undefined],
    [{c: 'x'}, undefined],
  ])('writes %j', (value, expected) => {
    expect(paramValues(headers, {a: {b: value}}).get('mcp-param-x')).toBe(expected)
  })

  test.each<[string, Json | undefined]>([
    ['no arguments', undefined],
    ['an array on the way', {a: [{b: 'x'}]}],
    ['text on the way', {a: 'x'}],
    ['nothing there', {}],
  ])('has no header for %s', (_case, args) => {
    expect(paramValues(headers, args).size).toBe(0)
  })

  test('takes nothing from a prototype', () => {
    const inherited = [
      {header: 'mcp-param-p', path: ['constructor', 'name']},
      {header: 'mcp-param-q', path: ['__proto__', 'x']},
    ]
    expect(paramValues(inherited, {}).size).toBe(0)
    const own = paramValues(inherited, parsed('{"__proto__": {"x": "own"}}'))
    expect(own).toEqual(new Map([['mcp-param-q', 'own']]))
  })
})

const NAMES = [
  'properties',
  'items',
  'anyOf',
  '$defs',
  'type',
  'x-mcp-header',
  '__proto__',
  'a',
  'b',
]
const anySchema = fc.letrec<{node: Json}>(tie => ({
  node: fc.oneof(
    {maxDepth: 4, depthSize: 'small'},
    fc.constantFrom<Json>('string', 'integer', 'object', 'Region', 'A\nB', '', 1, null),
    fc.string(),
    fc.array(tie('node'), {maxLength: 3}),
    fc
      .array(fc.tuple(fc.constantFrom(...NAMES), tie('node')), {maxLength: 4})
      .map(members => Object.fromEntries(members)),
    fc
      .tuple(fc.constantFrom('string', 'integer'), fc.oneof(fc.string(), fc.constantFrom('X', 'Y')))
      .map(([type, header]) => ({type, 'x-mcp-header': header})),
  ),
})).node

test('whatever schema and arguments are, what goes out are headers of HTTP', () => {
  const few = {maxKeys: 3}
  const name = fc.constantFrom(...NAMES)
  const properties = fc.dictionary(name, anySchema, few)
  const args = fc.dictionary(name, fc.oneof(fc.string({unit: 'binary'}), anySchema), few)
  fc.assert(
    fc.property(anySchema, properties, args, (schema, reachable, given) => {
      const found = [paramHeadersOf(schema), paramHeadersOf({properties: reachable})]
      for (const headers of found) {
        if ('invalid' in headers) continue
        for (const [header, value] of paramValues(headers, given)) {
          validateHeaderName(header)
          validateHeaderValue(header, value)
          expect(new Headers([[header, value]]).get(header)).toBe(value)
        }
      }
    }),
  )
})

test('every text that a property holds comes back from its header', () => {
  fc.assert(
    fc.property(fc.string({unit: 'grapheme'}), text => {
      const value = paramValues([{header: 'h', path: ['a']}], {a: text}).get('h') ?? ''
      const base64 = /^=\?base64\?(.*)\?=$/.exec(value)?.[1]
      expect(base64 === undefined ? value : Buffer.from(base64, 'base64').toString()).toBe(text)
    }),
  )
})

const said = (entries: Record<string, string>) => new Map(Object.entries(entries))

describe('what a client has put into headers', () => {
  const headers = [
    {header: 'mcp-param-s', path: ['s']},
    {header: 'mcp-param-n', path: ['o', 'n']},
  ]

  test.each<[JsonObject, Record<string, string>]>([
    [{s: 'x'}, {'mcp-param-s': 'x'}],
    [{s: 'Grüße'}, {'mcp-param-s': encodeHeaderValue('Grüße')}],
    [{o: {n: 42}}, {'mcp-param-n': '42.0'}],
    [{s: null}, {}],
    [{s: {}}, {}],
    [{}, {'mcp-param-other': 'y'}],
  ])('is right for %j as %j', (args, entries) => {
    expect(paramFault(headers, args, said(entries))).toBeUndefined()
  })

  test.each<[JsonObject, Record<string, string>]>([
    [{s: 'x'}, {}],
    [{s: 'x'}, {'mcp-param-s': 'y'}],
    [{s: 'x'}, {'mcp-param-s': '=?base64?!!?='}],
    [{o: {n: 42}}, {'mcp-param-n': '43'}],
    [{}, {'mcp-param-s': 'x'}],
    [{s: '42'}, {'mcp-param-s': '42.1'}],
  ])('is wrong for %j as %j', (args, entries) => {
    expect(paramFault(headers, args, said(entries))).toMatch(/^mcp-param-/)
  })

  test('is right for every text that is written as clients write it', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), text => {
        const given = said({'mcp-param-s': encodeHeaderValue(text)})
        expect(paramFault(headers, {s: text}, given)).toBeUndefined()
      }),
    )
  })
})
