import {Parser} from '@oclif/core'
import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {flagWords} from '../../src/lib/flag-words.ts'
import {gatewayEnv} from '../../src/lib/gateway-env.ts'
import {relativeFlags} from '../../src/lib/gateway/background/launch-folder.ts'
import {runFlags} from '../../src/lib/run-flags.ts'

async function wordsFor(argv: readonly string[]): Promise<readonly string[]> {
  return flagWords(await Parser.parse([...argv], {flags: runFlags}), runFlags)
}

describe('the words of flags', () => {
  test('are the same however they were said, and nothing for what was not', async () => {
    expect(await wordsFor([])).toEqual([])
    const words = ['--servers=a', '--servers=b', '--port=9', '--memory=', '--no-watch']
    expect(await wordsFor(words)).toEqual(
      await wordsFor(['--no-watch', '--memory', '', '--servers', 'a,b', '--port', '9']),
    )
    expect((await wordsFor(words)).toSorted()).toEqual(words.toSorted())
  })

  test('say the same again', async () => {
    const text = fc.stringMatching(/^[a-z0-9,=:./-]{1,12}$/)
    await fc.assert(
      fc.asyncProperty(fc.array(text), text, async (values, secrets) => {
        const given = [
          ...values.map(value => `--servers=${value.replaceAll(',', '\\,')}`),
          ...values.map(value => `--oci-ref=${value}`),
          `--secrets=${secrets}`,
        ]
        const words = await wordsFor(given)
        const again = await Parser.parse([...words], {flags: runFlags})
        expect(again.flags).toEqual((await Parser.parse(given, {flags: runFlags})).flags)
      }),
      {numRuns: 50},
    )
  })

  test('are those with a file that counts from the folder', () => {
    const absolute = ['--secrets=keyring:/run/x.env', '--catalog=https://h.test/c.yaml']
    const others = ['--servers=memory', '--config=~/c.yaml', '--port=0', '--tools=a.b', '--watch']
    const relative = ['--secrets=keyring:.env', '--config=./c.yaml', '--servers=file://./s.yaml']
    expect(relativeFlags([...absolute, ...others, ...relative])).toEqual(relative)
  })
})

test('a gateway in the background gets what it needs of the environment, and no flags', () => {
  const needed = {PATH: '/bin', DOCKER_HOST: 'x', DOCKER_MCP_SECRET_A: 's', https_proxy: 'p'}
  const others = {MY_SECRET_KEY: 'x', DOCKER_MCP_SERVERS: 'a', DOCKER_MCP_CLIENT: 'cursor'}
  const more = {DOCKER_MCP_PROFILE: 'work', NODE_OPTIONS: '--inspect', DOCKER_MCP_NAME: 'n'}
  expect(gatewayEnv({...needed, ...others, ...more})).toEqual(needed)
})
