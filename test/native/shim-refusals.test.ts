import {describe, expect, test} from 'vitest'

import {argument, block, file, variable} from './block.ts'
import {builds, isLinux} from './builds.ts'
import {codeOf, runShim, startShim, untilCareful} from './shim-process.ts'

const MALFORMED = 'the block is malformed'
const NO_BLOCK = 'stdin does not begin with a block'
const ENDED = 'stdin ended before the block was complete'
const USAGE = 'usage: shim [-wSECONDS] [-tSECONDS] [-n] -- PROGRAM ARGUMENT...'
const SECONDS = '-w and -t take a number of seconds'

const records = (text: string) => block(Buffer.from(text, 'latin1'))

const REFUSED: readonly (readonly [what: string, stdin: Buffer | string, why: string])[] = [
  ['nothing', '', ENDED],
  ['another first byte', 'hello', NO_BLOCK],
  ['another version', 'MCPE2 00000000\n', NO_BLOCK],
  ['a length with capitals', 'MCPE1 0000000A\n', MALFORMED],
  ['a length with a sign', 'MCPE1 -0000001\n', MALFORMED],
  ['no newline behind the length', 'MCPE1 000000000', NO_BLOCK],
  ['part of a header', 'MCPE1 0000', ENDED],
  ['a header alone', 'MCPE1 00000001\n', ENDED],
  ['part of a body', block(variable('A=b')).subarray(0, -1), ENDED],
  ['a byte too many', 'MCPE1 00400001\n', 'the block is too large'],
  ['the greatest length', 'MCPE1 ffffffff\n', 'the block is too large'],
  ['an unknown record', records('x'), MALFORMED],
  ['an unknown record behind others', records('eA=b\0\0'), MALFORMED],
  ['a record of a name only', records('eA\0'), MALFORMED],
  ['a record without a name', records('e=b\0'), MALFORMED],
  ['an empty variable', records('e\0'), MALFORMED],
  ['a variable without its end', records('eA=b'), MALFORMED],
  ['a type without its record', records('e'), MALFORMED],
  ['an argument without its end', records('aone'), MALFORMED],
  ['a path without its end', records('f/none'), MALFORMED],
  ['a file without a length', records('f/none\0'), MALFORMED],
  ['part of a length', records('f/none\x000000000'), MALFORMED],
  ['a length that is no number', records('f/none\x000000000g'), MALFORMED],
  ['a file longer than the body', records('f/none\x0000000002x'), MALFORMED],
  ['a file longer than any body', records('f/none\x00ffffffffx'), MALFORMED],
]

describe.runIf(isLinux).each(builds)('what the shim refuses ($name)', build => {
  test.each(REFUSED)('%s', async (_what, stdin, why) => {
    expect(await runShim(build, stdin, {command: ['echo', 'it ran']})).toEqual({
      code: 125,
      signal: null,
      stdout: '',
      stderr: `shim: ${why}\n`,
    })
  })

  test('what is no block, while stdin is still open', async () => {
    await using shim = startShim(build, {command: ['true']})
    shim.stdin.write('M')
    shim.stdin.write('Q')
    expect(await shim.ended()).toMatchObject({code: 125, stderr: `shim: ${NO_BLOCK}\n`})
  })

  test('to make a file of a malformed record', async () => {
    const record = file('/nowhere/at/all', 'value').subarray(0, -1)
    const outcome = await runShim(build, block(record), {command: ['true']})
    expect(outcome.stderr).toBe(`shim: ${MALFORMED}\n`)
  })

  test('a block that runs no program', async () => {
    const outcome = await runShim(build, block(variable('A=b')))
    expect(outcome).toMatchObject({code: 125, stderr: 'shim: there is no program to run\n'})
  })

  test.each([
    [['-x'], USAGE],
    [['-'], USAGE],
    [['-nn'], USAGE],
    [['word'], USAGE],
    [['-w'], SECONDS],
    [['-wx'], SECONDS],
    [['-t-1'], SECONDS],
    [['-t1.5'], SECONDS],
    [['-w99999999999999999999'], SECONDS],
  ])('the options %j', async (options, why) => {
    const outcome = await runShim(build, block(argument('true')), {options})
    expect(outcome).toEqual({code: 125, signal: null, stdout: '', stderr: `shim: ${why}\n`})
  })

  test('a command line without an end of its options', async () => {
    const outcome = await runShim(build, block(), {options: ['-n'], end: []})
    expect(outcome).toMatchObject({code: 125, stderr: `shim: ${USAGE}\n`})
  })

  test('a block that does not come in time, or not all of it', async () => {
    for (const beginning of ['', 'MCPE1 ', block(variable('A=b')).subarray(0, -1)]) {
      await using shim = startShim(build, {options: ['-t1'], command: ['true']})
      if (beginning.length > 0) shim.stdin.write(beginning)
      const stderr = 'shim: no complete block came in time\n'
      expect(await shim.ended()).toMatchObject({code: 125, stderr})
    }
  })

  test('to wait longer for one that comes byte by byte', async () => {
    await using shim = startShim(build, {options: ['-t1'], command: ['true'], stdin: 'socket'})
    shim.stdin.write(block(Buffer.alloc(100_000)).subarray(0, 15))
    const pour = setInterval(() => shim.stdin.write('e'), 5)
    const outcome = await shim.ended().finally(() => clearInterval(pour))
    const stderr = 'shim: no complete block came in time\n'
    expect(outcome).toMatchObject({code: 125, stderr})
  })

  test('nothing for the sake of time when told to wait for ever', async () => {
    const outcome = await runShim(build, block(), {options: ['-t0'], command: ['echo', 'done']})
    expect(outcome).toMatchObject({code: 0, stdout: 'done\n'})
  })

  test('to outlive a closed stderr', async () => {
    const wrapper = ['sh', '-c', 'exec "$0" "$@" 2>&-']
    const outcome = await runShim(build, 'x', {wrapper, command: ['true']})
    expect(outcome).toEqual({code: 125, signal: null, stdout: '', stderr: ''})
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)(
    'to wait on after %s',
    async signal => {
      await using shim = startShim(build, {command: ['true']})
      await untilCareful(shim)
      shim.child.kill(signal)
      expect(await shim.ended()).toMatchObject({code: codeOf(signal), signal: null})
    },
  )
})
