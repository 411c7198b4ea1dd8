import * as fc from 'fast-check'
import {expect, test} from 'vitest'
import {Redaction} from '../../../../src/lib/gateway/redaction.ts'
import {maskedLines} from '../../../../src/lib/gateway/upstream/masked-lines.ts'

function linesOf(values: readonly string[], chunks: readonly Buffer[]): readonly string[] {
  const redaction = new Redaction()
  redaction.learn(values)
  const lines: string[] = []
  const reader = maskedLines(redaction, 1000, {
    onLine: line => void lines.push(line),
    onOversize: ({bytes}) => void lines.push(`${bytes} bytes`),
  })
  for (const chunk of chunks) reader.push(chunk)
  reader.end()
  return lines
}

test('masks a value whose lines are short, wherever the pieces are cut', () =>
  fc.assert(
    fc.property(fc.array(fc.nat(60)), cuts => {
      const bytes = Buffer.from('start ü\nab\ncd\nef🔑 end\nab\nno')
      const ends = [...cuts.map(cut => Math.min(cut, bytes.length)), 0, bytes.length]
      const places = ends.toSorted((a, b) => a - b)
      const chunks = places.slice(1).map((end, at) => bytes.subarray(places[at], end))
      expect(linesOf(['ab\ncd\nef🔑'], chunks)).toEqual(['start ü', '[secret] end', 'ab', 'no'])
    }),
  ))

test('gives a line at once that is no beginning of a value', () => {
  const redaction = new Redaction()
  redaction.learn(['value of it'])
  const lines: string[] = []
  const reader = maskedLines(redaction, 1000, {
    onLine: line => void lines.push(line),
    onOversize: () => undefined,
  })
  reader.push(Buffer.from('ready\nvalu'))
  expect(lines).toEqual(['ready'])
})

test('leaves out a line that is too long', () => {
  const chunks = [Buffer.from('x'.repeat(1001)), Buffer.from('\nshort\n')]
  expect(linesOf(['value'], chunks)).toEqual(['1001 bytes', 'short'])
})
