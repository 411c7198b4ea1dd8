import {createHash, randomUUID} from 'node:crypto'
import {once} from 'node:events'
import {readFile} from 'node:fs/promises'
import {createServer as createHttpServer} from 'node:http'
import {createServer as createHttpsServer} from 'node:https'
import type {Socket} from 'node:net'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {gzipSync} from 'node:zlib'
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest'
import {Scope} from '../../../src/lib/base/scope.ts'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import type {Endpoint} from '../../../src/lib/engine/endpoint.ts'
import type {Engine, PullProgress} from '../../../src/lib/engine/engine.ts'
import {splitFrames} from '../../../src/lib/engine/frames.ts'
import type {ContainerInput} from '../../../src/lib/engine/options.ts'
import {scriptOptions} from '../../engines/containers.ts'
import {endpoint, listenOn, muchBothWays, recordingProxy, run, tempDir} from './engine-lab.ts'
import {makeSampleImage, type SampleImage} from './sample-image.ts'

const owner = `test-${randomUUID()}`
const never = new AbortController().signal

let image: SampleImage
beforeAll(async () => {
  image = await makeSampleImage(`localhost/docker-mcp-test/engine:${owner}`)
})
afterAll(async () => {
  await image[Symbol.asyncDispose]()
})

let scope = new Scope()
afterEach(async () => {
  const engine = await openEngine(endpoint)
  const left = await engine.list({'docker-mcp-owner': owner})
  await Promise.all(left.map(each => engine.remove(each.id, {force: true})))
  await scope.close()
  scope = new Scope()
})

const optionsOf = (script: string, more: Partial<ContainerInput> = {}) =>
  scriptOptions({owner, image: image.ref, script}, more)

/** Starts a container and reads it to its end. */
const runToEnd = async (engine: Engine, script: string, input = '') => {
  const id = await engine.create(optionsOf(script))
  const stream = await engine.attach(id)
  const exit = engine.wait(id)
  await engine.start(id)
  const out: Buffer[] = []
  const err: Buffer[] = []
  stream.end(input)
  await splitFrames(stream, {
    stdout: chunk => void out.push(chunk),
    stderr: chunk => void err.push(chunk),
  })
  const [stdout, stderr] = [Buffer.concat(out).toString(), Buffer.concat(err).toString()]
  return {id, stdout, stderr, ...(await exit)}
}

/** Starts a container that waits for input until the test is over. */
const startIdle = async (engine: Engine, id: string): Promise<void> => {
  const stream = await engine.attach(id)
  scope.defer(() => void stream.destroy())
  await engine.start(id)
}

const goneFromList = async (engine: Engine, id: string): Promise<boolean> => {
  while ((await engine.inspect(id)) !== undefined) {
    await new Promise(resolve => setImmediate(resolve))
  }
  return true
}

const listen = (where: string | number, accept: (socket: Socket) => void) =>
  listenOn(scope, where, accept)

describe('openEngine', () => {
  test('speaks the lower of both versions and tells the platform', async () => {
    const {stdout} = await run('docker', [
      'version',
      '--format',
      '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.Os}} {{.Server.Arch}}',
    ])
    const [version = '', api = '', os, arch] = stdout.trim().split(' ')
    const minor = Math.min(47, Number(api.split('.')[1]))
    const proxy = await recordingProxy(scope)
    const engine = await openEngine(proxy.endpoint)
    expect(await engine.info()).toEqual({
      version,
      apiVersion: `1.${minor}`,
      os,
      arch,
      product: expect.any(String),
    })
    await engine.list({nothing: 'here'})
    expect(proxy.sent()).toContain(`GET /v1.${minor}/containers/json?all=1&filters=`)
    expect(proxy.connections()).toBe(1)
  })

  test('agrees on 1.47 with a newer engine', async () => {
    const asked: (string | undefined)[] = []
    const version = {Version: '99', ApiVersion: '1.60', Os: 'linux', Arch: 'amd64'}
    const server = createHttpServer((request, response) => {
      asked.push(request.url)
      response.end(JSON.stringify(request.url === '/version' ? version : []))
    }).listen(0, '127.0.0.1')
    scope.defer(() => server.closeAllConnections())
    scope.defer(() => void server.close())
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const engine = await openEngine({kind: 'tcp', host: '127.0.0.1', port, from: 'the test'})
    expect(await engine.list({})).toEqual([])
    expect(asked).toEqual([
      '/version',
      '/v1.47/containers/json?all=1&filters=%7B%22label%22%3A%5B%5D%7D',
    ])
  })

  test('speaks TLS both ways, and only with the engine that the certificates name', async () => {
    const dir = await tempDir(scope)
    const subject = ['-subj', '/CN=sample', '-addext', 'subjectAltName=IP:127.0.0.1']
    const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]
    await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files])
    const [key, cert] = await Promise.all(
      ['key.pem', 'cert.pem'].map(name => readFile(join(dir, name), 'utf8')),
    )
    if (key === undefined || cert === undefined) throw new Error('no certificate')
    const version = '{"Version":"9","ApiVersion":"1.41","Os":"linux","Arch":"amd64"}'
    const server = createHttpsServer(
      {key, cert, ca: cert, requestCert: true},
      (_request, response) => response.end(version),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    scope.defer(() => void server.close())
    scope.defer(() => server.closeAllConnections())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const engine = await openEngine(tcp(port, {ca: cert, cert, key, verify: true}))
    expect((await engine.info()).version).toBe('9')
    const unverified = await openEngine(tcp(port, {cert, key, verify: false}))
    expect((await unverified.info()).version).toBe('9')
    const failures = [tcp(port, {cert, key, verify: true}), tcp(port, {ca: cert, verify: true})]
    for (const place of failures) {
      expect(await refusalOf(place)).toMatchObject({
        code: 'ENGINE_UNREACHABLE',
        message: expect.stringContaining('the secure connection failed'),
      })
    }
  })

  test('asks no other engine than it was told to, and lets the process end', async () => {
    const modulePath = fileURLToPath(
      new URL('../../../src/lib/engine/dockerode.ts', import.meta.url),
    )
    const script = `
      import {openEngine} from ${JSON.stringify(modulePath)}
      const engine = await openEngine(${JSON.stringify(endpoint)})
      await Promise.all([1, 2, 3].map(() => engine.list({})))
      console.log((await engine.info()).version)`
    const env = {...process.env, DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_PATH_PREFIX: '/wrong'}
    const {stdout, stderr} = await run(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {env},
    )
    expect(stdout).toMatch(/^\d+\./)
    expect(stderr).toBe('')
  })
})

describe('images', () => {
  test('tells what an image says about itself', async () => {
    const engine = await openEngine(endpoint)
    const facts = await engine.inspectImage(image.ref)
    expect(facts).toEqual({
      id: image.id,
      architecture: expect.any(String),
      os: 'linux',
      user: '65532',
      entrypoint: ['/bin/sh'],
      cmd: ['-c', 'cat'],
      labels: {a: 'b'},
      volumes: [],
      workingDir: '',
      size: expect.any(Number),
      repoDigests: [],
    })
    expect(await engine.hasImage(image.ref)).toBe(true)
    expect(await engine.hasImage(image.id)).toBe(true)
  })

  test('tells that an image is not there', async () => {
    const engine = await openEngine(endpoint)
    expect(await engine.inspectImage('localhost/docker-mcp-test/absent:1')).toBeUndefined()
    expect(await engine.hasImage('localhost/docker-mcp-test/absent:1')).toBe(false)
  })

  test.each(['../containers/json', 'a//b', ''])('asks nothing for the name %j', async name => {
    const proxy = await recordingProxy(scope)
    const engine = await openEngine(proxy.endpoint)
    await expect(engine.inspectImage(name)).rejects.toMatchObject({code: 'ENGINE_FAILED'})
    expect(proxy.sent().match(/^GET .*/gm)).toEqual(['GET /version HTTP/1.1'])
  })

  test('pulls an image and reports its layers', async () => {
    const isSeen = Promise.withResolvers<void>()
    const port = await serveRegistry(isSeen.promise)
    const ref = `127.0.0.1:${port}/sample/one`
    scope.defer(async () => void (await run('docker', ['image', 'rm', `${ref}:latest`])))
    const engine = await openEngine(endpoint)
    const progress: PullProgress[] = []
    const onProgress = (each: PullProgress) => {
      progress.push(each)
      if ((each.total ?? 0) > 0) isSeen.resolve()
    }
    await engine.pullImage(ref, {onProgress}, never)
    expect(await engine.hasImage(`${ref}:latest`)).toBe(true)
    expect(progress.map(each => each.status)).toContain('Pull complete')
    expect(progress.some(each => each.layer !== '' && (each.total ?? 0) > 0)).toBe(true)
  })

  test.each(['127.0.0.1:1/sample/one', 'localhost/docker-mcp-test/absent:1', 'No Reference'])(
    'says in the words of the engine why %s cannot be pulled',
    async ref => {
      const engine = await openEngine(endpoint)
      const pull = engine.pullImage(ref, {onProgress: () => {}}, never)
      await expect(pull).rejects.toMatchObject({
        code: 'IMAGE_MISSING',
        message: expect.stringMatching(/could not pull .*: .*(refused|invalid reference)/),
      })
    },
  )

  test('ends a pull when the caller does not want it any more', async () => {
    const asked = Promise.withResolvers<void>()
    const port = await listen(0, socket => void socket.once('data', () => asked.resolve()))
    const engine = await openEngine(endpoint)
    const controller = new AbortController()
    const pull = engine.pullImage(
      `127.0.0.1:${port}/sample/one`,
      {onProgress: () => {}},
      controller.signal,
    )
    const reason = new Error('not wanted')
    const outcome = pull.catch((error: unknown) => error)
    await asked.promise
    controller.abort(reason)
    expect(await outcome).toBe(reason)
  })
})

const digest = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/**
 * The smallest registry that the engine can pull one image from.
 * @param half when the second half of its layer follows the first: engines tell the last of what they did meanwhile
 */
const serveRegistry = async (half: Promise<void>): Promise<number> => {
  // An empty archive is two empty blocks; a random one after them makes the layer this test's own.
  const layer = Buffer.concat([Buffer.alloc(1024), Buffer.from(randomUUID().padEnd(512, '\0'))])
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: {type: 'layers', diff_ids: [digest(layer)]},
    }),
  )
  const packed = gzipSync(layer)
  const type = 'application/vnd.docker.distribution.manifest.v2+json'
  const part = 'application/vnd.docker'
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: {
        mediaType: `${part}.container.image.v1+json`,
        size: config.length,
        digest: digest(config),
      },
      layers: [
        {
          mediaType: `${part}.image.rootfs.diff.tar.gzip`,
          size: packed.length,
          digest: digest(packed),
        },
      ],
    }),
  )
  const blobs = new Map([config, packed].map(bytes => [digest(bytes), bytes]))
  const server = createHttpServer((request, response) => {
    const url = request.url ?? ''
    const found = url.includes('/manifests/') ? manifest : blobs.get(url.split('/').at(-1) ?? '')
    if (url !== '/v2/' && !found) return response.writeHead(404).end()
    const headers = url.includes('/manifests/')
      ? {'content-type': type, 'docker-content-digest': digest(manifest)}
      : {'content-type': 'application/octet-stream'}
    const body = found ?? Buffer.from('{}')
    response.writeHead(200, {...headers, 'content-length': body.length})
    if (request.method === 'HEAD') return response.end()
    if (body !== packed) return response.end(body)
    response.write(body.subarray(0, body.length / 2))
    return void half.then(() => response.end(body.subarray(body.length / 2)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.defer(() => void server.close())
  scope.defer(() => server.closeAllConnections())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('containers', () => {
  test('runs a program, gives it input, and tells its output and exit code', async () => {
    const engine = await openEngine(endpoint)
    const result = await runToEnd(engine, 'cat; echo problem >&2; exit 7', 'hello\n')
    expect(result).toMatchObject({stdout: 'hello\n', stderr: 'problem\n', exitCode: 7})
    expect(await goneFromList(engine, result.id)).toBe(true)
  })

  test('gives a program nothing but what was written to it', async () => {
    const engine = await openEngine(endpoint)
    expect(await runToEnd(engine, 'cat')).toMatchObject({stdout: '', stderr: '', exitCode: 0})
  })

  test('never misses the exit of a short life', async () => {
    const engine = await openEngine(endpoint)
    const codes = await Promise.all([3, 4, 5, 6].map(code => runToEnd(engine, `exit ${code}`)))
    expect(codes.map(each => each.exitCode)).toEqual([3, 4, 5, 6])
  })

  test('carries more than any buffer holds, both ways and unchanged', async () => {
    const engine = await openEngine(endpoint)
    const id = await engine.create(optionsOf('cat'))
    const stream = await engine.attach(id)
    await engine.start(id)
    const {sent, received} = await muchBothWays(stream)
    expect(received).toBe(sent)
  })

  test('keeps the environment out of every URL', async () => {
    const proxy = await recordingProxy(scope)
    const engine = await openEngine(proxy.endpoint)
    const env = [['API_TOKEN', 'topsecretvalue']] as const
    const id = await engine.create(optionsOf('env', {entry: {kind: 'plain', env}}))
    const stream = await engine.attach(id)
    const exit = engine.wait(id)
    await engine.start(id)
    let output = ''
    const stdout = (chunk: Buffer) => {
      output += chunk.toString()
    }
    await splitFrames(stream, {stdout, stderr: () => {}})
    await exit
    expect(output).toContain('API_TOKEN=topsecretvalue')

    const sent = proxy.sent()
    const create = /^POST (\S+) HTTP\/1\.1\r\n([^]*?)\r\n\r\n(.*)/m.exec(sent)
    expect(create?.[1]).toMatch(/^\/v1\.\d+\/containers\/create$/)
    expect(create?.[2]).not.toMatch(/API_TOKEN|topsecret/)
    expect(create?.[3]).toContain('"Env":["API_TOKEN=topsecretvalue"]')
    const requestLines = sent.match(/(GET|POST|DELETE) \/\S* HTTP\/1\.1\r\n/g) ?? []
    expect(requestLines).toHaveLength(5)
    expect(requestLines.join('\n')).not.toMatch(/API_TOKEN|topsecret/)
    expect(sent).toMatch(/POST \S+\/attach\?stream=1&stdin=1&stdout=1&stderr=1 HTTP/)
  })

  test('finds containers by all labels and describes one', async () => {
    const engine = await openEngine(endpoint)
    const before = Date.now()
    const id = await engine.create(optionsOf('cat'))
    await engine.create(optionsOf('cat', {server: 'other'}))
    const labels = {'docker-mcp-owner': owner, 'docker-mcp-name': 'sample'}
    const [facts, ...others] = await engine.list(labels)
    expect(others).toEqual([])
    expect(facts).toMatchObject({id, state: 'created', status: 'Created', labels})
    expect(facts?.name).toMatch(/^[a-z]+_[a-z]+/)
    expect(Math.abs((facts?.createdAt.getTime() ?? 0) - before)).toBeLessThan(60_000)
    expect(await engine.inspect(id)).toMatchObject({
      id,
      name: facts?.name,
      image: image.ref,
      state: 'created',
      exitCode: 0,
      oomKilled: false,
      error: '',
    })
    expect(await engine.inspect('absent')).toBeUndefined()
  })

  test('takes a removal of what is gone or going as done', async () => {
    const engine = await openEngine(endpoint)
    const id = await engine.create(optionsOf('cat'))
    await startIdle(engine, id)
    await Promise.all([1, 2, 3].map(() => engine.remove(id, {force: true})))
    await engine.remove(id, {force: true})
    expect(await engine.list({'docker-mcp-owner': owner})).toEqual([])
  })

  test('does not remove a running container without force', async () => {
    const engine = await openEngine(endpoint)
    const id = await engine.create(optionsOf('cat'))
    await startIdle(engine, id)
    await expect(engine.remove(id, {force: false})).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('running container'),
    })
  })

  test('leaves nothing of a create that is not wanted any more', async () => {
    const engine = await openEngine(endpoint)
    const controller = new AbortController()
    const create = engine.create(optionsOf('cat'), controller.signal)
    const reason = new Error('not wanted')
    controller.abort(reason)
    await expect(create).rejects.toBe(reason)
    expect(await engine.list({'docker-mcp-owner': owner})).toEqual([])
  })

  test('stops to wait when the caller does', async () => {
    const engine = await openEngine(endpoint)
    const id = await engine.create(optionsOf('cat'))
    const controller = new AbortController()
    const exit = engine.wait(id, controller.signal)
    const outcome = exit.catch((error: unknown) => error)
    await startIdle(engine, id)
    const reason = new Error('not wanted')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
  })

  test('says that the image of a container is missing', async () => {
    const engine = await openEngine(endpoint)
    const options = optionsOf('cat', {image: 'localhost/docker-mcp-test/absent:1'})
    await expect(engine.create(options)).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message: expect.stringContaining('localhost/docker-mcp-test/absent:1'),
    })
  })

  test('says in the words of the engine why a container does not start', async () => {
    const engine = await openEngine(endpoint)
    const user = 'nobody-of-that-name'
    const id = await engine.create(optionsOf('cat', {user}))
    await expect(engine.start(id)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringMatching(/would not start the container: .*nobody-of-that-name/s),
    })
  })

  test('refuses to start, attach to or wait for what does not exist', async () => {
    const engine = await openEngine(endpoint)
    const failure = {code: 'ENGINE_FAILED', message: expect.stringContaining('No such container')}
    await expect(engine.start('absent')).rejects.toMatchObject(failure)
    await expect(engine.attach('absent')).rejects.toMatchObject(failure)
    await expect(engine.wait('absent')).rejects.toMatchObject(failure)
  })
})

const refusalOf = (place: Endpoint, answerMs = 60_000): Promise<unknown> =>
  openEngine(place, {answerMs}).catch((error: unknown) => error)
const tcp = (
  port: number,
  tls?: {verify: boolean; ca?: string; cert?: string; key?: string},
): Endpoint => ({
  kind: 'tcp',
  host: '127.0.0.1',
  port,
  from: '--host',
  ...(tls && {tls}),
})

describe('an engine that does not answer', () => {
  test('names the endpoint, who chose it, and what to do', async () => {
    expect(
      await refusalOf({kind: 'unix', path: '/absent/x.sock', from: 'DOCKER_HOST'}),
    ).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message:
        'no Docker engine at unix:///absent/x.sock (from DOCKER_HOST): there is no such socket (ENOENT)',
      hint: expect.stringContaining('docker context ls'),
    })
  })

  test('says that nothing listens', async () => {
    expect(await refusalOf(tcp(1))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('tcp://127.0.0.1:1 (from --host): nothing listens there'),
      hint: expect.stringContaining('start the engine'),
    })
  })

  test('does not wait for ever for a host that says nothing', async () => {
    const port = await listen(0, () => {})
    expect(await refusalOf(tcp(port), 300)).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('no answer within 0.3 seconds'),
    })
  })

  test('does not wait for ever for a host that never finishes its answer', async () => {
    const port = await listen(0, socket =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{')),
    )
    expect(await refusalOf(tcp(port), 300)).toMatchObject({
      message: expect.stringContaining('no answer within'),
    })
  })

  test.each([
    ['a web page', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>', 'is not a Docker engine'],
    ['an error', 'HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nTLS', 'is not a Docker engine: TLS'],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', 'does not speak HTTP'],
  ])('says that something else answers with %s', async (_what, bytes, why) => {
    const port = await listen(0, socket => void socket.once('data', () => socket.end(bytes)))
    expect(await refusalOf(tcp(port))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining(why),
    })
  })

  test('says that the secure connection failed', async () => {
    const port = await listen(
      0,
      socket => void socket.once('data', () => socket.end('HTTP/1.1 400\r\n')),
    )
    expect(await refusalOf(tcp(port, {verify: true}))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('the secure connection failed'),
      hint: expect.stringContaining('certificates'),
    })
  })

  test('reports a connection that is cut off later', async () => {
    const path = join(await tempDir(scope), 'engine.sock')
    const version = '{"Version":"1","ApiVersion":"1.41","Os":"linux","Arch":"amd64"}'
    const answer = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${version.length}\r\n\r\n${version}`
    let connections = 0
    await listen(path, socket => {
      connections += 1
      const isFirst = connections === 1
      socket.once('data', () => (isFirst ? socket.end(answer) : socket.destroy()))
    })
    const engine = await openEngine({kind: 'unix', path, from: 'the test'})
    await expect(engine.list({})).rejects.toMatchObject({code: 'ENGINE_UNREACHABLE'})
  })

  test('refuses a raw stream through a proxy that does not pass it on', async () => {
    const path = join(await tempDir(scope), 'engine.sock')
    const version = '{"Version":"1","ApiVersion":"1.41","Os":"linux","Arch":"amd64"}'
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${version.length}\r\n\r\n${version}`
    await listen(path, socket => void socket.on('data', () => socket.write(answer)))
    const engine = await openEngine({kind: 'unix', path, from: 'the test'})
    await expect(engine.attach('any')).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('does not pass raw streams'),
    })
  })
})
