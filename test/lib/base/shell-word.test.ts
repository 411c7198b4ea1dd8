import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import * as fc from 'fast-check'
import {expect, test} from 'vitest'
import {shellWord} from '../../../src/lib/base/shell-word.ts'

const run = promisify(execFile)

test('a word is one word to a shell, and the same', async () => {
  const words = fc.array(fc.string({unit: 'binary-ascii'}).map(text => text.replaceAll('\0', '')))
  await fc.assert(
    fc.asyncProperty(words, async all => {
      const line = `printf '%s\\0' ${all.map(shellWord).join(' ')}`
      const {stdout} = await run('sh', ['-c', line])
      expect(stdout.split('\0').slice(0, -1)).toEqual(all.length > 0 ? all : [''])
    }),
    {numRuns: 30},
  )
})

test('a name of a secret stays as it is', () => {
  expect(shellWord('docker/mcp/brave.api_key:2-x')).toBe('docker/mcp/brave.api_key:2-x')
  expect(shellWord("a'; rm -rf ~")).toBe(String.raw`'a'\''; rm -rf ~'`)
})
