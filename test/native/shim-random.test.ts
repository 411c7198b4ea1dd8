import {chmodSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import * as fc from 'fast-check'
import {afterAll, describe, expect, test} from 'vitest'

import {argument, block, file, variable} from './block.ts'
import {builds, isLinux} from './builds.ts'
import {runShim} from './shim-process.ts'

/** Where what random records name is looked for and made: nothing is there. */
const folder = mkdtempSync(join(tmpdir(), 'docker-mcp-random-'))
chmodSync(folder, 0o755)
afterAll(() => rmSync(folder, {recursive: true}))
const ENV = {PATH: folder}

const bytes = (maxLength: number) => fc.uint8Array({maxLength}).map(array => Buffer.from(array))
/** Text that may be part of a record. */
const words = fc.string({unit: 'binary', maxLength: 20}).map(text => text.replaceAll('\0', ''))
const names = words.map(text => text.replaceAll('=', '')).filter(text => text !== '')
const entries = fc.tuple(names, words).map(([name, value]) => `${name}=${value}`)

const records = fc.oneof(
  entries.map(variable),
  words.map(argument),
  fc
    .tuple(
      words.map(text => text.replaceAll(/[/.]/g, '')),
      bytes(50),
    )
    .map(([path, content]) => file(path, content)),
  bytes(10),
)
const bodies = fc.oneof(
  bytes(200),
  fc.array(records).map(parts => Buffer.concat(parts)),
)
const inputs = fc.oneof(
  bytes(50),
  bytes(50).map(rest => Buffer.concat([Buffer.from('MCPE1 0000'), rest])),
  bodies.map(body => block(body)),
  fc.tuple(bodies, fc.nat(300)).map(([body, cut]) => block(body).subarray(0, cut)),
)

describe.runIf(isLinux).each(builds)('whatever a shim reads ($name)', build => {
  const numRuns = build.name === 'checked' ? 150 : 75

  test('it runs its program or says in one line why not', async () => {
    const property = fc.asyncProperty(inputs, async input => {
      const {code, signal, stderr} = await runShim(build, input, {
        env: ENV,
        command: ['none'],
        cwd: folder,
      })
      expect(signal).toBeNull()
      expect([125, 126, 127]).toContain(code)
      expect(stderr).toMatch(/^shim: [^\n]+\n$/)
    })
    await fc.assert(property, {numRuns})
  })

  test('its program has the variables of the container and of the block, each name once', async () => {
    const property = fc.asyncProperty(fc.array(entries), fc.array(entries), async (own, given) => {
      const command = ['/bin/cat', '/proc/self/environ']
      const env = Object.fromEntries(own.map(pair))
      const {stdout} = await runShim(build, block(...given.map(variable)), {env, command})
      const expected = new Map([...Object.entries({...env, ...build.env}), ...given.map(pair)])
      expect(stdout.split('\0').slice(0, -1).toSorted()).toEqual(
        [...expected].map(([name, value]) => `${name}=${value}`).toSorted(),
      )
    })
    await fc.assert(property, {numRuns})
  })
})

/** `KEY=VALUE` as its two parts. */
function pair(entry: string): [string, string] {
  const at = entry.indexOf('=')
  return [entry.slice(0, at), entry.slice(at + 1)]
}
