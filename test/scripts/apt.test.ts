import {describe, expect, test} from 'vitest'

import {exists, hasProgram, lastLines, programPath} from '../../scripts/apt.ts'

describe('hasProgram', () => {
  test('finds what is in a folder of PATH, and nothing else', async () => {
    expect(await hasProgram('node')).toBe(true)
    expect(await hasProgram('no-program-has-this-name')).toBe(false)
    expect(await programPath('node')).toMatch(/^\/.*\/node$/)
  })
})

describe('exists', () => {
  test('tells a path that is there from one that is not', async () => {
    expect(await exists(import.meta.filename)).toBe(true)
    expect(await exists(`${import.meta.filename}.not`)).toBe(false)
  })
})

describe('lastLines', () => {
  test('gives the end of a text without its empty lines', () => {
    expect(lastLines('a\nb\n\nc\n', 2)).toBe('b\nc')
    expect(lastLines('', 2)).toBe('')
  })
})
