import {chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {afterEach, beforeEach, describe, expect, test} from 'vitest'

import {argument, block, variable} from './block.ts'
import {builds, isLinux, isRoot} from './builds.ts'
import {runShim, type ShimOptions} from './shim-process.ts'

const NOBODY = 65534
/** execve(2): a string of a program's arguments or environment may be this long, its end included. */
const STRING_MAX = 128 * 1024

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-mcp-program-'))
  chmodSync(folder, 0o755)
})
afterEach(() => rmSync(folder, {recursive: true}))

/** Makes a program that says its own name, or something that is none. */
function put(path: string, {mode = 0o755, text = '#!/bin/sh\necho "$0"\n'} = {}): string {
  const whole = join(folder, path)
  mkdirSync(join(whole, '..'), {recursive: true})
  writeFileSync(whole, text)
  chmodSync(whole, mode)
  return whole
}

/** What a shim says that could not run its program. */
const cannot = (code: number, name: string, why: string) => ({
  code,
  signal: null,
  stdout: '',
  stderr: `shim: cannot run ${name}: ${why}\n`,
})

describe.runIf(isLinux).each(builds)('the program that the shim runs ($name)', build => {
  const run = (records: readonly Buffer[], options: ShimOptions) =>
    runShim(build, block(...records), {cwd: folder, ...options})

  test.each([
    ['a name that is nowhere', 'no-such-program'],
    ['a path that is not there', '/no/such/program'],
    ['a path through a file', '/etc/passwd/program'],
    ['no name at all', ''],
  ])('%s is not found', async (_what, name) => {
    expect(await run([], {command: [name]})).toEqual(cannot(127, name, 'not found'))
  })

  test('a script whose interpreter is missing is not found', async () => {
    const script = put('script', {text: '#!/no/such/interpreter\n'})
    expect(await run([], {command: [script]})).toEqual(cannot(127, script, 'not found'))
  })

  test('a folder, and a file that may not be run, are denied', async () => {
    const file = put('file', {mode: 0o644})
    for (const name of [file, folder, './file']) {
      expect(await run([], {command: [name]})).toEqual(cannot(126, name, 'permission denied'))
    }
  })

  test('a text without an interpreter is not given to a shell', async () => {
    const script = put('script', {text: 'echo it ran\n'})
    const outcome = cannot(126, script, 'exec format error')
    expect(await run([], {command: [script]})).toEqual(outcome)
    const env = {PATH: folder}
    expect(await run([], {command: ['script'], env})).toEqual({
      ...outcome,
      stderr: 'shim: cannot run script: exec format error\n',
    })
  })

  test('a name that cannot be printed does not break the line', async () => {
    expect(await run([], {command: ['/a\nb\x1b[m\x7fé']})).toEqual(
      cannot(127, '/a?b?[m?é', 'not found'),
    )
  })

  test('a name of any length leaves room for the reason', async () => {
    const outcome = await run([], {command: [`/${'x/'.repeat(1000)}y`]})
    expect(outcome).toEqual(cannot(127, `/${'x/'.repeat(128).slice(0, 255)}...`, 'not found'))
    const tooLong = await run([], {command: [`/${'x'.repeat(5000)}`]})
    expect(tooLong.stderr).toMatch(/^shim: cannot run \/x+\.\.\.: error 36\n$/)
  })

  test('is searched with the PATH of the block', async () => {
    const [first, second] = [put('first/program'), put('second/program')]
    const env = {PATH: join(folder, 'second')}
    expect(await run([], {command: ['program'], env})).toMatchObject({stdout: `${second}\n`})
    const path = variable(`PATH=${folder}/none:${folder}/first:${folder}/second`)
    expect(await run([path], {command: ['program'], env})).toMatchObject({stdout: `${first}\n`})
    const words = [argument('program'), path]
    expect(await run(words, {command: ['true'], env})).toMatchObject({stdout: `${first}\n`})
  })

  test('is searched where the engine does when there is no PATH', async () => {
    const outcome = await run([], {command: ['sh', '-c', 'echo found'], env: {}})
    expect(outcome).toMatchObject({code: 0, stdout: 'found\n'})
  })

  test('is taken from the working folder only when PATH says so', async () => {
    put('program')
    const command = ['program']
    expect(await run([], {command})).toMatchObject({code: 127})
    for (const path of ['', ':', '/none:', ':/none', '/none::/none', '.']) {
      const outcome = await run([variable(`PATH=${path}`)], {command})
      expect(outcome).toMatchObject({code: 0, stdout: expect.stringMatching(/^(\.\/)?program\n$/)})
    }
  })

  test('is searched on where one may not be run, or a folder is none or too long', async () => {
    put('denied/program', {mode: 0o644})
    const found = put('found/program')
    const denied = join(folder, 'denied')
    const long = `/${'x'.repeat(5000)}`
    const path = variable(`PATH=/etc/passwd:${denied}:${long}:${denied}/program:${folder}/found`)
    expect(await run([path], {command: ['program']})).toMatchObject({stdout: `${found}\n`})
    const none = variable(`PATH=${denied}:/none`)
    const outcome = await run([none], {command: ['program']})
    expect(outcome).toEqual(cannot(126, 'program', 'permission denied'))
  })

  test.runIf(isRoot)('runs as the user that the shim runs as', async () => {
    const outcome = await run([], {command: ['id', '-u'], uid: NOBODY})
    expect(outcome).toMatchObject({code: 0, stdout: `${NOBODY}\n`})
  })

  test('gets a variable as long as the kernel takes, and no longer', async () => {
    const entry = 'BIG='.padEnd(STRING_MAX - 1, 'x')
    const command = ['sh', '-c', 'echo ${#BIG}']
    const outcome = await run([variable(entry)], {command})
    expect(outcome).toMatchObject({code: 0, stdout: `${STRING_MAX - 1 - 'BIG='.length}\n`})
    const tooLarge = cannot(126, 'sh', 'environment and arguments are too large')
    expect(await run([variable(`${entry}x`)], {command})).toEqual(tooLarge)
    const word = argument('x'.repeat(STRING_MAX))
    expect(await run([argument('sh'), word], {command})).toEqual(tooLarge)
  })

  test('gets many long variables', async () => {
    const entries = Array.from({length: 15}, (_, i) => variable(`V${i}=${'x'.repeat(100_000)}`))
    const outcome = await run(entries, {command: ['sh', '-c', 'echo ${#V0} ${#V14}']})
    expect(outcome).toMatchObject({code: 0, stdout: '100000 100000\n'})
  })
})
