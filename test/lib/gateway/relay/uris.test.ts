import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {
  literalFit,
  markPlace,
  directoriesOf,
  markUri,
  templateBudget,
} from '../../../../src/lib/gateway/relay/uris.ts'

/** Whether a URI fits a template. */
function fits(template: string, uri: string): boolean {
  return literalFit(template, uri, templateBudget()) >= 0
}

describe('markUri', () => {
  test.each([
    ['file:///a', 'file://b~/a'],
    ['test://x/y', 'test://b~x/y'],
    ['ui://widget', 'ui://b~widget'],
    ['urn:x:y', 'urn:b~x:y'],
    ['a+b.c-d:/x', 'a+b.c-d:b~/x'],
    ['no scheme: here', 'b~no scheme: here'],
    ['{scheme}://x', 'b~{scheme}://x'],
    ['x:{id}', 'x:b~{id}'],
    ['', 'b~'],
  ])('puts the name into %j behind the scheme: %j', (uri, marked) => {
    expect(markUri(uri, 'B')).toBe(marked)
    expect(marked.slice(0, markPlace(uri)) + marked.slice(markPlace(uri) + 2)).toBe(uri)
  })
})

describe('literalFit', () => {
  test('gives the number of literal characters of a template that fits, else -1', () => {
    expect(literalFit('x://{id}/data', 'x://1/data', templateBudget())).toBe(9)
    expect(literalFit('{+any}', 'x', templateBudget())).toBe(0)
    expect(literalFit('x:{id}', 'y:1', templateBudget())).toBe(-1)
  })

  test('stops looking when what all templates of a URI may cost is used up', () => {
    const uri = `x:${'a'.repeat(1500)}`
    const greedy = `${'{+a}'.repeat(16)}?`
    const budget = templateBudget()
    const tried = Array.from({length: 100_000}, () => literalFit(greedy, uri, budget))
    expect(new Set(tried)).toEqual(new Set([-1]))
    expect(budget.steps).toBeLessThan(0)
    expect(literalFit('x:{id}', uri, budget)).toBe(-1)
    expect(literalFit(uri, uri, budget)).toBe(uri.length)
    expect(literalFit('x:{id}', uri, templateBudget())).toBe(2)
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
    const template = `${'{+a}x'.repeat(16)}!`
    const uri = 'x'.repeat(1990)
    expect(fits(template, uri)).toBe(false)
    expect(fits(template, `${uri}!`)).toBe(true)
    const endless = '{+a}'.repeat(100_000)
    expect(fits(endless, uri)).toBe(false)
    expect(fits(endless, endless)).toBe(true)
    expect(fits('{+a}', 'x'.repeat(100_000))).toBe(false)
  })
})

describe('directoriesOf', () => {
  test.each([
    ['skill://a/b/c.md', ['skill://a/b/c.md', 'skill://a/b', 'skill://a']],
    ['skill://a/b/', ['skill://a/b', 'skill://a']],
    ['x:y/z', ['x:y/z', 'x:y']],
    ['skill://', []],
    ['', []],
  ])('%s', (uri, directories) => {
    expect([...directoriesOf(uri)]).toEqual(directories)
  })

  test('are few, however deep the URI', () => {
    expect([...directoriesOf(`x://${'a/'.repeat(10_000)}`)]).toHaveLength(32)
  })
})

test('a mark leaves the name of a skill the last part of its path', () => {
  expect(markUri('skill://git/SKILL.md', 'B')).toBe('skill://b~/git/SKILL.md')
})
