import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {isLocalOnly, normalizeReference} from '../../../src/lib/images/reference.ts'

const sha = `sha256:${'ab'.repeat(32)}`

describe('normalizeReference', () => {
  test.each([
    ['alpine', 'docker.io', 'library/alpine', 'latest', undefined],
    ['alpine:3.19', 'docker.io', 'library/alpine', '3.19', undefined],
    ['mcp/time', 'docker.io', 'mcp/time', 'latest', undefined],
    ['docker.io/alpine', 'docker.io', 'library/alpine', 'latest', undefined],
    ['index.docker.io/mcp/time:1', 'docker.io', 'mcp/time', '1', undefined],
    [`mcp/time@${sha}`, 'docker.io', 'mcp/time', undefined, sha],
    [`mcp/time:1@${sha}`, 'docker.io', 'mcp/time', '1', sha],
    ['localhost/a/b', 'localhost', 'a/b', 'latest', undefined],
    ['localhost:5000', 'docker.io', 'library/localhost', '5000', undefined],
    ['localhost:5000/a', 'localhost:5000', 'a', 'latest', undefined],
    ['Upper/a', 'Upper', 'a', 'latest', undefined],
    ['127.0.0.1:5000/a:b', '127.0.0.1:5000', 'a', 'b', undefined],
    ['r.example:65535/a', 'r.example:65535', 'a', 'latest', undefined],
    ['[::1]:5000/a:b', '[::1]:5000', 'a', 'b', undefined],
    ['r.example/a__b/c-d.e', 'r.example', 'a__b/c-d.e', 'latest', undefined],
  ])('reads %s', (ref, registry, repository, tag, digest) => {
    expect(normalizeReference(ref)).toEqual({
      registry,
      repository,
      ...(tag !== undefined && {tag}),
      ...(digest !== undefined && {digest}),
      text: `${registry}/${repository}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`,
    })
  })

  test.each([
    '',
    ':tag',
    'Alpine',
    'alpine:',
    'alpine:-x',
    `alpine:${'t'.repeat(129)}`,
    'alpine@',
    'alpine@sha256:short',
    `alpine@md5:${'a'.repeat(32)}`,
    `alpine@${sha}@${sha}`,
    `alpine@${sha.toUpperCase()}`,
    'constructor@constructor:a',
    'a b',
    'alpine\n',
    '-alpine',
    'a/../b',
    'a//b',
    '/alpine',
    'alpine/',
    'a___b',
    'r.example:port/a',
    'r.example:65536/a',
    '127.0.0.1:99999/a',
    'https://r.example/a',
    'ab'.repeat(32),
    `r.example/${'a'.repeat(255)}`,
  ])('refuses %j', ref => {
    expect(normalizeReference(ref)).toBeUndefined()
  })

  test('gives a text that normalizes to itself', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,5}(?:[._-][a-z0-9]{1,5})?$/)
    const registry = fc.constantFrom(
      '',
      'localhost/',
      'localhost:5000/',
      'r.example/',
      'docker.io/',
    )
    const end = fc.constantFrom('', ':1.0', `@${sha}`, `:x@${sha}`)
    const refs = fc.tuple(registry, fc.array(part, {minLength: 1, maxLength: 3}), end)
    fc.assert(
      fc.property(refs, ([host, path, suffix]) => {
        const first = normalizeReference(`${host}${path.join('/')}${suffix}`)
        expect(first).toBeDefined()
        expect(normalizeReference(first?.text ?? '')).toEqual(first)
      }),
    )
  })

  test('takes any text without throwing, and what it takes is a fixed point', () => {
    fc.assert(
      fc.property(fc.string({unit: fc.constantFrom(...'aZ0.:/@_- \n[]'.split(''))}), ref => {
        const first = normalizeReference(ref)
        expect(first && normalizeReference(first.text)).toEqual(first)
      }),
    )
  })
})

describe('isLocalOnly', () => {
  test.each([
    ['localhost/docker-mcp/node:1', true],
    ['localhost/a', true],
    ['localhost:5000/a', false],
    ['localhost', false],
    ['mcp/localhost', false],
    ['localhost/UPPER', false],
    ['', false],
  ])('%s: %s', (ref, expected) => {
    expect(isLocalOnly(ref)).toBe(expected)
  })
})
