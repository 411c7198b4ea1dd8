import {closeSync, openSync, readFileSync, readSync, rmSync, statSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {describe, expect, test} from 'vitest'

import {argument, block, file, variable} from './block.ts'
import {isRoot, own} from './builds.ts'
import {startShim, type Shim} from './shim-process.ts'

const NOBODY = 65534
/** Three values, so that each is looked for by itself. */
const VARIABLE = 'value-of-a-variable-8d1c'
const ARGUMENT = 'value-of-an-argument-52ab'
const CONTENT = 'content-of-a-file-97e0'
const SECRETS = [VARIABLE, ARGUMENT, CONTENT]

/** Runs as another user, since root may look into everything of its own. */
function start(): Shim {
  return startShim(own!, {uid: NOBODY, command: ['true'], cwd: tmpdir()})
}

/** Those of the values that are in memory that the process can write to. */
function inMemoryOf(pid: number): readonly string[] {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    const regions = writableRegionsOf(pid).map(({start: from, end}) => {
      const bytes = Buffer.alloc(end - from)
      readSync(memory, bytes, 0, bytes.length, from)
      return bytes
    })
    return SECRETS.filter(secret => regions.some(bytes => bytes.includes(secret)))
  } finally {
    closeSync(memory)
  }
}

/** proc(5): address range and permissions of each mapping. */
function writableRegionsOf(pid: number): readonly {start: number; end: number}[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .map(line => /^(\w+)-(\w+) .w/.exec(line))
    .filter(match => match !== null)
    .map(match => ({start: Number(`0x${match[1]}`), end: Number(`0x${match[2]}`)}))
}

/** proc(5): files of a process that is not dumpable are root's. */
function isDumpable(pid: number): boolean {
  return statSync(`/proc/${pid}/environ`).uid === NOBODY
}

function shows(path: string): readonly string[] {
  const bytes = readFileSync(path)
  return SECRETS.filter(secret => bytes.includes(secret))
}

describe.runIf(own !== undefined && isRoot)('the secrets that went through a shim', () => {
  const path = join(tmpdir(), `docker-mcp-secret-${process.pid}`)
  const whole = block(
    file(path, CONTENT),
    variable(`TOKEN=${VARIABLE}`),
    ...['/bin/sh', '-c', 'echo pid $$; read line', ARGUMENT].map(argument),
  )

  test('are for nobody to see while it waits for the rest of the block', async () => {
    await using shim = start()
    shim.stdin.write(whole.subarray(0, -1))
    await expect.poll(() => inMemoryOf(shim.pid)).toEqual(SECRETS)
    expect(isDumpable(shim.pid)).toBe(false)
  })

  test('are in its program and no longer in the shim', async () => {
    await using shim = start()
    shim.stdin.write(whole)
    try {
      const program = Number((await shim.said(/pid (\d+)/))[1])
      expect(shows(`/proc/${program}/environ`)).toEqual([VARIABLE])
      expect(shows(`/proc/${program}/cmdline`)).toEqual([ARGUMENT])
      expect(isDumpable(program)).toBe(true)
      await expect.poll(() => inMemoryOf(shim.pid)).toEqual([])
      expect(shows(`/proc/${shim.pid}/environ`)).toEqual([])
      expect(shows(`/proc/${shim.pid}/cmdline`)).toEqual([])
      expect(isDumpable(shim.pid)).toBe(false)
      expect(statSync(path)).toMatchObject({uid: NOBODY, gid: NOBODY, size: CONTENT.length})
    } finally {
      rmSync(path, {force: true})
    }
  })
})
