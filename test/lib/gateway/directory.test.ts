import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {nameTable, type Listed, type NameTable} from '../../../src/lib/gateway/directory.ts'

const server = (name: string, ...tools: string[]): Listed => ({
  server: name,
  items: tools.map(tool => ({name: tool})),
})
const names = ({items}: NameTable) => items.map(({name}) => (typeof name === 'string' ? name : ''))

/** Few names, so that they meet; some that are made like the ones that collisions lead to; some that no API takes. */
const anyName = fc.oneof(
  fc.constantFrom(
    'x',
    'y',
    'a__x',
    'b__x',
    'a__a__x',
    'a_x',
    'a.x',
    'b',
    '__proto__',
    'constructor',
  ),
  fc.constantFrom('x'.repeat(64), 'x'.repeat(65), `${'x'.repeat(64)}.`),
  fc.string({minLength: 1, maxLength: 80}),
)
const anyServers = fc.uniqueArray(
  fc.record({
    server: fc.oneof(fc.constantFrom('a', 'b', 'a__a'), fc.string({minLength: 1, maxLength: 70})),
    prefix: fc.option(fc.constantFrom('a', 'p', 'p.q', 'x'.repeat(70)), {nil: undefined}),
    items: fc.array(fc.record({name: anyName}), {maxLength: 6}),
  }),
  {selector: ({server: name}) => name, maxLength: 5},
)

const earlier = ({server: owner}: {server: string}) => ({b: 'x', c: 'c__x'})[owner]

describe('nameTable', () => {
  test('gives every item a name of its own that leads back to its server and its name there', () => {
    fc.assert(
      fc.property(anyServers, listed => {
        const table = nameTable(listed)
        const expected = listed.flatMap(({server: owner, items}) =>
          [...new Set(items.map(({name}) => name))].map(name => ({server: owner, name})),
        )
        expect(new Set(names(table)).size).toBe(expected.length)
        expect(names(table).map(name => table.owners.get(name))).toMatchObject(expected)
        expect(table.owners.size).toBe(expected.length)
      }),
    )
  })

  test('makes only names that every model API takes', () => {
    fc.assert(
      fc.property(anyServers, listed => {
        const table = nameTable(listed)
        for (const exposed of table.owners.keys()) expect(exposed).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
      }),
    )
  })

  test('gives the same names for the same lists', () => {
    fc.assert(
      fc.property(anyServers, listed => {
        expect(nameTable(structuredClone(listed))).toEqual(nameTable(listed))
      }),
    )
  })

  test('never renames what was shown, whichever server arrives wherever', () => {
    fc.assert(
      fc.property(anyServers, fc.array(fc.boolean()), (listed, early) => {
        const before = nameTable(listed.filter((_, index) => early[index]))
        const after = nameTable(listed, {before})
        for (const [exposed, owner] of before.owners) {
          expect(after.owners.get(exposed)).toEqual(owner)
        }
      }),
    )
  })

  test('gives the same as at first when nothing has changed', () => {
    fc.assert(
      fc.property(anyServers, listed => {
        const table = nameTable(listed)
        expect(nameTable(listed, {before: table})).toEqual(table)
      }),
    )
  })

  test('leaves a contested name to the first server in configured order', () => {
    expect(names(nameTable([server('a', 'x'), server('b', 'x', 'y')]))).toEqual(['x', 'b__x', 'y'])
    expect(names(nameTable([server('b', 'x', 'y'), server('a', 'x')]))).toEqual(['x', 'y', 'a__x'])
  })

  test('keeps a name with its owner when a server before it arrives late', () => {
    const before = nameTable([server('b', 'x')])
    expect(names(nameTable([server('a', 'x'), server('b', 'x')], {before}))).toEqual(['a__x', 'x'])
  })

  test('keeps what an item was called in earlier sessions, also when a server is added before it', () => {
    const listed = [server('a', 'x'), server('b', 'x'), server('c', 'x')]
    expect(names(nameTable(listed, {claimed: earlier}))).toEqual(['a__x', 'x', 'c__x'])
    expect(names(nameTable([server('c', 'x')], {claimed: earlier}))).toEqual(['c__x'])
  })

  test('gives a name that two claim to the first of them, and none that the prefix does not allow', () => {
    expect(names(nameTable([server('a', 'x'), server('b', 'x')], {claimed: () => 'x'}))).toEqual([
      'x',
      'b__x',
    ])
    expect(names(nameTable([{...server('a', 'x'), prefix: 'p'}], {claimed: () => 'x'}))).toEqual([
      'p__x',
    ])
    expect(names(nameTable([server('a', 'x')], {claimed: () => 'other'}))).toEqual(['x'])
  })

  test('renames what no model API takes', () => {
    expect(names(nameTable([server('a', 'x.y', 'x_y', 'x'.repeat(65))]))).toEqual([
      'a__x_y',
      'x_y',
      expect.stringMatching(/^a__x+_[0-9a-f]{8}$/),
    ])
  })

  test('gives a name that nobody has any more to who wants it', () => {
    const before = nameTable([server('a', 'x'), server('b', 'x')])
    const after = nameTable([server('a'), server('b', 'x'), server('c', 'x')], {before})
    expect(names(after)).toEqual(['b__x', 'x'])
  })

  test('puts the prefix of the catalog entry before every name', () => {
    const listed = [{...server('github', 'search'), prefix: 'gh'}]
    expect(names(nameTable(listed))).toEqual(['gh__search'])
  })

  test('shortens a prefixed name that no model API would take, keeping it unlike others', () => {
    const tools = [`${'t'.repeat(63)}a`, `${'t'.repeat(63)}b`]
    const [first, second] = names(nameTable([{...server('github', ...tools), prefix: 'gh'}]))
    expect(first).toMatch(/^gh__t+_[0-9a-f]{8}$/)
    expect(first).toHaveLength(64)
    expect(second).not.toBe(first)
  })

  test('finds another name when a server has taken all that could be foreseen', () => {
    const victim = server('good', 'x')
    const [, full = ''] = names(nameTable([server('a', 'x'), victim]))
    const [, , digest = ''] = names(nameTable([server('a', 'x', full), victim]))
    const evil = server('a', 'x', full, digest)
    const table = nameTable([evil, victim])
    expect(new Set(names(table)).size).toBe(4)
    expect(table.owners.get(names(table)[3] ?? '')).toMatchObject({server: 'good', name: 'x'})
  })

  test('changes nothing of an item but its name', () => {
    const item = {name: 'x', title: 'X', annotations: {a: 1}, vendor: [null]}
    const table = nameTable([server('a', 'x'), {server: 'b', items: [item]}])
    expect(table.items[1]).toEqual({...item, name: 'b__x'})
    expect(nameTable([{server: 'b', items: [item]}]).items[0]).toBe(item)
  })

  test('passes over items without a name and the second of two with the same', () => {
    const items = [{}, {name: ''}, {name: 5}, {name: 'x', title: 'first'}, {name: 'x'}]
    expect(nameTable([{server: 'a', items}]).items).toEqual([{name: 'x', title: 'first'}])
  })
})
