import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {WordAutomaton} from '../../../src/lib/base/word-automaton.ts'

/** Every occurrence as `end:word`, as the automaton reports it. */
function occurrences(words: readonly string[], text: string): string[] {
  const automaton = new WordAutomaton(words)
  const found: string[] = []
  automaton.read({text, from: 0, state: 0}, (longest, end) => {
    for (let state = longest; state !== 0; state = automaton.shorter(state)) {
      found.push(`${end}:${words[automaton.word(state)]}`)
    }
    return false
  })
  return found
}

const word = fc.string({
  unit: fc.constantFrom('a', 'b', 'ä', '\u{1F600}'),
  minLength: 1,
  maxLength: 5,
})

describe('WordAutomaton', () => {
  test('reports every word that ends at a place, the longest first', () => {
    expect(occurrences(['he', 'she', 'his', 'hers'], 'ushers')).toEqual(['4:she', '4:he', '6:hers'])
  })

  test('finds nothing when there are no words, or only an empty one', () => {
    expect(occurrences([], 'text')).toEqual([])
    expect(occurrences([''], 'text')).toEqual([])
  })

  test('finds capitals of ASCII, and no other letters, where case is ignored', () => {
    const automaton = new WordAutomaton(['key'], {ignoreCase: true})
    const endings = ['KEY', 'Key', 'key', '\u212aey'].map(text => {
      let words = 0
      automaton.read({text, from: 0, state: 0}, () => ++words === 0)
      return words
    })
    expect(endings).toEqual([1, 1, 1, 0])
  })

  test('reads a text in pieces as if it were one, and stops where it is told to', () => {
    const automaton = new WordAutomaton(['abc'])
    const ends: number[] = []
    const state = automaton.read({text: 'xab', from: 0, state: 0}, () => true)
    automaton.read({text: 'xabcabcabc', from: 3, state}, (longest, end) => {
      ends.push(end - automaton.depth(longest))
      return ends.length === 2
    })
    expect(ends).toEqual([1, 4])
  })

  test('finds words that are too many and too long for the table', () => {
    const words = Array.from({length: 300}, (_, i) => `${i}-${'abcd'.repeat(100)}-${i}.`)
    const text = words.map(long => `abcd${long.slice(0, -1)}${long}`).join('')
    expect(occurrences(words, text).map(found => found.split(':')[1])).toEqual(words)
  })

  test('finds exactly what a search for each word on its own finds', () => {
    fc.assert(
      fc.property(fc.uniqueArray(word, {maxLength: 8}), fc.array(word), (words, parts) => {
        const text = parts.join('')
        const expected: string[] = []
        for (let end = 1; end <= text.length; end++) {
          const ending = words.filter(candidate => text.slice(0, end).endsWith(candidate))
          ending.sort((a, b) => b.length - a.length)
          expected.push(...ending.map(candidate => `${end}:${candidate}`))
        }
        expect(occurrences(words, text)).toEqual(expected)
      }),
    )
  })

  test.each([
    ['words of every length', 1],
    ['words of two code units and more', 2],
    ['words of five code units and more', 5],
  ])('finds in a long text what it finds in short pieces of it: %s', (_, shortest) => {
    const small = ['a', 'b', 'c', 'ä', '\u{1F600}', '\u0161'] as const
    const unit = fc.constantFrom(...small, 'A')
    const words = fc.uniqueArray(
      fc.string({unit: fc.constantFrom(...small), minLength: shortest, maxLength: 9}),
      {maxLength: 6},
    )
    // Around the borders of what is looked at in one go, too.
    const filler = fc.constantFrom('', 'x'.repeat(1020), '.'.repeat(65_530), 'ab'.repeat(33_000))
    fc.assert(
      fc.property(
        words,
        fc.array(fc.tuple(filler, fc.string({unit})), {maxLength: 3}),
        (list, parts) => {
          const planted = parts
            .map(([fill, text], at) => `${fill}${text}${list[at] ?? ''}`)
            .join('')
          const text = `${planted}${'x'.repeat(1024)}${list.at(-1) ?? ''}`
          const automaton = new WordAutomaton(list, {ignoreCase: true})
          const whole: string[] = []
          automaton.read({text, from: 0, state: 0}, (longest, end) => {
            whole.push(`${end}:${automaton.word(longest)}`)
            return false
          })
          const pieces: string[] = []
          let state = 0
          for (let from = 0; from < text.length; from += 1000) {
            const piece = text.slice(from, from + 1000)
            state = automaton.read({text: piece, from: 0, state}, (longest, end) => {
              pieces.push(`${from + end}:${automaton.word(longest)}`)
              return false
            })
          }
          expect(whole).toEqual(pieces)
        },
      ),
    )
  })

  test.each(['abc', 'abcd', 'abcde'])(
    'finds %s at every place around the border of a chunk',
    sought => {
      const automaton = new WordAutomaton([sought])
      const places = Array.from({length: 80}, (_, at) => 65_490 + at)
      const found = places.filter(place => {
        const text = `${'.'.repeat(place)}${sought}${'.'.repeat(2000)}`
        return (
          automaton.read({text, from: 0, state: 0}, (_, end) => end === place + sought.length) > 0
        )
      })
      expect(found).toEqual(places)
    },
  )

  test('knows how much of the end may still become a word', () => {
    fc.assert(
      fc.property(fc.uniqueArray(word, {maxLength: 8}), word, (words, text) => {
        const automaton = new WordAutomaton(words)
        const state = automaton.read({text, from: 0, state: 0}, () => false)
        const begun = words.flatMap(candidate =>
          Array.from({length: candidate.length}, (_, length) => candidate.slice(0, length)),
        )
        const longest = begun.filter(prefix => text.endsWith(prefix)).map(prefix => prefix.length)
        expect(automaton.pending(state)).toBe(Math.max(0, ...longest))
      }),
    )
  })
})
