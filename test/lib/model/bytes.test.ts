import {describe, expect, test} from 'vitest'
import {parseBytes} from '../../../src/lib/model/bytes.ts'

describe('parseBytes', () => {
  const table = [
    ['1024', 1024],
    ['1b', 1],
    ['2k', 2048],
    ['512m', 536_870_912],
    ['512Mi', 536_870_912],
    ['512MiB', 536_870_912],
    ['2Gb', 2_147_483_648],
    ['1.5 g', 1_610_612_736],
    ['1T', 1_099_511_627_776],
    ['0', undefined],
    ['-1m', undefined],
    ['m', undefined],
    ['', undefined],
    ['1e3', undefined],
    ['99999999999t', undefined],
  ] as const
  for (const [size, bytes] of table) {
    test(`reads ${JSON.stringify(size)} as ${bytes}`, () => {
      expect(parseBytes(size)).toBe(bytes)
    })
  }
})
