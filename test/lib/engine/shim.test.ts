import {randomUUID} from 'node:crypto'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'
import {PROGRAMS_PATH} from '../../../src/lib/engine/mounts.ts'
import {PROGRAMS_DIGEST} from '../../../src/lib/engine/programs.ts'
import {
  ensureShim,
  forgetShim,
  shimArchitecture,
  shimVolumeName,
} from '../../../src/lib/engine/shim.ts'
import {importImage, run, type WatchedEngine, watchedEngine} from './engine-lab.ts'

const never = new AbortController().signal
const owner = `test-${randomUUID()}`
const helpers = () => watched.engine.list({'docker-mcp-owner': owner})
const ABSENT = 'localhost/docker-mcp-test/absent:1'

// The volume itself stays on the engine: it is of use to whoever comes next, and may be in use by others now.
let scope = new Scope()
let watched: WatchedEngine
let image = ''
beforeEach(async () => {
  watched = await watchedEngine(scope)
  const ref = `localhost/docker-mcp-test/empty:${randomUUID()}`
  image = await importImage(scope, ref, {archive: Buffer.alloc(1024)})
})
afterEach(async () => {
  await scope.close()
  scope = new Scope()
})

describe('ensureShim', () => {
  test('gives a container of any image and user our programs', async () => {
    const {engine} = watched
    const volume = await ensureShim(engine, {owner, image}, never)
    expect(volume).toBe(`docker-mcp-shim-${PROGRAMS_DIGEST}`)
    const {architecture} = (await engine.inspectImage(image)) ?? {architecture: ''}
    const mount = `type=volume,src=${volume},dst=${PROGRAMS_PATH},readonly,volume-nocopy`
    const common = ['--rm', '--interactive', '--network', 'none', '--user', '65532']
    const hardened = ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--read-only']
    const program = `${PROGRAMS_PATH}/shim-${shimArchitecture(architecture)}`
    const place = ['--mount', mount, '--entrypoint', program, image]
    const started = run('docker', ['run', ...common, ...hardened, ...place, '--', '/absent'])
    started.child.stdin?.end('MCPE1 00000000\n')
    // 127 is what it says itself when it got its block and does not find the program.
    await expect(started).rejects.toMatchObject({
      code: 127,
      stderr: expect.stringMatching(/^shim: .*\/absent.*not found\n$/),
    })
  })

  test('does nothing the second time', async () => {
    await ensureShim(watched.engine, {owner, image}, never)
    const before = watched.sent()
    expect(await ensureShim(watched.engine, {owner, image: ABSENT}, never)).toBe(shimVolumeName)
    expect(watched.sent()).toBe(before)
    forgetShim(watched.engine)
    await ensureShim(watched.engine, {owner, image}, never)
    expect(watched.sent().length).toBeGreaterThan(before.length)
  })

  test('is one task for all who ask at the same time', async () => {
    const asked = [1, 2, 3].map(() => ensureShim(watched.engine, {owner, image}, never))
    expect(await Promise.all(asked)).toEqual([1, 2, 3].map(() => shimVolumeName))
    // Each task takes its helper away once, and may have to wait for that of another gateway before it has one.
    expect(watched.sent().match(/DELETE \/\S*\/containers\/\S+ HTTP/g)).toHaveLength(1)
  })

  test('tries again when it has failed, for all who wait', async () => {
    const {engine} = watched
    const failing = ensureShim(engine, {owner, image: ABSENT}, never)
    const waiting = ensureShim(engine, {owner, image}, never)
    await expect(failing).rejects.toMatchObject({code: 'IMAGE_MISSING'})
    expect(await waiting).toBe(shimVolumeName)
    expect(await helpers()).toEqual([])
  })

  test('stops for who does not want it any more, and for nobody else', async () => {
    const {engine} = watched
    const reason = new Error('not wanted')
    const [first, second] = [new AbortController(), new AbortController()]
    const outcomes = [first, second].map(({signal}) =>
      ensureShim(engine, {owner, image}, signal).catch((error: unknown) => error),
    )
    const third = ensureShim(engine, {owner, image}, never)
    second.abort(reason)
    expect(await outcomes[1]).toBe(reason)
    first.abort(reason)
    expect(await outcomes[0]).toBe(reason)
    expect(await third).toBe(shimVolumeName)
    expect(await helpers()).toEqual([])
    await expect(ensureShim(engine, {owner, image}, first.signal)).rejects.toBe(reason)
  })
})

test.each([
  ['amd64', 'amd64'],
  ['arm64', 'arm64'],
  ['arm', undefined],
  ['386', undefined],
  ['', undefined],
])('an image for %s runs our programs for %s', (architecture, ours) => {
  expect(shimArchitecture(architecture)).toBe(ours)
})
