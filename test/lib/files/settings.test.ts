import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {gatewayToken} from '../../../src/lib/files/settings.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'settings-'))
})
afterEach(() => rm(dir, {recursive: true}))

const paths = () => statePaths({configFlag: dir, env: {}})
const file = () => join(dir, 'mcp', 'gateway.json')
const put = async (content: string) => {
  await mkdir(join(dir, 'mcp'), {recursive: true})
  await writeFile(file(), content)
}

describe('gatewayToken', () => {
  test('makes a token that nobody can guess and any header can carry', async () => {
    expect(await gatewayToken(paths())).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })

  test('gives the same token the next time', async () => {
    const first = await gatewayToken(paths())
    expect(await gatewayToken(paths())).toBe(first)
    expect(await readFile(file(), 'utf8')).toContain(first)
  })

  test('gives another user another token', async () => {
    const other = statePaths({configFlag: join(dir, 'other'), env: {}})
    expect(await gatewayToken(other)).not.toBe(await gatewayToken(paths()))
  })

  test('keeps it in a file that only its owner can read', async () => {
    await gatewayToken(paths())
    expect((await stat(file())).mode & 0o777).toBe(0o600)
  })

  test('closes a file that others could read', async () => {
    const first = await gatewayToken(paths())
    await chmod(file(), 0o644)
    expect(await gatewayToken(paths())).toBe(first)
    expect((await stat(file())).mode & 0o777).toBe(0o600)
  })

  test('keeps what else is in the file', async () => {
    await put('{"other": 1}')
    await gatewayToken(paths())
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({other: 1})
  })

  test.each([
    ['no JSON', '{"token"'],
    ['a token that is too short', '{"token": "short"}'],
    ['a token that no header can carry', `{"token": "${'with space '.repeat(4)}"}`],
    ['a token with a line end', `{"token": "${'x'.repeat(40)}\\n"}`],
    ['another type', '{"token": 12345678901234567890123456789012345}'],
    ['a list', '[]'],
    ['nothing', ''],
  ])(
    'refuses a file with %s, or makes a new token of it, but never serves it',
    async (_, content) => {
      await put(content)
      const outcome = await gatewayToken(paths()).catch((error: unknown) => error)
      const isRefused = outcome instanceof Error && Reflect.get(outcome, 'code') === 'FILE_INVALID'
      expect(isRefused || /^[A-Za-z0-9_-]{43}$/.test(String(outcome))).toBe(true)
      expect(String(outcome)).not.toContain('with space')
    },
  )

  test('names the file that it cannot read, and the next step', async () => {
    await put('{"token"')
    await expect(gatewayToken(paths())).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: `${file()} does not hold a gateway token`,
      hint: 'move it away: a new one is made',
    })
  })

  test('says what is in the way when the file is a folder', async () => {
    await mkdir(file(), {recursive: true})
    await expect(gatewayToken(paths())).rejects.toMatchObject({
      code: 'FILE_DENIED',
      message: `cannot read ${file()}: it is a folder`,
    })
  })

  test('is one and the same for processes that ask at the same time', async () => {
    const script = join(import.meta.dirname, '..', '..', 'fixtures', 'print-token.ts')
    const children = [1, 2, 3].map(() => spawn(process.execPath, [script, dir]))
    try {
      await Promise.all(children.map(child => once(child.stdout, 'data')))
      const printed = children.map(child => text(child.stdout))
      for (const child of children) child.stdin.write('\n')
      const tokens = new Set(await Promise.all(printed))
      expect([...tokens]).toEqual([await gatewayToken(paths())])
    } finally {
      for (const child of children) child.kill()
    }
  })
})
