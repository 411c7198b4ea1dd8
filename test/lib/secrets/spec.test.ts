import {sep} from 'node:path'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {locateElement, parseSecretsSpec} from '../../../src/lib/secrets/spec.ts'

const DEFAULT = parseSecretsSpec('docker-desktop')
const paths = (spec: string) =>
  parseSecretsSpec(spec).map(one => (one.kind === 'path' ? one.text : one.kind))

/** Paths that hold no separator of ours: a letter with `:\` behind it is a drive. */
const PLAIN = fc
  .stringMatching(/^[\w.~/\\ -]{2,20}$/)
  .map(text => text.trim())
  .filter(text => text.length > 1 && !parseSecretsSpec(text).some(one => one.kind !== 'path'))
const DRIVE = fc
  .tuple(fc.stringMatching(/^[A-Za-z]$/), fc.stringMatching(/^[\w.\\-]{1,20}$/))
  .map(([letter, rest]) => `${letter}:\\${rest}`)
const PATHS = fc.uniqueArray(fc.oneof(PLAIN, DRIVE), {minLength: 1, maxLength: 6})

describe('parseSecretsSpec', () => {
  test('gives back the paths that were joined, drives of Windows among them', () => {
    fc.assert(
      fc.property(PATHS, all => {
        expect(paths(all.join(':'))).toEqual(all)
      }),
    )
  })

  test('takes blanks and empty elements for nothing', () => {
    fc.assert(
      fc.property(PATHS, fc.constantFrom('', ' ', ':'), (all, more) => {
        expect(paths(`${more}:${all.join(` :${more}: `)}:${more}`)).toEqual(all)
      }),
    )
  })

  test('reads any text without throwing, and twice the same as once', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        // The blank: where a letter ends the text and a backslash begins it, the two would be a drive.
        expect(parseSecretsSpec(`${text}: :${text}`)).toEqual(parseSecretsSpec(`${text}:`))
      }),
    )
  })

  test.each(['', ' ', ':', 'docker-desktop', 'docker-desktop-store', 'docker-desktop:keyring'])(
    'has the default order for %j',
    spec => {
      expect(parseSecretsSpec(spec)).toEqual(DEFAULT)
    },
  )

  test('has the default order in this order', () => {
    expect(DEFAULT.map(one => (one.kind === 'store' ? one.word : one))).toEqual([
      'keyring',
      'file',
      'pass',
      'credentials',
      'run-secrets',
      {kind: 'env', isPlain: false},
    ])
  })

  test('takes a word as a store, and the same word with a folder as a file', () => {
    expect(parseSecretsSpec('file:./file:env:./env')).toEqual([
      {kind: 'store', word: 'file'},
      {kind: 'path', text: './file'},
      {kind: 'env', isPlain: true},
      {kind: 'path', text: './env'},
    ])
  })

  test('puts what is said before docker-desktop before its stores', () => {
    const spec = parseSecretsSpec('./.env:pass:docker-desktop')
    expect(spec.slice(0, 3)).toEqual([
      {kind: 'path', text: './.env'},
      {kind: 'store', word: 'pass'},
      {kind: 'store', word: 'keyring'},
    ])
    expect(spec).toHaveLength(DEFAULT.length + 1)
  })

  test('splits names of one letter', () => {
    expect(paths('a:b:/c:d')).toEqual(['a', 'b', '/c', 'd'])
  })
})

describe('locateElement', () => {
  const input = {cwd: `${sep}work`, env: {HOME: `${sep}home${sep}me`}}

  test.each([
    ['./.mcp.env', `${sep}work${sep}.mcp.env`],
    ['~/a.env', `${sep}home${sep}me${sep}a.env`],
    ['~a.env', `${sep}work${sep}~a.env`],
    ['/run/secrets/mcp_secret', '/run/secrets/mcp_secret'],
  ])('finds %s', (text, path) => {
    expect(locateElement(text, input)).toBe(path)
  })
})

test('docker’s files for containers come last where nothing is said, and only there', () => {
  const here = {isInContainer: true}
  expect(parseSecretsSpec('', here).slice(-2)).toEqual([
    {kind: 'path', text: '/run/secrets/mcp_secret', isUsual: true},
    {kind: 'path', text: '/.env', isUsual: true},
  ])
  expect(parseSecretsSpec('', here).slice(0, -2)).toEqual(parseSecretsSpec(''))
  expect(parseSecretsSpec('docker-desktop', here)).toEqual(parseSecretsSpec('docker-desktop'))
})
