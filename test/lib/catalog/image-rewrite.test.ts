import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {imageRewriter, rewriteServer} from '../../../src/lib/catalog/image-rewrite.ts'
import {normalizeReference} from '../../../src/lib/images/reference.ts'

const SHA = `sha256:${'ab'.repeat(32)}`
const HUB = {from: 'docker.io/mcp/*', to: 'mirror.example.com/mcp/*'}

function rewrite(image: string, ...rules: readonly {from: string; to: string}[]): string {
  return imageRewriter(rules, 'gateway.yaml').rewrite(image)
}

describe('imageRewriter', () => {
  test.each([
    ['mcp/fetch', 'mirror.example.com/mcp/fetch:latest'],
    ['docker.io/mcp/fetch', 'mirror.example.com/mcp/fetch:latest'],
    ['index.docker.io/mcp/fetch:1', 'mirror.example.com/mcp/fetch:1'],
    [`mcp/fetch@${SHA}`, `mirror.example.com/mcp/fetch@${SHA}`],
    [`mcp/fetch:1@${SHA}`, `mirror.example.com/mcp/fetch:1@${SHA}`],
    ['mcp/deep/er', 'mirror.example.com/mcp/deep/er:latest'],
    ['mcpx/fetch', 'mcpx/fetch'],
    ['ghcr.io/mcp/fetch', 'ghcr.io/mcp/fetch'],
    ['localhost/mcp/fetch', 'localhost/mcp/fetch'],
    ['node', 'node'],
    ['not an image', 'not an image'],
    ['', ''],
  ])('takes %s from %s', (image, expected) => {
    expect(rewrite(image, HUB)).toBe(expected)
    expect(rewrite(image, {...HUB, from: 'mcp/*'})).toBe(expected)
    expect(rewrite(image, {...HUB, from: 'index.docker.io/mcp/*'})).toBe(expected)
  })

  test.each([
    ['docker.io/*', 'm.example/hub/*', 'node:24', 'm.example/hub/library/node:24'],
    ['docker.io/*', 'm.example/hub/*', 'mcp/time', 'm.example/hub/mcp/time:latest'],
    ['docker.io/library/*', 'm.example/*', 'node', 'm.example/node:latest'],
    ['docker.io/library/*', 'm.example/*', 'mcp/time', 'mcp/time'],
    ['localhost:5000/*', 'm.example/*', 'localhost:5000/a/b:1', 'm.example/a/b:1'],
    ['ghcr.io/*', 'm.example/gh-*', 'ghcr.io/a/b', 'm.example/gh-a/b:latest'],
    ['*', 'm.example/*', 'ghcr.io/a/b:1', 'm.example/ghcr.io/a/b:1'],
    ['*', 'm.example/*', 'localhost/a/b:1', 'localhost/a/b:1'],
    ['*', 'm.example/*', 'localhost:5000/a/b:1', 'm.example/localhost:5000/a/b:1'],
    ['localhost/*', 'm.example/*', 'localhost/a/b:1', 'm.example/a/b:1'],
    ['mcp/time', 'm.example/clock', 'mcp/time:2', 'm.example/clock:2'],
    ['mcp/time', 'm.example/clock', `mcp/time@${SHA}`, `m.example/clock@${SHA}`],
    ['mcp/time', 'm.example/clock', 'mcp/timer', 'mcp/timer'],
    ['mcp/time:1', 'm.example/clock:one', 'mcp/time:1', 'm.example/clock:one'],
    ['mcp/time:1', 'm.example/clock:one', 'mcp/time:2', 'mcp/time:2'],
  ])('by %s to %s takes %s from %s', (from, to, image, expected) => {
    expect(rewrite(image, {from, to})).toBe(expected)
  })

  test('lets the first rule count that fits', () => {
    const all = {from: 'docker.io/*', to: 'all.example/*'}
    expect(rewrite('mcp/time', HUB, all)).toBe('mirror.example.com/mcp/time:latest')
    expect(rewrite('mcp/time', all, HUB)).toBe('all.example/mcp/time:latest')
  })

  test.each([
    ['a*b', 'c*d'],
    ['mcp/*', 'm.example/mcp'],
    ['mcp/time', 'm.example/*'],
    ['mcp/*/*', 'm.example/*'],
    ['mcp*', 'm.example/*'],
    ['mcp/*', 'M/ /*'],
    ['mcp/*', 'm.example/time:*'],
    ['Not An Image', 'm.example/x'],
    ['mcp/time', 'm.example/time:1'],
  ])('refuses from %s to %s', (from, to) => {
    expect(() => imageRewriter([HUB, {from, to}], 'gateway.yaml')).toThrow(
      expect.objectContaining({
        code: 'FILE_INVALID',
        message: expect.stringMatching(/^gateway\.yaml: images\.rewrite\.1: /),
      }),
    )
  })

  test('keeps the rest of every name', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/)
    const version = fc.oneof(
      part.map(tag => `:${tag}`),
      fc.constant(`@${SHA}`),
    )
    fc.assert(
      fc.property(part, version, (name, suffix) => {
        expect(rewrite(`mcp/${name}${suffix}`, HUB)).toBe(`mirror.example.com/mcp/${name}${suffix}`)
      }),
    )
  })
})

test('rewriteServer changes the images of a server and of its tools, and nothing else', () => {
  const tool = {name: 'plain'}
  const server = {
    name: 'x',
    image: 'mcp/x',
    command: ['mcp/x'],
    tools: [tool, {name: 'run', container: {image: 'mcp/run:1', command: ['go']}}],
  }
  expect(rewriteServer(server, imageRewriter([HUB], 'gateway.yaml').rewrite)).toEqual({
    ...server,
    image: 'mirror.example.com/mcp/x:latest',
    tools: [
      tool,
      {name: 'run', container: {image: 'mirror.example.com/mcp/run:1', command: ['go']}},
    ],
  })
  expect(rewriteServer({name: 'r', remote: {url: 'https://r.example'}}, String)).toEqual({
    name: 'r',
    remote: {url: 'https://r.example'},
  })
})

function originals(rules: readonly {from: string; to: string}[], image: string): readonly string[] {
  const ref = normalizeReference(image)
  if (!ref) throw new Error(`${image} is none`)
  const names = imageRewriter(rules, 'gateway.yaml').originalsOf(ref)
  return [...new Set(names.map(({registry, repository}) => `${registry}/${repository}`))]
}

describe('names behind a mirror', () => {
  test.for<[from: string, to: string, image: string]>([
    ['docker.io/mcp/*', 'mirror.example.com/mcp/*', 'mcp/fetch'],
    ['docker.io/mcp/*', 'mirror.example.com/mcp-*', 'mcp/fetch:1'],
    ['ghcr.io/*', 'acme/*', 'ghcr.io/github-server'],
    ['ghcr.io/*', 'docker.io/*', 'ghcr.io/server'],
    ['*', 'mirror.example.com/all/*', 'mcp/fetch@sha256:' + 'a'.repeat(64)],
    ['*', 'mirror.example.com/all/*', 'node'],
    ['node', 'mirror.example.com/node', 'node:22'],
    ['mcp/fetch:1', 'mirror.example.com/fetch:2', 'mcp/fetch:1'],
  ])('%s to %s: that of %s', ([from, to, image]) => {
    const written = normalizeReference(image)
    const led = rewrite(image, {from, to})
    expect(led).not.toBe(image)
    expect(originals([{from, to}], led)).toContain(`${written?.registry}/${written?.repository}`)
  })

  test('are none of what no rule leads there', () => {
    const rules = [{from: 'mcp/special', to: 'other.example.com/special'}, HUB]
    expect(originals(rules, 'elsewhere.example.com/mcp/fetch')).toEqual([])
    expect(originals(rules, rewrite('mcp/special', HUB))).toEqual([])
    expect(
      originals([{from: 'mcp/fetch:1', to: 'm.example.com/fetch:2'}], 'm.example.com/fetch:3'),
    ).toEqual([])
  })

  test('lead repositories of signatures to the mirror, and leave others where they are', () => {
    const {mirrorOf} = imageRewriter([HUB], 'gateway.yaml')
    const led = rewrite('mcp/signatures', HUB).replace(/:latest$/, '')
    const at = mirrorOf({registry: 'docker.io', repository: 'mcp/signatures'})
    expect(`${at.registry}/${at.repository}`).toBe(led)
    const other = {registry: 'ghcr.io', repository: 'acme/signatures'}
    expect(mirrorOf(other)).toMatchObject(other)
  })
})
