import {gunzipSync} from 'node:zlib'
import * as fc from 'fast-check'
import {afterEach, expect, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'
import {PROGRAMS_ARCHIVE} from '../../../src/lib/engine/programs.ts'
import {tarFiles} from '../../../src/lib/engine/tar.ts'
import {tarOf} from './engine-lab.ts'

let scope = new Scope()
afterEach(async () => {
  await scope.close()
  scope = new Scope()
})

const PROGRAMS = ['shim-amd64', 'relay-amd64', 'shim-arm64', 'relay-arm64']

test('reads the files that the system packs, and nothing else', async () => {
  const binary = Buffer.from(Array.from({length: 1500}, (_, index) => index % 256))
  const archive = await tarOf(scope, {
    'a/b': {content: 'hello\n', mode: 0o640},
    c: {content: binary, mode: 0o4755},
    empty: {content: ''},
    link: {link: 'c'},
    'folder/deep': {folder: true},
  })
  expect([...tarFiles(archive)]).toEqual([
    ['a/b', {mode: 0o640, content: Buffer.from('hello\n')}],
    ['c', {mode: 0o4755, content: binary}],
    ['empty', {mode: 0o644, content: Buffer.alloc(0)}],
  ])
})

test('reads our programs', () => {
  const files = tarFiles(gunzipSync(Buffer.from(PROGRAMS_ARCHIVE, 'base64')))
  expect([...files.keys()].toSorted()).toEqual(PROGRAMS.toSorted())
  expect([...files.values()].map(({mode}) => mode)).toEqual(PROGRAMS.map(() => 0o555))
})

test('takes any bytes, and reads no byte that is not there', () => {
  const whole = gunzipSync(Buffer.from(PROGRAMS_ARCHIVE, 'base64'))
  const damage = fc.record({
    at: fc.nat(whole.length - 1),
    bytes: fc.uint8Array({maxLength: 600}),
    length: fc.nat(whole.length),
  })
  const damaged = damage.map(({at, bytes, length}) => {
    const copy = Buffer.from(whole)
    copy.set(bytes.subarray(0, copy.length - at), at)
    return copy.subarray(0, length)
  })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({maxLength: 2048})), bytes => {
      const archive = Buffer.from(bytes)
      const sizes = [...tarFiles(archive).values()].map(({content}) => 512 + content.length)
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(archive.length)
    }),
  )
})

test('gives no file of which the end is missing', () => {
  const whole = gunzipSync(Buffer.from(PROGRAMS_ARCHIVE, 'base64'))
  const files = [...tarFiles(whole)]
  fc.assert(
    fc.property(fc.nat(whole.length), length => {
      const found = [...tarFiles(whole.subarray(0, length))]
      expect(found).toEqual(files.slice(0, found.length))
    }),
  )
})
