import {randomUUID} from 'node:crypto'
import {gunzipSync} from 'node:zlib'
import {afterEach, beforeAll, describe, expect, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import type {Engine} from '../../../src/lib/engine/engine.ts'
import {tarFiles} from '../../../src/lib/engine/tar.ts'
import {fillVolume, type VolumeInput} from '../../../src/lib/engine/volume.ts'
import {
  type Entry,
  endpoint,
  gzippedTarOf,
  importImage,
  run,
  tarOf,
  watchedEngine,
} from './engine-lab.ts'

const never = new AbortController().signal
const PATH = '/.docker-mcp'
const PROGRAM: Entry = {content: Buffer.alloc(5000, 'program '), mode: 0o555}
const OTHER: Entry = {content: 'other', mode: 0o555}

let engine: Engine
beforeAll(async () => {
  engine = await openEngine(endpoint)
})

let scope = new Scope()
afterEach(async () => {
  await scope.close()
  scope = new Scope()
})

/** What to fill: a volume of this test's own, by way of an image that has nothing in it. */
const sample = async (more: Partial<VolumeInput> = {}): Promise<VolumeInput> => {
  const name = `docker-mcp-test-${randomUUID()}`
  scope.defer(() => engine.removeVolume(name))
  const image =
    more.image ??
    (await importImage(scope, `localhost/docker-mcp-test/empty:${name}`, {
      archive: Buffer.alloc(1024),
    }))
  const archive = await gzippedTarOf(scope, {'program-a': PROGRAM, 'program-b': OTHER})
  return {name, path: PATH, archive, owner: name, ...more, image}
}

/** A container with the volume, never started, until the test is over. */
const helper = async ({name, image, owner}: VolumeInput, called?: string): Promise<string> => {
  const mount = {Type: 'volume', Source: name, Target: PATH} as const
  const id = await engine.createHolder(
    {
      Image: image,
      Cmd: ['-'],
      Labels: {'docker-mcp-owner': owner},
      HostConfig: {
        NetworkMode: 'none',
        Mounts: [{...mount, VolumeOptions: {NoCopy: true, Labels: {}}}],
      },
    },
    never,
    called,
  )
  scope.defer(() => engine.remove(id, {force: true}))
  return id
}

/** The files in the volume, by their names there. */
const filesIn = async (input: VolumeInput): Promise<Map<string, unknown>> => {
  const archive = await engine.getArchive(await helper(input), `${PATH}/.`)
  const files = [...tarFiles(archive ?? Buffer.alloc(0))]
  return new Map(files.map(([name, file]) => [name.slice(name.indexOf('/') + 1), file]))
}
const expected = (input: VolumeInput) => new Map(tarFiles(gunzipSync(input.archive)))

const fills = (sent: string): number => (sent.match(/PUT \/\S*\/archive/g) ?? []).length
const helpersOf = ({owner}: VolumeInput) => engine.list({'docker-mcp-owner': owner})

describe('fillVolume', () => {
  test('makes and fills a volume, and only looks at it the second time', async () => {
    const [input, watched] = await Promise.all([sample(), watchedEngine(scope)])
    await fillVolume(watched.engine, input, never)
    expect(await helpersOf(input)).toEqual([])
    expect(fills(watched.sent())).toBe(1)
    await fillVolume(watched.engine, input, never)
    expect(await helpersOf(input)).toEqual([])
    expect(fills(watched.sent())).toBe(1)
    expect(await filesIn(input)).toEqual(expected(input))
    const format = '{{index .Labels "docker-mcp"}}'
    const {stdout} = await run('docker', ['volume', 'inspect', '--format', format, input.name])
    expect(stdout).toBe('true\n')
  })

  test.each<[string, Record<string, Entry>]>([
    ['has other bytes', {'program-a': {content: Buffer.alloc(5000, 'another '), mode: 0o555}}],
    ['is shorter', {'program-a': {content: 'program ', mode: 0o555}}],
    ['has another mode', {'program-a': {...PROGRAM, mode: 0o755}}],
    ['runs as its owner', {'program-a': {...PROGRAM, mode: 0o4555}}],
    ['is a link', {'program-a': {link: 'program-b'}}],
    ['is a link to itself', {'program-a': {link: 'program-a'}}],
    ['is a folder', {'program-a/program-a': PROGRAM}],
    ['is missing', {extra: {content: 'not ours'}}],
  ])('mends a volume in which a program %s', async (_what, changed) => {
    const [input, watched] = await Promise.all([sample(), watchedEngine(scope)])
    const before = await helper(input)
    await engine.putArchive(before, PATH, await tarOf(scope, {'program-b': OTHER, ...changed}))
    await fillVolume(watched.engine, input, never)
    expect(fills(watched.sent())).toBe(1)
    const found = await filesIn(input)
    for (const [name, file] of expected(input)) expect(found.get(name)).toEqual(file)
    await fillVolume(watched.engine, input, never)
    expect(fills(watched.sent())).toBe(1)
  })

  test('is done once by several at the same time', async () => {
    const input = await sample()
    const gateways = await Promise.all([1, 2, 3, 4].map(() => watchedEngine(scope)))
    await Promise.all(gateways.map(each => fillVolume(each.engine, input, never)))
    expect(gateways.map(each => fills(each.sent())).reduce((sum, one) => sum + one)).toBe(1)
    expect(await filesIn(input)).toEqual(expected(input))
  })

  test('waits for another that is at it', async () => {
    const [input, watched] = await Promise.all([sample(), watchedEngine(scope)])
    const other = await helper(input, `${input.name}-setup`)
    const filled = fillVolume(watched.engine, input, never)
    await watched.hasSent(new RegExp(`/containers/${other}/wait\\?condition=removed`))
    await engine.putArchive(other, PATH, input.archive)
    await engine.remove(other, {force: true})
    await filled
    expect(fills(watched.sent())).toBe(0)
    expect(await helpersOf(input)).toEqual([])
  })

  test('takes the place of one that was left behind', async () => {
    const [input, watched] = await Promise.all([sample(), watchedEngine(scope)])
    await helper(input, `${input.name}-setup`)
    await fillVolume(watched.engine, input, never)
    expect(fills(watched.sent())).toBe(1)
    expect(await helpersOf(input)).toEqual([])
    expect(await filesIn(input)).toEqual(expected(input))
  })

  test('leaves nothing behind when it is not wanted any more', async () => {
    const [input, watched] = await Promise.all([sample(), watchedEngine(scope)])
    const controller = new AbortController()
    const outcome = fillVolume(watched.engine, input, controller.signal).catch(
      (error: unknown) => error,
    )
    await watched.hasSent(/PUT \/\S*\/archive/)
    const reason = new Error('not wanted')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    expect(await helpersOf(input)).toEqual([])
    await fillVolume(engine, input, never)
    expect(await filesIn(input)).toEqual(expected(input))
  })

  test('leaves the helper of another alone when it stops to wait for it', async () => {
    const [input, watched] = await Promise.all([sample(), watchedEngine(scope)])
    const other = await helper(input, `${input.name}-setup`)
    const controller = new AbortController()
    const outcome = fillVolume(watched.engine, input, controller.signal).catch(
      (error: unknown) => error,
    )
    await watched.hasSent(/\/wait\?condition=removed/)
    const reason = new Error('not wanted')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    expect((await helpersOf(input)).map(({id}) => id)).toEqual([other])
  })

  test('says that a volume keeps nothing', async () => {
    const input = await sample()
    // It lives in memory, and only while something has it open.
    const options = ['type=tmpfs', 'device=tmpfs'].flatMap(each => ['--opt', each])
    await run('docker', ['volume', 'create', ...options, input.name])
    await expect(fillVolume(engine, input, never)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining(`the volume ${input.name} does not keep`),
      hint: expect.stringContaining(`docker volume rm ${input.name}`),
    })
    expect(await helpersOf(input)).toEqual([])
  })

  test('says that a volume holds too much to be looked at', async () => {
    const input = await sample()
    const large = await gzippedTarOf(scope, {large: {content: Buffer.alloc(9 * 1024 ** 2)}})
    await engine.putArchive(await helper(input), PATH, large)
    await expect(fillVolume(engine, input, never)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('holds too much besides'),
    })
  })

  test('says that the image is missing', async () => {
    const input = await sample({image: 'localhost/docker-mcp-test/absent:1'})
    await expect(fillVolume(engine, input, never)).rejects.toMatchObject({code: 'IMAGE_MISSING'})
  })

  test.each<[string, Record<string, Entry>]>([
    ['a file of the same name', {'.docker-mcp/program-a': OTHER, '.docker-mcp/more': OTHER}],
    ['a link in its place', {'.docker-mcp': {link: '/else/where'}, 'else/where': {folder: true}}],
    ['a link to nowhere in its place', {'.docker-mcp': {link: 'absent'}}],
  ])('takes nothing from an image that has %s', async (_what, entries) => {
    const ref = `localhost/docker-mcp-test/hostile:${randomUUID()}`
    const archive = await tarOf(scope, entries)
    const input = await sample({image: await importImage(scope, ref, {archive})})
    await fillVolume(engine, input, never)
    const plain = await sample()
    expect(await filesIn({...plain, name: input.name})).toEqual(expected(input))
  })
})
