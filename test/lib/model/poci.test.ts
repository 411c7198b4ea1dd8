import {array, assert, constantFrom, property, string} from 'fast-check'
import {describe, expect, test} from 'vitest'
import {type CatalogTool, parseCatalog} from '../../../src/lib/model/catalog.ts'
import {bindRun, pociContainers, pociTools} from '../../../src/lib/model/poci.ts'
import {bindServer, type PociSpec} from '../../../src/lib/model/server.ts'
import type {JsonObject} from '../../../src/lib/base/json.ts'

function specOf(...tools: CatalogTool[]): PociSpec {
  const spec = bindServer({name: 'set', tools}, {}, '/home/me')
  if (spec.kind !== 'poci') throw new Error('no set of tools')
  return spec
}

function runOf(container: NonNullable<CatalogTool['container']>, args: JsonObject) {
  const spec = specOf({name: 't', container})
  const [tool] = spec.tools
  if (!tool) throw new Error('no tool')
  return bindRun(spec, {tool, args, home: '/home/me'})
}

describe('pociTools', () => {
  test('has the first of each name, and the entry is told of the others', () => {
    const entry = {
      tools: [
        {name: 'a', container: {image: 'one'}},
        {name: 'b'},
        {name: 'a', container: {image: 'two'}},
      ],
    }
    const {catalog, problems} = parseCatalog({registry: {set: entry}}, 'test')
    const server = catalog.servers.get('set')
    expect(problems.map(({message}) => message)).toEqual([
      expect.stringContaining('b cannot be called'),
      expect.stringContaining('has the name of another tool, a,'),
    ])
    expect(server && pociTools(server)).toMatchObject([{name: 'a', image: 'one'}])
  })

  test.each<[string, Partial<CatalogTool>, JsonObject]>([
    ['nothing is said', {}, {type: 'object'}],
    [
      'there are parameters',
      {parameters: {properties: {a: {type: 'string'}}, required: ['a']}, arguments: [{name: 'b'}]},
      {type: 'object', properties: {a: {type: 'string'}}, required: ['a']},
    ],
    [
      'there are arguments',
      {
        arguments: [
          {name: 'a', type: 'array', items: {type: 'string'}, desc: 'some'},
          {name: 'b', type: 'integer', optional: true},
          {type: 'string'},
        ],
      },
      {
        type: 'object',
        properties: {
          a: {type: 'array', description: 'some', items: {type: 'string'}},
          b: {type: 'integer'},
        },
        required: ['a'],
      },
    ],
  ])('makes a schema where %s', (_what, members, schema) => {
    const tool = {name: 't', container: {image: 'i'}, ...members}
    expect(pociTools({name: 's', tools: [tool]})).toMatchObject([{parameters: schema}])
  })

  test('has none that cannot be run', () => {
    expect(pociTools({name: 's', tools: [{name: 't'}]})).toEqual([])
  })
})

describe('bindRun', () => {
  test('mounts nothing where the argument that a mount begins with is not given', () => {
    const container = {
      image: 'i',
      volumes: ['{{folder}}:/data', '{{cache|or:/tmp/c}}:/cache', 'v:/v'],
    }
    expect(runOf(container, {}).volumes).toEqual(['/tmp/c:/cache', 'v:/v'])
    expect(runOf(container, {folder: ''}).volumes).toEqual(['/tmp/c:/cache', 'v:/v'])
    expect(runOf(container, {folder: '/a', cache: '/b'}).volumes).toEqual([
      '/a:/data',
      '/b:/cache',
      'v:/v',
    ])
  })

  test('makes one argument of one text, whatever is in it', () => {
    assert(
      property(
        string({
          unit: constantFrom('a', ' ', '$', '`', '{', '}', '|', '"', "'", '\\', ';', '-', '\n'),
        }),
        text => {
          const {command} = runOf({image: 'i', command: ['run', '{{text}}', 'end']}, {text})
          expect(command).toEqual(['run', text, 'end'])
        },
      ),
    )
  })

  test('makes one argument of each text in a list', () => {
    assert(
      property(array(string()), texts => {
        const list = texts.map(text => text.replaceAll('\0', ''))
        expect(runOf({image: 'i', command: ['{{list|into}}']}, {list}).command).toEqual(list)
      }),
    )
  })

  test('sees no argument in the place of the home', () => {
    const container = {image: 'i', volumes: ['{{path|volume}}']}
    expect(runOf(container, {path: '~/x', '~': '/other'}).volumes).toEqual([
      '/home/me/x:/home/me/x',
    ])
  })

  test('has the user and the mounts that the arguments say, none where they say none', () => {
    const container = {image: 'i', user: '{{uid}}', volumes: ['{{ path }}:/data', '{{more}}']}
    expect(runOf(container, {uid: 7, path: '/a'})).toMatchObject({user: '7', volumes: ['/a:/data']})
    expect(runOf(container, {})).not.toHaveProperty('user')
    expect(runOf(container, {path: String.raw`C:\a`}).volumes).toEqual([String.raw`C:\a:/data`])
  })

  test.each<JsonObject>([
    {path: '/a:/b'},
    {path: '/a:rw'},
    {path: {deep: '/a:/b'}},
    {path: ['/a', 'b:/c']},
    {path: 'C:a'},
    {path: 'volume'},
    {path: '../up'},
  ])('refuses a mount that an argument changes: %j', args => {
    const volumes = ['{{path.deep}}:/data', '{{path|first}}:/first']
    expect(() => runOf({image: 'i', volumes}, args)).toThrow(
      /^path becomes a path that is mounted/u,
    )
  })

  test('refuses what no argument can be', () => {
    expect(() => runOf({image: 'i', command: ['{{a}}']}, {a: 'x\0y'})).toThrow(RangeError)
  })
})

test('a set of tools has one container for each image', () => {
  const tools = ['a', 'b', 'a'].map((image, at) => ({name: `t${at}`, container: {image}}))
  const containers = pociContainers(specOf(...tools))
  expect(containers.map(({image}) => image)).toEqual(['a', 'b'])
})
