import {createHash} from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {afterEach, beforeEach, describe, expect, test} from 'vitest'

import {argument, block, file, variable} from './block.ts'
import {builds, isLinux, isRoot} from './builds.ts'
import {runShim, startShim, type ShimOptions, type ShimOutcome} from './shim-process.ts'

const ENVIRONMENT = ['/bin/cat', '/proc/self/environ']
const KIB = 1024
const NOBODY = 65534

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docker-mcp-block-'))
  chmodSync(folder, 0o755)
})
afterEach(() => rmSync(folder, {recursive: true}))

/** The variables that a program printed, in their order. */
function variablesIn({stdout}: ShimOutcome): readonly string[] {
  return stdout.split('\0').filter(entry => entry !== '' && !entry.startsWith('ASAN_OPTIONS='))
}

describe.runIf(isLinux).each(builds)('the block that the shim reads ($name)', build => {
  const run = (records: readonly Buffer[], options: ShimOptions, rest = '') =>
    runShim(build, Buffer.concat([block(...records), Buffer.from(rest)]), options)

  test('gives variables, which win over those of the container', async () => {
    const env = {PATH: '/bin', KEPT: 'container', TAKEN: 'container', TAKE: 'container'}
    const records = [variable('TAKEN=block'), variable('NEW=block')]
    const outcome = await run(records, {command: ENVIRONMENT, env})
    expect(variablesIn(outcome).toSorted()).toEqual([
      'KEPT=container',
      'NEW=block',
      'PATH=/bin',
      'TAKE=container',
      'TAKEN=block',
    ])
  })

  test('gives each name once, with its last value', async () => {
    const records = ['A=1', 'AA=2', 'A=3', 'A=', 'B=x', 'B=y=z'].map(entry => variable(entry))
    const outcome = await run(records, {command: ENVIRONMENT, env: {}})
    expect(variablesIn(outcome)).toEqual(['A=', 'AA=2', 'B=y=z'])
  })

  test('carries values of any bytes but NUL', async () => {
    const value = `TEXT=${String.fromCharCode(...Array.from({length: 127}, (_, i) => i + 1))}é…`
    const outcome = await run([variable(value)], {command: ENVIRONMENT, env: {}})
    expect(variablesIn(outcome)).toEqual([value])
  })

  test('gives the program and its arguments when it names some', async () => {
    const words = ['/bin/sh', '-c', 'printf "<%s>" "$@"', 'sh', '', 'two words', '-n'].map(argument)
    const outcome = await run(words, {command: ['/bin/false', 'ignored']})
    expect(outcome).toEqual({code: 0, signal: null, stdout: '<><two words><-n>', stderr: ''})
  })

  test('may leave everything to the command line', async () => {
    const outcome = await run([], {command: ['sh', '-c', 'echo "$0 $1"', 'a', 'b']})
    expect(outcome).toEqual({code: 0, signal: null, stdout: 'a b\n', stderr: ''})
  })

  test('gives files before the program starts', async () => {
    const content = Buffer.from([0, 1, 2, 0, 255, 10, 0])
    const records = [file('secret', content), file(join(folder, 'empty'), '')]
    const command = ['sh', '-c', 'cat secret | od -An -tu1; test -e empty && echo there']
    const outcome = await run(records, {command, cwd: folder})
    expect(outcome.stdout.split(/\s+/).join(' ')).toBe(' 0 1 2 0 255 10 0 there ')
    expect(readFileSync(join(folder, 'secret'))).toEqual(content)
    expect(readFileSync(join(folder, 'empty'))).toEqual(Buffer.alloc(0))
  })

  test('gives files that only its user may read', async () => {
    chmodSync(folder, 0o777)
    const user = isRoot ? {uid: NOBODY} : {}
    await run([file('secret', 'value')], {command: ['true'], cwd: folder, ...user})
    expect(lstatSync(join(folder, 'secret')).mode & 0o7777).toBe(0o400)
  })

  test.runIf(isRoot)('gives files as root that the user may read whom it becomes', async () => {
    const become = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
    const command = [...become, 'sh', '-c', 'id -u; cat secret; echo more 2>&1 >>secret']
    const {stdout} = await run([file('secret', 'value')], {command, cwd: folder})
    expect(stdout).toMatch(new RegExp(`^${NOBODY}\nvalue.*secret: Permission denied`))
    expect(lstatSync(join(folder, 'secret')).mode & 0o7777).toBe(0o444)
  })

  test('takes the place of no file and follows no link', async () => {
    writeFileSync(join(folder, 'file'), 'old')
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'))
    for (const name of ['file', 'link']) {
      expect(await run([file(name, 'new')], {command: ['true'], cwd: folder})).toEqual({
        code: 125,
        signal: null,
        stdout: '',
        stderr: `shim: cannot write ${name}: it exists already\n`,
      })
    }
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('old')
    expect(() => lstatSync(join(folder, 'elsewhere'))).toThrow('ENOENT')
  })

  test('says which file cannot be written, and why', async () => {
    const outcome = await run([file('none/secret', 'value')], {command: ['true'], cwd: folder})
    expect(outcome.stderr).toBe('shim: cannot write none/secret: not found\n')
    expect(outcome.code).toBe(125)
  })

  test.runIf(isRoot)('writes files as the user that it runs as', async () => {
    const options = {command: ['true'], cwd: folder, uid: NOBODY}
    const outcome = await run([file('secret', 'value')], options)
    expect(outcome.stderr).toBe('shim: cannot write secret: permission denied\n')
  })

  test('is all that is read: what follows it in the same write is the program’s', async () => {
    const rest = Buffer.alloc(10 * KIB * KIB, 'all of it arrives, ')
    const input = Buffer.concat([block(variable('A=b')), rest])
    for (const stdin of ['pipe', 'socket', 'nonblocking pipe'] as const) {
      const {stdout} = await runShim(build, input, {command: ['sha256sum'], stdin})
      expect(stdout).toBe(`${createHash('sha256').update(rest).digest('hex')}  -\n`)
    }
  })

  test('may come byte by byte', async () => {
    await using shim = startShim(build, {command: ['sh', '-c', 'echo $A; cat'], stdin: 'socket'})
    for (const byte of block(variable('A=in pieces'))) {
      await new Promise(resolve => shim.stdin.write(Buffer.of(byte), resolve))
    }
    await shim.said(/in pieces/)
    shim.stdin.end('and then the rest')
    expect(await shim.ended()).toMatchObject({code: 0, stdout: 'in pieces\nand then the rest'})
  })

  test('may be as long as 4 MiB', async () => {
    const room = 4 * KIB * KIB - file('big', '').length
    const content = Buffer.alloc(room, 7)
    const outcome = await run([file('big', content)], {command: ['cat'], cwd: folder}, 'rest')
    expect(outcome).toEqual({code: 0, signal: null, stdout: 'rest', stderr: ''})
    expect(readFileSync(join(folder, 'big')).equals(content)).toBe(true)
  })

  test('holds as many variables as the kernel takes for a program', async () => {
    const entries = Array.from({length: 8000}, (_, i) => `V${i}=${i}`)
    const records = entries.map(variable)
    expect(variablesIn(await run(records, {command: ENVIRONMENT, env: {}}))).toEqual(entries)
  })

  test.each([
    ['variables', (i: number) => variable(`V${i}=`)],
    ['arguments', () => argument('')],
  ])('with too many %s is refused', async (_what, record) => {
    const outcome = await run(
      Array.from({length: 8193}, (_, i) => record(i)),
      {command: ['true']},
    )
    expect(outcome.code).toBe(126)
    expect(outcome.stderr).toBe(
      'shim: cannot run the program: environment and arguments are too large\n',
    )
  })
})
