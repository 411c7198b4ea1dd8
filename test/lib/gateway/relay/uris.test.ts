import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {ownersOf} from '../../../../src/lib/gateway/relay/uris.ts'

const holds = (server: string, ...uris: string[]) => ({server, items: uris.map(uri => ({uri}))})
const shapes = (server: string, ...templates: string[]) => ({
  server,
  items: templates.map(uriTemplate => ({uriTemplate})),
})

/** Whether a URI fits a template. */
function fits(template: string, uri: string): boolean {
  return ownersOf(uri, [holds('other')], [shapes('owner', template)])[0] === 'owner'
}

describe('ownersOf', () => {
  test('gives only the servers that list the URI when there are any', () => {
    const resources = [holds('a'), holds('b', 'x:1'), holds('c', 'x:1', 'x:2')]
    const templates = [shapes('a', 'x:{id}'), shapes('b'), shapes('c')]
    expect(ownersOf('x:1', resources, templates)).toEqual(['b', 'c'])
  })

  test('prefers the template with the most literal text, then all others in configured order', () => {
    const resources = [holds('a'), holds('b'), holds('c')]
    const templates = [shapes('a'), shapes('b', '{+any}'), shapes('c', '{+any}', 'x://{id}/data')]
    expect(ownersOf('x://1/data', resources, templates)).toEqual(['c', 'b', 'a'])
    expect(ownersOf('y', resources, templates)).toEqual(['b', 'c', 'a'])
  })

  test('passes over items that are no resources', () => {
    const odd = {server: 'a', items: [{}, {uri: 5}, {uriTemplate: null}]}
    expect(ownersOf('x', [odd, holds('b', 'x')], [odd])).toEqual(['b'])
    expect(ownersOf('y', [odd], [odd])).toEqual(['a'])
  })

  test.each([
    ['test://template/{id}/data', 'test://template/7/data', true],
    ['test://template/{id}/data', 'test://template//data', true],
    ['test://template/{id}/data', 'test://template/7/8/data', false],
    ['test://template/{id}/data', 'test://template/7/data/more', false],
    ['{scheme}://{host}', 'a://b', true],
    ['file:///{+path}', 'file:///a/b?c#d', true],
    ['file://{/path*}', 'file:///a/b', true],
    ['x{?q,r}', 'x?q=1&r=2', true],
    ['x{?q,r}', 'x', true],
    ['x{#part}', 'x#y', true],
    ['x{list*}', 'xa/b', true],
    ['a.b+c(d)[e]{id}', 'a.b+c(d)[e]1', true],
    ['a.b', 'axb', false],
    ['x{a}{b}{c}y', 'x123y', true],
    ['x{unclosed', 'x{unclosed', true],
    ['x{unclosed', 'x1', false],
    ['{a}b{c}b', 'xbyb', true],
    ['{a}b{c}b', 'xb', false],
    ['', '', true],
  ])('%s against %s: %s', (template, uri, expected) => {
    expect(fits(template, uri)).toBe(expected)
  })

  test('a template fits what comes of putting values into it', () => {
    const literal = fc.string({maxLength: 5}).map(text => text.replaceAll(/[{}]/g, ''))
    const value = fc.string({maxLength: 5}).map(text => text.replaceAll(/[/?#]/g, ''))
    fc.assert(
      fc.property(fc.array(fc.tuple(literal, value), {maxLength: 6}), literal, (parts, end) => {
        const template = parts.map(([text]) => `${text}{v}`).join('') + end
        const uri = parts.map(([text, filled]) => text + filled).join('') + end
        expect(fits(template, uri)).toBe(true)
      }),
    )
  })

  test('is done at once with a template that is made to be tried for hours', () => {
    const template = `${'{+a}x'.repeat(390)}!`
    const uri = 'x'.repeat(7900)
    expect(fits(template, uri)).toBe(false)
    expect(fits('{+a}'.repeat(1000), uri)).toBe(false)
    expect(fits(template, `${uri}!`)).toBe(true)
  })
})
