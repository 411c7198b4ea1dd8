import {randomUUID} from 'node:crypto'
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import type {Engine, HolderOptions} from '../../../src/lib/engine/engine.ts'
import {splitFrames} from '../../../src/lib/engine/frames.ts'
import {tarFiles} from '../../../src/lib/engine/tar.ts'
import {
  endpoint,
  fakeEngine,
  gzippedTarOf,
  listenOn,
  muchBothWays,
  outputOf,
  run,
  tarOf,
  tempDir,
  watchedEngine,
} from './engine-lab.ts'
import {makeSampleImage, type SampleImage} from './sample-image.ts'

const owner = `test-${randomUUID()}`
const label = `docker-mcp-owner=${owner}`

let engine: Engine
let image: SampleImage
/** A container that runs until its end. */
let running = ''
beforeAll(async () => {
  engine = await openEngine(endpoint)
  image = await makeSampleImage(`localhost/docker-mcp-test/verbs:${owner}`)
  running = await runDetached('--network', 'none')
})
afterAll(async () => {
  await removeContainers()
  await image[Symbol.asyncDispose]()
})

let scope = new Scope()
afterEach(async () => {
  await scope.close()
  scope = new Scope()
})

const removeContainers = async () => {
  const left = await engine.list({'docker-mcp-owner': owner})
  await Promise.all(left.map(each => engine.remove(each.id, {force: true})))
}

/** Starts a container of the sample image, which waits for input. */
const runDetached = async (...flags: readonly string[]): Promise<string> => {
  const common = ['--detach', '--interactive', '--rm', '--label', label]
  const {stdout} = await run('docker', ['run', ...common, ...flags, image.ref])
  return stdout.trim()
}

const holder = (more: Partial<HolderOptions> = {}): HolderOptions => ({
  Image: image.ref,
  Cmd: ['-c', 'cat'],
  Labels: {'docker-mcp-owner': owner},
  HostConfig: {NetworkMode: 'none', Mounts: []},
  ...more,
})

/** A container that was never started, until the test is over. */
const created = async (more: Partial<HolderOptions> = {}): Promise<string> => {
  const id = await engine.createHolder(holder(more))
  scope.defer(() => engine.remove(id, {force: true}))
  return id
}

const volumeNames = async () => (await run('docker', ['volume', 'ls', '-q'])).stdout.split('\n')
const shell = (script: string) => ({command: ['/bin/sh', '-c', script]})
const refused = (why: RegExp) => ({code: 'ENGINE_FAILED', message: expect.stringMatching(why)})

describe('exec', () => {
  test('carries input, both outputs, and what comes after the end of the input', async () => {
    const stream = await engine.exec(running, shell('cat; echo later; echo problem >&2'))
    stream.end('hello\n')
    expect(await outputOf(stream)).toEqual({stdout: 'hello\nlater\n', stderr: 'problem\n'})
  })

  test('gives a program nothing but what was written to it', async () => {
    const stream = await engine.exec(running, shell('cat'))
    stream.end()
    expect(await outputOf(stream)).toEqual({stdout: '', stderr: ''})
  })

  test('answers while the input is still open', async () => {
    const stream = await engine.exec(running, shell('read line; echo "got $line"; cat'))
    const answered = Promise.withResolvers<string>()
    const stdout = (chunk: Buffer) => answered.resolve(chunk.toString())
    const end = splitFrames(stream, {stdout, stderr: () => {}})
    stream.write('one\n')
    expect(await answered.promise).toBe('got one\n')
    stream.end()
    await end
  })

  test('carries more than any buffer holds, both ways and unchanged', async () => {
    const stream = await engine.exec(running, {command: ['/bin/cat']})
    const {sent, received} = await muchBothWays(stream)
    expect(received).toBe(sent)
  })

  test.each([
    [undefined, '65532'],
    ['0', '0'],
    ['4242:43', '4242'],
  ])('runs as the user %s', async (user, uid) => {
    const command = ['/bin/cat', '/proc/self/status']
    const stream = await engine.exec(running, {command, ...(user !== undefined && {user})})
    expect((await outputOf(stream)).stdout).toMatch(new RegExp(`^Uid:\\t${uid}\\t`, 'm'))
  })

  test('keeps the command out of every URL', async () => {
    const watched = await watchedEngine(scope)
    const stream = await watched.engine.exec(running, shell('echo a-word-of-ours'))
    expect((await outputOf(stream)).stdout).toBe('a-word-of-ours\n')
    const lines = watched.sent().match(/(?:GET|POST) \/\S* HTTP\/1\.1/g)
    expect(lines).toEqual([
      'GET /version HTTP/1.1',
      expect.stringMatching(/^POST \/v[\d.]+\/containers\/[0-9a-f]{64}\/exec HTTP/),
      expect.stringMatching(/^POST \/v[\d.]+\/exec\/[0-9a-f]{64}\/start\?& HTTP/),
    ])
    expect(watched.sent()).toMatch(/\r\n\r\n\{"Detach":false,"Tty":false\}$/)
  })

  test('tells on the stream that the engine cannot run the program', async () => {
    const missing = await engine.exec(running, {command: ['/absent']})
    expect((await outputOf(missing)).stdout).toMatch(/\/absent.*no such file/)
    const file = await engine.exec(running, {command: ['/proc/version']})
    expect((await outputOf(file)).stdout).toMatch(/permission denied/)
  })

  test('says in the words of the engine why nothing can be run', async () => {
    const program = shell('cat')
    await expect(engine.exec('absent', program)).rejects.toMatchObject(
      refused(/would not run a program in the container: No such container/),
    )
    await expect(engine.exec(await created(), program)).rejects.toMatchObject(
      refused(/is not running/),
    )
    await expect(engine.exec(running, {command: []})).rejects.toMatchObject(
      refused(/No exec command/),
    )
  })

  test('says why a program that could have run was not started', async () => {
    const fake = await fakeEngine(scope, {
      'POST /containers/one/exec': {status: 201, body: {Id: 'two'}},
      'POST /exec/two/start': {status: 409, body: {message: 'Container one is paused'}},
    })
    await expect(fake.engine.exec('one', shell('cat'))).rejects.toMatchObject(
      refused(/would not run a program in the container: Container one is paused$/),
    )
  })

  test.each([{Id: '../containers/one'}, {Id: ''}, {Id: 7}, {}, null, []])(
    'starts nothing by the id of %j',
    async body => {
      const fake = await fakeEngine(scope, {'POST /containers/one/exec': {status: 201, body}})
      await expect(fake.engine.exec('one', shell('cat'))).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
      })
      expect(fake.asked).toEqual(['GET /version', 'POST /containers/one/exec'])
    },
  )

  test('stops connecting when the caller does', async () => {
    const path = `${await tempDir(scope)}/engine.sock`
    const version = '{"Version":"1","ApiVersion":"1.41","Os":"linux","Arch":"amd64","Id":"two"}'
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${version.length}\r\n\r\n${version}`
    const asked = Promise.withResolvers<void>()
    await listenOn(scope, path, socket => {
      socket.on('data', chunk => {
        if (chunk.toString().includes('/start')) asked.resolve()
        else socket.write(answer)
      })
    })
    const silent = await openEngine({kind: 'unix', path, from: 'the test'})
    const controller = new AbortController()
    const outcome = silent
      .exec('one', shell('cat'), controller.signal)
      .catch((error: unknown) => error)
    await asked.promise
    const reason = new Error('not wanted')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
  })
})

describe('archives', () => {
  test.each([
    ['plain', tarOf],
    ['gzipped', gzippedTarOf],
  ])('puts a %s archive into a container and gets it back', async (_kind, pack) => {
    const binary = Buffer.from(Array.from({length: 3000}, (_, index) => (index * 7) % 256))
    const id = await created()
    const archive = await pack(scope, {
      'sub/text': {content: 'hello\n', mode: 0o444},
      program: {content: binary, mode: 0o755},
    })
    await engine.putArchive(id, '/', archive)
    const program = await engine.getArchive(id, '/program')
    expect([...tarFiles(program ?? Buffer.alloc(0))]).toEqual([
      ['program', {mode: 0o755, content: binary}],
    ])
    const folder = await engine.getArchive(id, '/sub')
    expect([...tarFiles(folder ?? Buffer.alloc(0))]).toEqual([
      ['sub/text', {mode: 0o444, content: Buffer.from('hello\n')}],
    ])
  })

  test('takes any name of a path as one', async () => {
    const id = await created()
    const content = 'hello'
    await engine.putArchive(id, '/', await tarOf(scope, {'a ?&=%2F ü/b': {content}}))
    await engine.putArchive(id, '/a ?&=%2F ü', await tarOf(scope, {c: {content}}))
    const found = await engine.getArchive(id, '/a ?&=%2F ü/c')
    expect([...tarFiles(found ?? Buffer.alloc(0)).keys()]).toEqual(['c'])
  })

  test('says why files cannot be put', async () => {
    const id = await created()
    const archive = await tarOf(scope, {a: {content: 'b'}})
    const put = (container: string, path: string, bytes = archive) =>
      engine.putArchive(container, path, bytes)
    await expect(put('absent', '/')).rejects.toMatchObject(refused(/No such container/))
    await expect(put(id, '/absent')).rejects.toMatchObject(
      refused(/would not put files into \/absent of the container: Could not find the file/),
    )
    await expect(put(id, '/bin/cat')).rejects.toMatchObject(refused(/not a directory/))
    await expect(put(id, '/', Buffer.from('no archive'))).rejects.toMatchObject(refused(/tar/))
  })

  test('gets nothing where nothing is', async () => {
    expect(await engine.getArchive('absent', '/')).toBeUndefined()
    expect(await engine.getArchive(running, '/absent')).toBeUndefined()
  })

  test('does not read more than 8 MiB', async () => {
    const id = await created()
    const archive = await tarOf(scope, {
      small: {content: Buffer.alloc(8 * 1024 ** 2 - 4096)},
      large: {content: Buffer.alloc(8 * 1024 ** 2)},
    })
    await engine.putArchive(id, '/', archive)
    expect((await engine.getArchive(id, '/small'))?.length).toBeLessThanOrEqual(8 * 1024 ** 2)
    await expect(engine.getArchive(id, '/large')).rejects.toMatchObject(
      refused(/^\/large of the container is not read: it is larger than 8 MiB$/),
    )
  })

  test('says in the words of the engine why a path cannot be read', async () => {
    const path = 'GET /containers/one/archive'
    const fake = await fakeEngine(scope, {[path]: {status: 500, body: {message: 'it is broken'}}})
    await expect(fake.engine.getArchive('one', '/x')).rejects.toMatchObject(
      refused(/would not read \/x of the container: it is broken/),
    )
  })

  test('stops when the caller does', async () => {
    const signal = AbortSignal.abort(new Error('not wanted'))
    await expect(engine.getArchive(running, '/', signal)).rejects.toBe(signal.reason)
    await expect(engine.putArchive(running, '/', Buffer.alloc(0), signal)).rejects.toBe(
      signal.reason,
    )
  })
})

describe('writtenBytes', () => {
  test('counts what a container has written', async () => {
    const id = await created()
    const before = await engine.writtenBytes(id)
    await engine.putArchive(id, '/', await tarOf(scope, {large: {content: Buffer.alloc(100_000)}}))
    const after = await engine.writtenBytes(id)
    expect((after ?? 0) - (before ?? 0)).toBe(100_000)
    expect(await engine.writtenBytes('absent')).toBeUndefined()
  })

  test.each([
    ['nothing', {}, undefined],
    ['null', {SizeRw: null}, undefined],
    ['0', {SizeRw: 0}, 0],
  ])('takes %s for what it is', async (_what, body, size) => {
    const fake = await fakeEngine(scope, {'GET /containers/one/json': {body}})
    expect(await fake.engine.writtenBytes('one')).toBe(size)
  })

  test.each([{SizeRw: -1}, {SizeRw: '1'}, [], 'text'])('does not take %j', async body => {
    const fake = await fakeEngine(scope, {'GET /containers/one/json': {body}})
    await expect(fake.engine.writtenBytes('one')).rejects.toMatchObject({code: 'ENGINE_FAILED'})
  })
})

describe('untilGone', () => {
  test('waits until somebody has removed the container', async () => {
    const watched = await watchedEngine(scope)
    const id = await created()
    const gone = watched.engine.untilGone(id).then(() => engine.inspect(id))
    await watched.hasSent(/\/wait\?condition=removed/)
    await engine.remove(id, {force: true})
    // It was there until then, so what waited for less would have found it.
    expect(await gone).toBeUndefined()
    await engine.untilGone(id)
  })

  test('stops to wait when the caller does', async () => {
    const controller = new AbortController()
    const watched = await watchedEngine(scope)
    const outcome = watched.engine
      .untilGone(running, controller.signal)
      .catch((error: unknown) => error)
    await watched.hasSent(/\/wait\?condition=removed/)
    const reason = new Error('not wanted')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    expect((await engine.inspect(running))?.state).toBe('running')
  })
})

describe('volumes', () => {
  test('are removed when no container has them', async () => {
    const Source = `docker-mcp-test-${randomUUID()}`
    const VolumeOptions = {NoCopy: true, Labels: {}}
    const mount = {Type: 'volume', Source, Target: '/data', VolumeOptions} as const
    const id = await created({HostConfig: {NetworkMode: 'none', Mounts: [mount]}})
    await expect(engine.removeVolume(Source)).rejects.toMatchObject(
      refused(/would not remove the volume docker-mcp-test-.*in use/),
    )
    await engine.remove(id, {force: true})
    expect(await volumeNames()).toContain(Source)
    await engine.removeVolume(Source)
    expect(await volumeNames()).not.toContain(Source)
    await engine.removeVolume(Source)
  })
})
