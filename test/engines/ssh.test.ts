import {chmod, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'
import {setImmediate as turn} from 'node:timers/promises'
import {createHash} from 'node:crypto'
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest'

import {Scope} from '../../src/lib/base/scope.ts'
import {openEngine} from '../../src/lib/engine/dockerode.ts'
import {type Endpoint, resolveEndpoint} from '../../src/lib/engine/endpoint.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {sampleImage} from '../support/cli-catalog.ts'
import {dockerCli} from '../support/docker-cli.ts'
import {hasGround, startGateway} from '../isolation/gateway.ts'
import {outputOf, run} from '../lib/engine/engine-lab.ts'
import {makeSampleImage, type SampleImage} from '../lib/engine/sample-image.ts'
import {scriptOptions} from './containers.ts'
import {sshServer, type SshServer} from './ssh-server.ts'

const owner = 'life-engines-ssh'
const scope = new Scope()
let server: SshServer
let image: SampleImage
const path = process.env['PATH']

/** Our own processes look for ssh in PATH, as a gateway does. */
const useClient = (folder: string) => {
  process.env['PATH'] = `${folder}${delimiter}${path}`
}

const endpointOf = (more: Partial<Extract<Endpoint, {kind: 'ssh'}>> = {}): Endpoint => ({
  kind: 'ssh',
  user: server.user,
  host: '127.0.0.1',
  port: server.port,
  from: 'the test',
  ...more,
})

beforeAll(async () => {
  if (!hasGround) return
  server = await sshServer()
  scope.defer(async () => server[Symbol.asyncDispose]())
  image = await makeSampleImage(`localhost/docker-mcp-test/ssh:${owner}`)
  scope.defer(async () => image[Symbol.asyncDispose]())
})
afterAll(() => scope.close())
afterEach(() => {
  process.env['PATH'] = path
})

const failureOf = (endpoint: Endpoint): Promise<unknown> =>
  openEngine(endpoint).then(
    () => 'it answered',
    (error: unknown) => error,
  )

/** The runs of ssh that this process has started and that are not over. */
const clients = async (): Promise<readonly string[]> => {
  const children = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
  const lines = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return lines.filter(line => line.includes('dial-stdio'))
}

const digest = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')

const create = (engine: Engine, script: string) =>
  engine.create(scriptOptions({owner, image: image.ref, script}))

describe.runIf(hasGround)('an engine over ssh', () => {
  test('tells what it is, and shares no files with us', async () => {
    useClient(server.clientFolder)
    const engine = await openEngine(endpointOf())
    const {stdout} = await run('docker', ['version', '--format', '{{.Server.Version}}'])
    expect((await engine.info()).version).toBe(stdout.trim())
    expect(engine.isLocal).toBe(false)
    expect(engine.sockets).toEqual([])
  })

  test('keeps a connection for the next request', async () => {
    useClient(server.clientFolder)
    const engine = await openEngine(endpointOf())
    const before = await server.connections()
    for (let count = 0; count < 5; count += 1) await engine.info()
    expect(await server.connections()).toBe(before)
  })

  test('runs a program, with input, both outputs and the exit code', async () => {
    useClient(server.clientFolder)
    const engine = await openEngine(endpointOf())
    const id = await create(engine, 'cat; echo problem >&2; exit 7')
    const stream = await engine.attach(id)
    const exit = engine.wait(id)
    await engine.start(id)
    stream.end('hello\n')
    expect(await outputOf(stream)).toEqual({stdout: 'hello\n', stderr: 'problem\n'})
    expect(await exit).toEqual({exitCode: 7})
    await engine.untilGone(id)
  })

  test('carries more than any buffer holds, both ways and unchanged', async () => {
    useClient(server.clientFolder)
    const engine = await openEngine(endpointOf())
    const id = await create(engine, 'cat')
    const stream = await engine.attach(id)
    await engine.start(id)
    const sent = Buffer.alloc(24 * 1024 * 1024, 'abcdefghijklm')
    stream.end(sent)
    const {stdout} = await outputOf(stream)
    expect(digest(stdout)).toBe(digest(sent))
    await engine.untilGone(id)
  })

  test('ends its run of ssh with each connection', async () => {
    useClient(server.clientFolder)
    const engine = await openEngine(endpointOf())
    const id = await create(engine, 'cat')
    const stream = await engine.attach(id)
    await engine.start(id)
    const running = (await clients()).length
    stream.destroy()
    await engine.untilGone(id)
    while ((await clients()).length >= running) await turn()
  })

  test('signs in bounded, however many ask at once', async () => {
    useClient(server.clientFolder)
    const engine = await openEngine(endpointOf())
    const answers = await Promise.all(
      Array.from({length: 30}, () => engine.list({nothing: 'here'})),
    )
    expect(answers).toEqual(Array.from({length: 30}, () => []))
  })

  test('goes to the socket that the path names', async () => {
    useClient(server.clientFolder)
    const there = await openEngine(endpointOf({path: '/var/run/docker.sock'}))
    expect((await there.info()).os).toBe('linux')
    expect(await failureOf(endpointOf({path: "/nowhere/it's a $(touch x);.sock"}))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringMatching(/no Docker engine at ssh:.*it's a \$\(touch x\);\.sock/),
      hint: expect.stringContaining('docker version'),
    })
  })

  test('gives up a request that is not wanted any more', async () => {
    useClient(server.clientFolder)
    const engine = await openEngine(endpointOf())
    const id = await create(engine, 'cat')
    const stop = new AbortController()
    const wait = engine.wait(id, stop.signal).catch((error: unknown) => error)
    const reason = new Error('not wanted')
    stop.abort(reason)
    expect(await wait).toBe(reason)
    await engine.remove(id, {force: true})
    expect((await engine.info()).os).toBe('linux')
  })

  test('is what a context names', async () => {
    useClient(server.clientFolder)
    await using cli = await dockerCli()
    const host = `host=ssh://${server.user}@127.0.0.1:${server.port}`
    await run('docker', ['context', 'create', 'far', '--docker', host], {env: cli.env})
    const globals = {hosts: [], context: 'far', debug: false, tls: false}
    const endpoint = await resolveEndpoint({globals, env: {}, dockerConfigDir: cli.configDir})
    expect((await (await openEngine(endpoint)).info()).os).toBe('linux')
    const listed = await cli.run(['--context', 'far', 'mcp', 'server', 'status'], {
      env: {PATH: process.env['PATH']},
    })
    expect(listed).toMatchObject({code: 0})
  })

  test('serves a gateway: start, secrets, calls, stop', async () => {
    await using cli = await dockerCli()
    const host = `ssh://${server.user}@127.0.0.1:${server.port}`
    const env = {...cli.env, PATH: `${server.clientFolder}${delimiter}${cli.env['PATH']}`}
    await using gateway = await startGateway({
      cli: {...cli, env},
      host,
      servers: {
        everything: {
          image: await sampleImage('everything'),
          disableNetwork: true,
          env: [{name: 'FROM_FAR', value: 'hello from here'}],
        },
      },
    })
    expect(await gateway.text('everything', 'echo', {message: 'over there'})).toContain(
      'over there',
    )
    expect(await gateway.text('everything', 'get-env')).toContain('hello from here')
    const mine = await cli.containers()
    expect(mine.map(each => each.server)).toEqual(['everything'])
    await gateway[Symbol.asyncDispose]()
    await cli.gone()
  })

  test('leaves nothing behind when the gateway is killed', async () => {
    await using cli = await dockerCli()
    const host = `ssh://${server.user}@127.0.0.1:${server.port}`
    const env = {...cli.env, PATH: `${server.clientFolder}${delimiter}${cli.env['PATH']}`}
    const gateway = await startGateway({
      cli: {...cli, env},
      host,
      servers: {everything: {image: await sampleImage('everything'), disableNetwork: true}},
    })
    expect(await gateway.text('everything', 'echo', {message: 'here'})).toContain('here')
    expect(await cli.containers()).toHaveLength(1)
    const plugin = await pluginOf(gateway.pid)
    process.kill(plugin, 'SIGKILL')
    await cli.gone()
    await gateway[Symbol.asyncDispose]()
  })
})

describe.runIf(hasGround)('what ssh says', () => {
  test('of a key that is not let in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ssh-key-'))
    try {
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'other')])
      const client = await server.client()
      const config = join(client, 'config')
      const text = await readFile(config, 'utf8')
      await writeFile(config, text.replace(/IdentityFile .*/, `IdentityFile ${folder}/other`))
      useClient(client)
      expect(await failureOf(endpointOf())).toMatchObject({
        code: 'ENGINE_UNREACHABLE',
        message: expect.stringMatching(
          /^no Docker engine at ssh:.* \(from the test\): ssh ended with code 255: .*Permission denied \(publickey/,
        ),
        hint: `ssh must get in without asking, by a key that its agent or ~/.ssh has; try: ssh -p ${server.port} ${server.user}@127.0.0.1`,
      })
    } finally {
      await rm(folder, {recursive: true})
    }
  })

  test('of a host whose key is not known', async () => {
    useClient(await server.client('UserKnownHostsFile /dev/null', 'GlobalKnownHostsFile /dev/null'))
    expect(await failureOf(endpointOf())).toMatchObject({
      message: expect.stringContaining('Host key verification failed'),
      hint: expect.stringContaining('accept it once by hand: ssh -p'),
    })
  })

  test('of a port where nobody listens', async () => {
    useClient(server.clientFolder)
    expect(await failureOf(endpointOf({port: 1}))).toMatchObject({
      message: expect.stringContaining('Connection refused'),
    })
  })

  test('of a machine without docker', async () => {
    await using other = await sshServer(['SetEnv PATH=/nowhere'])
    useClient(other.clientFolder)
    expect(await failureOf(endpointOf({port: other.port}))).toMatchObject({
      message: expect.stringMatching(/ssh ended with code 127: .*docker.*not found/),
      hint: expect.stringContaining('install docker there'),
    })
  })

  test('of a shell that prints what is no HTTP', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ssh-junk-'))
    try {
      await writeFile(join(folder, 'ssh'), '#!/bin/sh\necho Welcome\nexec cat\n')
      await chmod(join(folder, 'ssh'), 0o755)
      useClient(folder)
      expect(await failureOf(endpointOf())).toMatchObject({
        message: expect.stringContaining('is not a Docker engine: it does not speak HTTP'),
      })
    } finally {
      await rm(folder, {recursive: true})
    }
  })

  test('nothing, where it is not installed', async () => {
    process.env['PATH'] = '/nowhere'
    expect(await failureOf(endpointOf())).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('the program ssh is not on this machine'),
      hint: expect.stringContaining('install the OpenSSH client'),
    })
  })

  test('in one line, whatever the other side writes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ssh-words-'))
    try {
      const script = `#!/bin/sh\nprintf 'one\\ntwo\\033[2J\\r\\nthree\\n\\nfour\\n' >&2\nhead -c 100000 /dev/zero | tr '\\0' x >&2\nexit 255\n`
      await writeFile(join(folder, 'ssh'), script)
      await chmod(join(folder, 'ssh'), 0o755)
      useClient(folder)
      const failure = await failureOf(endpointOf())
      expect(failure).toMatchObject({
        message: expect.stringMatching(/ssh ended with code 255: x{300}$/),
      })
    } finally {
      await rm(folder, {recursive: true})
    }
  })
})

/** The gateway itself, which docker has started. */
async function pluginOf(docker: number): Promise<number> {
  const tasks = await readdir(`/proc/${docker}/task`)
  const lists = await Promise.all(
    tasks.map(task => readFile(`/proc/${docker}/task/${task}/children`, 'utf8').catch(() => '')),
  )
  const pid = lists.join(' ').split(' ').find(Boolean)
  if (pid === undefined) throw new Error('docker has started no plugin')
  return Number(pid)
}
