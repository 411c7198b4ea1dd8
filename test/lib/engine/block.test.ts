import {execFileSync} from 'node:child_process'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {type BlockInput, environmentBlock, plainEnvironment} from '../../../src/lib/engine/block.ts'

/** Reads a block as the shim does. */
const decode = (block: Buffer) => {
  const head = /^MCPE1 ([0-9a-f]{8})\n/.exec(block.toString('latin1', 0, 15))
  const body = block.subarray(15)
  expect(body.length).toBe(Number.parseInt(head?.[1] ?? '', 16))
  const env: string[] = []
  const command: string[] = []
  const files: {path: string; content: Buffer}[] = []
  let at = 0
  const text = () => {
    const end = body.indexOf(0, at)
    const read = body.toString('utf8', at, end)
    at = end + 1
    return read
  }
  while (at < body.length) {
    const type = String.fromCharCode(body[at] ?? 0)
    at += 1
    if (type === 'e') env.push(text())
    else if (type === 'a') command.push(text())
    else if (type === 'f') {
      const path = text()
      const start = at + 8
      at = start + Number.parseInt(body.toString('latin1', at, start), 16)
      files.push({path, content: body.subarray(start, at)})
    } else throw new Error(`an unknown record: ${type}`)
  }
  return {env, command, files}
}

const failure = (input: Omit<BlockInput, 'server'>) => {
  try {
    environmentBlock({server: 'time', ...input})
  } catch (error) {
    expect(error).toMatchObject({code: 'SERVER_START_FAILED', hint: expect.stringContaining('')})
    return String(error)
  }
  throw new Error('the block was not refused')
}

/** How many bytes a variable's value may have at most: with its name, `=` and the ending zero it is 128 KiB. */
const longest = (name: string) => 'v'.repeat(131_072 - name.length - 2)

describe('environmentBlock', () => {
  test('has the form that the shim reads', () => {
    const block = environmentBlock({
      server: 'time',
      env: [
        ['A', 'ä=1'],
        ['B', ''],
      ],
      command: ['/bin/x', '-y'],
      files: [{path: '/run/secrets/k', content: Buffer.from('a\0b')}],
    })
    const body = 'eA=ä=1\0eB=\0a/bin/x\0a-y\0f/run/secrets/k\x0000000003a\0b'
    expect(block.toString()).toBe(`MCPE1 00000033\n${body}`)
  })

  test('is a head alone when there is nothing to tell', () => {
    expect(environmentBlock({server: 'time', env: []}).toString()).toBe('MCPE1 00000000\n')
  })

  test('gives back what went in', () => {
    const text = fc.string({unit: 'grapheme'}).map(each => each.replaceAll('\0', ''))
    const name = text.map(each => each.replaceAll('=', '')).filter(each => each !== '')
    const file = fc.record({
      path: text.map(each => `/${each}`),
      content: fc.uint8Array({maxLength: 300}).map(bytes => Buffer.from(bytes)),
    })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, text)),
        fc.array(text),
        fc.array(file),
        (env, command, files) => {
          const read = decode(environmentBlock({server: 'time', env, command, files}))
          expect(read.env).toEqual(env.map(pair => pair.join('=')))
          expect(read.command).toEqual(command)
          expect(read.files).toEqual(files)
        },
      ),
    )
  })

  test.each<[string, Omit<BlockInput, 'server'>, RegExp]>([
    ['a variable without name', {env: [['', 'SECRET']]}, /variable "" has a name/],
    ['a variable with = in its name', {env: [['A=B', 'SECRET']]}, /variable "A=B" has a name/],
    ['a zero in a name', {env: [['A\0', 'SECRET']]}, /variable "A\\u0000" contains a zero byte/],
    ['a zero in a value', {env: [['A', 'SECRET\0']]}, /variable "A" contains a zero byte/],
    ['a zero in an argument', {env: [], command: ['x', 'SECRET\0']}, /argument 1 contains a zero/],
    ['a long variable', {env: [['A', `${longest('A')}v`]]}, /variable "A" is longer than 131071/],
    [
      'a long argument',
      {env: [], command: ['SECRET'.repeat(30_000)]},
      /argument 0 is longer than 131071/,
    ],
    [
      'many variables',
      {env: Array.from({length: 15}, (_, n) => [`A${n}`, longest(`A${n}`)])},
      /together have 1966200 bytes, more than the 1966080/,
    ],
    [
      'very many small variables, which need a pointer each',
      {env: Array.from({length: 140_000}, (_, n) => [`A${n}`, ''])},
      /together have \d+ bytes/,
    ],
    [
      'more variables than the shim has room for',
      {env: Array.from({length: 8001}, (_, n) => [`A${n}`, 'SECRET'])},
      /its variables are 8001, and there is room for 8000/,
    ],
    [
      'more arguments than the shim has room for',
      {env: [], command: Array.from({length: 8001}, () => 'SECRET')},
      /its arguments are 8001/,
    ],
    [
      'a file without a place',
      {env: [], files: [{path: 'k', content: Buffer.from('SECRET')}]},
      /file "k" has no place/,
    ],
    [
      'a zero in a path',
      {env: [], files: [{path: '/k\0', content: Buffer.from('SECRET')}]},
      /file "\/k\\u0000" has no place/,
    ],
    [
      'a large file',
      {env: [], files: [{path: '/k', content: Buffer.alloc(900 * 1024 + 1)}]},
      /file "\/k" .*more than the 921600 bytes/,
    ],
    [
      'files that are large together',
      {
        env: [],
        files: ['/k', '/l'].map(path => ({path, content: Buffer.alloc(500 * 1024)})),
      },
      /file "\/l" .*more than the 921600 bytes/,
    ],
    [
      'very many small files, which need a page each',
      {
        env: [],
        files: Array.from({length: 226}, (_, n) => ({path: `/${n}`, content: Buffer.alloc(n % 2)})),
      },
      /file "\/225" .*more than the 921600 bytes/,
    ],
  ])('refuses %s, naming it and no value', (_case, input, why) => {
    const message = failure(input)
    expect(message).toMatch(/^PluginError: server time cannot start: its /)
    expect(message).toMatch(why)
    expect(message).not.toContain('SECRET')
  })

  test('takes what the kernel can just pass on', () => {
    const env = Array.from({length: 14}, (_, n) => [`A${n}`, longest(`A${n}`)] as const)
    const {length} = environmentBlock({server: 'time', env})
    expect(length).toBe(15 + 14 * 131_073)
    const size = execFileSync('/bin/sh', ['-c', 'env | wc -c'], {env: Object.fromEntries(env)})
    expect(Number(size)).toBeGreaterThan(14 * 131_072)
  })

  test('takes as many as there may be', () => {
    const env = Array.from({length: 8000}, (_, n) => [`A${n}`, ''] as const)
    expect(decode(environmentBlock({server: 'time', env})).env).toHaveLength(8000)
  })

  test('takes files that just fit', () => {
    const content = Buffer.alloc(900 * 1024)
    const {length} = environmentBlock({server: 'time', env: [], files: [{path: '/k', content}]})
    expect(length).toBe(15 + 1 + 3 + 8 + content.length)
  })
})

describe('plainEnvironment', () => {
  test('gives what the engine takes', () => {
    const env = [
      ['A', 'b=c d'],
      ['EMPTY', ''],
    ] as const
    expect(plainEnvironment('time', env)).toEqual(['A=b=c d', 'EMPTY='])
  })

  test('takes the longest variable that the system passes on, and not one more', () => {
    const value = longest('A')
    expect(plainEnvironment('time', [['A', value]])).toEqual([`A=${value}`])
    expect(() => plainEnvironment('time', [['A', `${value}v`]])).toThrow('longer than 131071')
  })

  test('counts the command for the same limit', () => {
    const env = Array.from({length: 14}, (_, n) => [`A${n}`, longest(`A${n}`)] as const)
    expect(plainEnvironment('time', env, ['x'])).toHaveLength(14)
    expect(() => plainEnvironment('time', env, ['x'.repeat(131_000)])).toThrow('together have')
  })
})
