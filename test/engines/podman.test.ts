import {randomUUID} from 'node:crypto'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {Scope} from '../../src/lib/base/scope.ts'
import {openEngine} from '../../src/lib/engine/dockerode.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {hasGround} from '../isolation/gateway.ts'
import {outputOf} from '../lib/engine/engine-lab.ts'
import {makeSampleImage} from '../lib/engine/sample-image.ts'
import {type DockerCli, dockerCli} from '../support/docker-cli.ts'
import {scriptOptions} from './containers.ts'
import {bringServers, leavesNothing, servesGateway, type OwnEngine} from './own-engine.ts'
import {podmanServer} from './podman-server.ts'

const owner = 'life-engines-podman'
const scope = new Scope()
let podman: OwnEngine
let engine: Engine
let image = ''
let cli: DockerCli

beforeAll(async () => {
  if (!hasGround) return
  podman = await podmanServer()
  scope.defer(async () => podman[Symbol.asyncDispose]())
  const sample = await makeSampleImage(`localhost/docker-mcp-test/podman:${owner}`)
  scope.defer(async () => sample[Symbol.asyncDispose]())
  image = sample.ref
  await podman.bring(image)
  await bringServers(podman)
  engine = await openEngine({kind: 'unix', path: podman.socket, from: 'the test'})
  cli = await dockerCli()
  scope.defer(async () => cli[Symbol.asyncDispose]())
})
afterAll(() => scope.close())

const create = (script: string, more: Parameters<typeof scriptOptions>[1] = {}) =>
  engine.create(scriptOptions({owner, image, script}, more))

const runToEnd = async (
  script: string,
  {input = '', ...more}: Parameters<typeof scriptOptions>[1] & {input?: string} = {},
) => {
  const id = await create(script, more)
  const stream = await engine.attach(id)
  const exit = engine.wait(id)
  await engine.start(id)
  // Podman closes the stream of one that is over already, and refuses even its end.
  if (input !== '') stream.end(input)
  const output = await outputOf(stream)
  const {exitCode} = await exit
  await engine.untilGone(id)
  return {id, exitCode, ...output}
}

describe.runIf(hasGround)('Podman', () => {
  test('tells its version, and speaks one that we do', async () => {
    const info = await engine.info()
    expect(info).toMatchObject({os: 'linux', apiVersion: '1.41'})
    expect(info.version).toMatch(/^\d+\.\d+/)
  })

  test('runs a program, with input, both outputs and the exit code, and removes it', async () => {
    const result = await runToEnd('cat; echo problem >&2; exit 7', {input: 'hello\n'})
    expect(result).toMatchObject({stdout: 'hello\n', stderr: 'problem\n', exitCode: 7})
    expect(await engine.inspect(result.id)).toBeUndefined()
  })

  test('never misses the exit of a short life', async () => {
    const results = await Promise.all([3, 4, 5, 6].map(code => runToEnd(`exit ${code}`)))
    expect(results.map(each => each.exitCode)).toEqual([3, 4, 5, 6])
  })

  test.each([
    ['1000', /uid=1000/],
    ['1000:1000', /uid=1000,gid=1000/],
    ['0', /^((?!uid=).)*$/m],
  ])('gives the temporary folder to the user %s', async (user, ownership) => {
    const {stdout, stderr} = await runToEnd(
      'while read -r line; do case $line in *" /tmp "*) echo "$line";; esac; done < /proc/mounts; : > /tmp/file && echo written',
      {user},
    )
    expect(stderr).toBe('')
    expect(stdout).toContain('written')
    expect(stdout).toMatch(/^tmpfs \/tmp tmpfs .*nosuid,nodev.*size=65536k/m)
    expect(stdout.split('\n')[0]).toMatch(ownership)
  })

  test('removes what runs, what is going and what is gone', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const id = await create('cat')
      const stream = await engine.attach(id)
      await engine.start(id)
      stream.end()
      await Promise.all([1, 2, 3].map(() => engine.remove(id, {force: true})))
      expect(await engine.inspect(id)).toBeUndefined()
      await engine.remove(id, {force: true})
      stream.destroy()
    }
  })

  test('runs one more program in a container', async () => {
    const id = await create('cat')
    const held = await engine.attach(id)
    await engine.start(id)
    const command = ['/bin/sh', '-c', 'cat; echo problem >&2']
    const stream = await engine.exec(id, {command})
    stream.end('hello\n')
    expect(await outputOf(stream)).toEqual({stdout: 'hello\n', stderr: 'problem\n'})
    held.destroy()
    await engine.remove(id, {force: true})
  })

  test('ends a container whose connection is gone', async () => {
    const id = await create('cat')
    const stream = await engine.attach(id)
    await engine.start(id)
    stream.destroy()
    await engine.untilGone(id)
    expect(await engine.inspect(id)).toBeUndefined()
  })

  test('serves a gateway: start, secrets, calls, stop', async () => {
    await servesGateway({engine: podman, cli}, async (_gateway, id) => {
      const pid = await podman.docker('inspect', '--format', '{{.State.Pid}}', id)
      expect(Number(pid)).toBeGreaterThan(0)
    })
  })

  test('leaves nothing behind when the gateway is killed, whatever the server ignores', () =>
    leavesNothing({engine: podman, cli}))

  test('says in one sentence that a container is not there', async () => {
    const id = randomUUID()
    expect(await engine.inspect(id)).toBeUndefined()
    await expect(engine.start(id)).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringContaining('no such container'),
    })
  })
})
