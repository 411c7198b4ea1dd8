import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isJsonObject, type Json, type JsonObject} from '../../../../src/lib/base/json.ts'
import {validateArguments} from '../../../../src/lib/gateway/pipeline/validate.ts'
import {isResult} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {answering, callOf} from '../../../support/calls.ts'

/** What a call with these arguments is told, or `sent`. */
async function told(inputSchema: Json, given?: Json): Promise<string> {
  const params = given === undefined ? {} : {arguments: given}
  const call = {...callOf('tool', params), definition: {name: 'thing', inputSchema}}
  const answer = await validateArguments()(answering({content: []}))(call)
  if (!isResult(answer)) throw new Error('no result')
  const {isError, content} = answer.result
  if (!isError) return 'sent'
  const [block] = Array.isArray(content) ? content : []
  return isJsonObject(block) && typeof block['text'] === 'string' ? block['text'] : ''
}

/** The sentences of a refusal. */
async function problems(properties: JsonObject, given: Json, more: JsonObject = {}) {
  const text = await told({type: 'object', properties, ...more}, given)
  return text === 'sent' ? text : text.split('\n- ').slice(1)
}

const strict = {additionalProperties: false}

describe('validateArguments', () => {
  test('sends what fits', async () => {
    const properties = {url: {type: 'string'}, depth: {type: 'integer', minimum: 1}}
    const given = {url: 'https://example.test', depth: 2}
    expect(await problems(properties, given, {required: ['url'], ...strict})).toBe('sent')
  })

  test('takes null for what may be left out, and for nothing else', async () => {
    const inner = {type: 'object', properties: {deep: {type: 'integer'}}}
    const properties = {need: {type: 'string'}, may: {type: 'boolean'}, inner}
    const more = {required: ['need'], ...strict}
    const given = {need: 'x', may: null, inner: {deep: null}}
    expect(await problems(properties, given, more)).toBe('sent')
    expect(await problems(properties, {need: null}, more)).toEqual(['need must be string'])
    expect(await problems(properties, {need: 'x', other: null}, more)).not.toBe('sent')
  })

  test('refuses the rest as a failed result that names the tool and says that it was not called', async () => {
    expect(await told({type: 'object', required: ['url']}, {})).toBe(
      'The arguments do not fit tool thing of server demo, so it was not called:\n- url is missing',
    )
  })

  test('takes no arguments for none', async () => {
    expect(await told({type: 'object'})).toBe('sent')
    expect(await told({type: 'object'}, null)).toBe('sent')
    expect(await told({type: 'object', required: ['a']})).toMatch(/- a is missing$/)
  })

  test.each<[string, JsonObject, Json, string]>([
    ['a type', {type: 'string'}, 5, 'must be string'],
    ['types', {type: ['string', 'null']}, 5, 'must be string or null'],
    ['a whole number', {type: 'integer'}, 1.5, 'must be integer'],
    ['choices', {enum: ['fast', 'slow', 3]}, 'quick', 'must be one of "fast", "slow", 3'],
    ['a constant', {const: null}, 0, 'must be null'],
    ['a minimum', {minimum: 3}, 2, 'must be at least 3'],
    ['a maximum', {maximum: 3}, 4, 'must be at most 3'],
    ['a bound', {exclusiveMinimum: 3}, 3, 'must be more than 3'],
    ['another bound', {exclusiveMaximum: 3}, 3, 'must be less than 3'],
    ['steps', {multipleOf: 5}, 12, 'must be a multiple of 5'],
    ['a length', {minLength: 2}, '\u{1f600}', 'must have at least 2 characters'],
    ['a longest length', {maxLength: 2}, 'abc', 'must have at most 2 characters'],
    ['items', {minItems: 1}, [], 'must have at least 1 items'],
    ['fewer items', {maxItems: 1}, [1, 2], 'must have at most 1 items'],
    ['members', {minProperties: 1}, {}, 'must have at least 1 members'],
    ['fewer members', {maxProperties: 0}, {a: 1}, 'must have at most 0 members'],
    [
      'alternatives',
      {anyOf: [{type: 'string'}, {enum: [1, 2]}, {const: true}]},
      [],
      'must be string or one of 1, 2 or true',
    ],
    [
      'alternatives of objects',
      {oneOf: [{type: 'object', required: ['a', 'b']}, {type: 'null'}]},
      'x',
      'must be object with a, b or null',
    ],
  ])('says where %s would be right', async (_, schema, value, sentence) => {
    expect(await problems({it: schema}, {it: value})).toEqual([`it ${sentence}`])
  })

  test('gives places inside', async () => {
    const filters = {
      type: 'array',
      items: {type: 'object', properties: {'a/b~c %': {type: 'string'}}, required: ['name']},
    }
    expect(await problems({filters}, {filters: [{name: 'x'}, {'a/b~c %': 1}]})).toEqual([
      'filters[1].name is missing',
      'filters[1].a/b~c % must be string',
    ])
  })

  test('names near ones for a name that is not known, and only where no others are allowed', async () => {
    const properties = {width: {type: 'number'}, height: {type: 'number'}}
    expect(await problems(properties, {widht: 1}, strict)).toEqual([
      'widht is not known here; near to it: width',
    ])
    expect(await problems(properties, {qqqqqq: 1}, strict)).toEqual(['qqqqqq is not known here'])
    expect(await problems(properties, {widht: 1})).toBe('sent')
  })

  test('points from a missing name to what was given for it', async () => {
    expect(await problems({query: {type: 'string'}}, {qurey: 'x'}, {required: ['query']})).toEqual([
      'query is missing; qurey was given',
    ])
  })

  test('tells of the alternative that was meant', async () => {
    const model = {type: 'object', properties: {n: {type: 'number'}}, required: ['n']}
    const schema = {anyOf: [{$ref: '#/$defs/Model'}, {type: 'null'}]}
    expect(await problems({it: schema}, {it: {n: 'x'}}, {$defs: {Model: model}})).toEqual([
      'it.n must be number',
    ])
    expect(await problems({it: schema}, {it: null}, {$defs: {Model: model}})).toBe('sent')
  })

  test('follows local references, those of draft 7 without what stands beside them', async () => {
    const more = {definitions: {'a b': {type: 'string'}}}
    const it = {$ref: '#/definitions/a%20b', maxLength: 1}
    expect(await problems({it}, {it: 1}, more)).toEqual(['it must be string'])
    expect(await problems({it}, {it: 'abc'}, more)).toEqual(['it must have at most 1 characters'])
    const draft7 = {...more, $schema: 'http://json-schema.org/draft-07/schema#'}
    expect(await problems({it}, {it: 1}, draft7)).toEqual(['it must be string'])
    expect(await problems({it}, {it: 'abc'}, draft7)).toBe('sent')
  })

  test('checks a recursive schema as far as its first round', async () => {
    const tree = {
      type: 'object',
      properties: {name: {type: 'string'}, children: {type: 'array', items: {$ref: '#/$defs/t'}}},
    }
    const more = {$defs: {t: tree}}
    expect(await problems({t: {$ref: '#/$defs/t'}}, {t: {name: 1}}, more)).toEqual([
      't.name must be string',
    ])
    const deep = {t: {children: [{children: [{name: 1}]}]}}
    expect(await problems({t: {$ref: '#/$defs/t'}}, deep, more)).toBe('sent')
  })

  test('never repeats a value', async () => {
    const value = 'a very secret value'
    const schemas = [
      {type: 'number'},
      {enum: [1]},
      {const: 1},
      {maxLength: 1},
      {anyOf: [{type: 'number'}, {type: 'null'}]},
      {type: 'array', items: {type: 'string'}},
    ]
    for (const schema of schemas) {
      const text = await told({properties: {it: schema}}, {it: value})
      expect(text).toMatch(/- it must/)
      expect(text).not.toContain(value)
    }
    expect(await told({properties: {it: {minimum: 5}}}, {it: -4711})).not.toContain('4711')
  })

  test('is short, whatever is wrong', async () => {
    const names = Array.from({length: 15}, (_, i) => `n${i}${'name'.repeat(100)}`)
    const properties = Object.fromEntries(names.map(name => [name, {enum: names.slice(0, 5)}]))
    const given = Object.fromEntries(names.map(name => [name, 1]))
    const text = await told({properties, required: names}, given)
    expect(text).toMatch(/- and \d+ more$/)
    expect(text.length).toBeLessThan(6000)
    expect(await told({properties: {a: {enum: names}}}, {a: 1})).toMatch(/… \(15\)$/)
  })

  test('lets no name write a line of its own', async () => {
    expect(await told(strict, {'a\n- all is well': 1})).toMatch(/\n- a\?- all is well is not known/)
  })

  test.each<[string, Json]>([
    ['no object', 'string'],
    ['an unknown draft', {$schema: 'http://json-schema.org/draft-03/schema#', required: ['a']}],
    ['a draft that is no text', {$schema: 7, required: ['a']}],
    ['a reference elsewhere', {$ref: 'https://example.test/schema'}],
    ['a broken reference', {$ref: '#/$defs/nothing'}],
    ['a reference that is no URI', {$ref: '#/%zz', required: ['a']}],
    ['a reference to itself', {$ref: '#'}],
    [
      'references in a circle',
      {$defs: {a: {$ref: '#/$defs/b'}, b: {$ref: '#/$defs/a'}}, $ref: '#/$defs/a'},
    ],
    ['a pattern', {properties: {it: {pattern: '^(a+)+$'}}}],
    ['a pattern that is not one', {properties: {it: {pattern: '('}}}],
    ['patterns of names', {patternProperties: {'(a+)+$': false}, additionalProperties: false}],
    ['a format', {properties: {it: {format: 'email'}}}],
    ['a negation of what is not evaluated', {properties: {it: {not: {pattern: '^b'}}}}],
    [
      'exactly one, told apart by patterns',
      {properties: {it: {oneOf: [{pattern: '^a'}, {pattern: '^b'}]}}},
    ],
    ['an unknown type', {properties: {it: {type: 'any'}}}],
    ['OpenAPI', {properties: {it: {type: 'number', nullable: true}}}],
    ['draft 3', {properties: {it: {required: true}, other: {required: true}}}],
    ['draft 4', {properties: {it: {minimum: 0, exclusiveMinimum: true}}}],
    ['nonsense', {required: 5, enum: [], properties: [], anyOf: {}, items: 7, multipleOf: 0}],
    ['an id of its own inside', {properties: {it: {$id: 'https://x.test/', $ref: '#/required'}}}],
    ['a reference that is none', {$ref: 5}],
  ])('leaves to the server what has %s', async (_, schema) => {
    expect(await told(schema, {it: `${'a'.repeat(60)}!`})).toBe('sent')
  })

  test('leaves to the server what is too large to try', async () => {
    const many = Array.from({length: 6000}, () => ({type: 'string'}))
    expect(await told({anyOf: many}, {})).toBe('sent')
    const rows = {type: 'array', items: {type: 'string'}}
    expect(await problems({rows}, {rows: Array.from({length: 300_000}, () => 1)})).toBe('sent')
    expect(await problems({it: {maxLength: 5}}, {it: 'x'.repeat(2 ** 23)})).toBe('sent')
    expect(await problems({it: {maxLength: 5}}, {it: 'x'.repeat(2 ** 16)})).toHaveLength(1)
  })

  test('ends on a schema that doubles at every step', async () => {
    const $defs = Object.fromEntries(
      Array.from({length: 60}, (_, i) => {
        const next = {$ref: `#/$defs/d${i + 1}`}
        return [`d${i}`, {anyOf: [next, next]}]
      }),
    )
    expect(await told({$defs: {...$defs, d60: false}, $ref: '#/$defs/d0'}, {})).toBe('sent')
  })

  test('ends on a schema and arguments that are nested as deep as messages may be', async () => {
    let schema: Json = {type: 'string'}
    let given: Json = 1
    for (let i = 0; i < 500; i += 1) {
      schema = {properties: {a: schema}}
      given = {a: given}
    }
    expect(await told(schema, given)).toBe('sent')
  })

  test('has nothing to do with prompts, resources and tools that nobody lists', async () => {
    const definition = {inputSchema: {required: ['a']}}
    const next = answering({done: true})
    for (const call of [{...callOf('prompt'), definition}, callOf('resource'), callOf('tool')]) {
      expect(await validateArguments()(next)(call)).toMatchObject({result: {done: true}})
    }
  })

  test('leaves the definition as it is, which is also frozen now and then', async () => {
    const it = Object.freeze({$ref: '#/$defs/a'})
    const definition = {$defs: {a: {type: 'string'}}, properties: Object.freeze({it})}
    const before = JSON.stringify(definition)
    expect(await told(Object.freeze(definition), {it: 1})).toMatch(/- it must be string$/)
    expect(JSON.stringify(definition)).toBe(before)
    expect(Object.getOwnPropertyNames(it)).toEqual(['$ref'])
  })

  test('never throws, whatever the schema and the arguments', async () => {
    const key = fc.constantFrom(
      '$ref',
      '$id',
      '$defs',
      'type',
      'enum',
      'const',
      'required',
      'properties',
      'items',
      'allOf',
      'anyOf',
      'oneOf',
      'not',
      'additionalProperties',
      'pattern',
      'multipleOf',
      'minLength',
      'maxItems',
      '__proto__',
      'a',
      '0',
    )
    const leaf = fc.oneof(
      fc.constantFrom<Json>('#', '#/$defs/a', 'string', 'object', false, true, null, 0, 1, -1),
      fc.string({unit: 'binary', maxLength: 3}),
    )
    const {schema} = fc.letrec<{schema: Json}>(tie => ({
      schema: fc.oneof(
        {depthSize: 'medium', withCrossShrink: true},
        leaf,
        fc.dictionary(key, tie('schema'), {maxKeys: 5}),
        fc.array(tie('schema'), {maxLength: 3}),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(fc.oneof(schema, fc.anything()), fc.anything(), async (one, given) => {
        const definition = JSON.parse('{}')
        definition.inputSchema = one
        const call = {...callOf('tool'), definition}
        call.request.params = {arguments: given as Json}
        await expect(validateArguments()(answering({}))(call)).resolves.toHaveProperty('result')
      }),
      {numRuns: 500},
    )
  })

  test('never refuses what has no constraint', async () => {
    const key = fc.string({unit: 'binary', maxLength: 4})
    const {free} = fc.letrec<{free: Json}>(tie => ({
      free: fc.oneof(
        fc.constantFrom<Json>(true, {}, {description: 'x', default: 1, title: 'y', examples: [1]}),
        fc.record({properties: fc.dictionary(key, tie('free'))}),
        fc.record({items: tie('free')}),
        fc.record({anyOf: fc.array(tie('free'))}),
        fc.record({allOf: fc.array(tie('free'))}),
        fc.record({additionalProperties: tie('free')}),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(free, fc.jsonValue(), async (schema, given) => {
        expect(await told(schema, given)).toBe('sent')
      }),
    )
  })

  test('reads a definition once', async () => {
    let reads = 0
    const definition = {
      get inputSchema() {
        reads += 1
        return {required: ['a']}
      },
    }
    const validated = validateArguments()(answering({}))
    for (let i = 0; i < 3; i += 1) {
      expect(await validated({...callOf('tool'), definition})).toMatchObject({
        result: {isError: true},
      })
    }
    expect(reads).toBe(1)
  })
})
