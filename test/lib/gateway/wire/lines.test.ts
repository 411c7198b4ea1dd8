import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {lineReader} from '../../../../src/lib/gateway/wire/lines.ts'

/** Reads chunks and tells what came out, lost lines as their sizes. */
function read(chunks: readonly Buffer[], maxBytes = 1_000_000): (string | number)[] {
  const out: (string | number)[] = []
  const reader = lineReader(maxBytes, {
    onLine: line => out.push(line),
    onOversize: ({bytes}) => out.push(bytes),
  })
  for (const chunk of chunks) reader.push(chunk)
  return out
}

/** Cuts bytes at the given places, in any order, some of them twice. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map(place => place % (bytes.length + 1)), bytes.length]
  return ends
    .toSorted((a, b) => a - b)
    .map((end, index, all) => bytes.subarray(all[index - 1] ?? 0, end))
}

const anyLine = fc
  .string({unit: 'binary', maxLength: 40})
  .map(line => line.replaceAll(/[\r\n]/g, '').toWellFormed())
const anyPlaces = fc.array(fc.nat(500), {maxLength: 30})

describe('lineReader', () => {
  test('gives the same lines however they are cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyLine, fc.constantFrom('\n', '\r\n'))),
        anyPlaces,
        (lines, places) => {
          const bytes = Buffer.from(lines.flat().join(''))
          const expected = lines.map(([line]) => line).filter(line => line !== '')
          expect(read(cut(bytes, places))).toEqual(expected)
        },
      ),
    )
  })

  test('loses exactly the lines above the cap, however they are cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(30).map(length => 'x'.repeat(length))),
        fc.nat(25),
        anyPlaces,
        (lines, cap, places) => {
          const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''))
          const expected = lines
            .filter(line => line !== '')
            .map(line => (line.length > cap ? line.length : line))
          expect(read(cut(bytes, places), cap)).toEqual(expected)
        },
      ),
    )
  })

  test('keeps a carriage return inside a line', () => {
    expect(read([Buffer.from('a\rb\r\n')])).toEqual(['a\rb'])
  })

  test('keeps what has no end yet until it comes', () => {
    expect(read([Buffer.from('one\ntw')])).toEqual(['one'])
    expect(read([Buffer.from('one\ntw'), Buffer.from('o\n')])).toEqual(['one', 'two'])
  })

  test('tells of a line that is too long only once, at its end', () => {
    const chunk = Buffer.from('x'.repeat(10))
    expect(read([chunk, chunk, chunk], 15)).toEqual([])
    expect(read([chunk, chunk, chunk, Buffer.from('\nok\n')], 15)).toEqual([30, 'ok'])
  })

  test('keeps a message of many megabytes whole', () => {
    const line = 'é'.repeat(4_000_000)
    const bytes = Buffer.from(`${line}\n`)
    const chunks = Array.from({length: Math.ceil(bytes.length / 65_537)}, (_, index) =>
      bytes.subarray(index * 65_537, (index + 1) * 65_537),
    )
    expect(read(chunks, 16_000_000)[0] === line).toBe(true)
  })
})
