import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {Scope} from '../../src/lib/base/scope.ts'
import {hasGround, startGateway, type TestGateway} from '../isolation/gateway.ts'
import {sampleImage} from '../support/cli-catalog.ts'
import {type DockerCli, dockerCli} from '../support/docker-cli.ts'
import {type PrivateEngine, privateEngine} from '../support/private-engine.ts'

const scope = new Scope()
let engine: PrivateEngine
let cli: DockerCli

beforeAll(async () => {
  if (!hasGround) return
  engine = await privateEngine()
  scope.defer(async () => engine[Symbol.asyncDispose]())
  await engine.bring(await sampleImage('everything'), await sampleImage('memory'))
  cli = await dockerCli()
  scope.defer(async () => cli[Symbol.asyncDispose]())
})
afterAll(() => scope.close())

const startServers = async (): Promise<TestGateway> =>
  startGateway({
    cli,
    host: engine.host,
    servers: {
      everything: {image: await sampleImage('everything'), disableNetwork: true},
      memory: {image: await sampleImage('memory'), disableNetwork: true},
    },
  })

/** Removes all containers and these volumes. @returns whether nothing was in the way, such as a new container */
async function removeAll(volumes: readonly string[]): Promise<boolean> {
  const containers = (await engine.docker('ps', '--all', '--quiet')).split('\n').filter(Boolean)
  if (containers.length > 0) await engine.docker('rm', '--force', ...containers)
  return engine.docker('volume', 'rm', ...volumes).then(
    () => true,
    () => false,
  )
}

const echo = (gateway: TestGateway, message: string) =>
  gateway.text('everything', 'echo', {message})

describe.runIf(hasGround)(
  'an engine that is stopped and started while clients are connected',
  () => {
    test('serves the next call, also of a server that was not used before', async () => {
      await using gateway = await startServers()
      expect(await echo(gateway, 'before')).toContain('before')
      await engine.stop()
      await engine.start()
      expect(await echo(gateway, 'after')).toContain('after')
      expect(await gateway.text('memory', 'read_graph')).toContain('entities')
    })

    test('is named by every call while it is down, however many there are', async () => {
      await using gateway = await startServers()
      expect(await echo(gateway, 'before')).toContain('before')
      await engine.stop()
      try {
        for (let turn = 0; turn < 4; turn += 1) {
          await expect(echo(gateway, 'nobody hears')).rejects.toThrow(
            `no Docker engine at unix://${engine.socket}`,
          )
        }
      } finally {
        await engine.start()
      }
      expect(await echo(gateway, 'after')).toContain('after')
    })

    test('may lose what the gateway had put there', async () => {
      await using gateway = await startServers()
      expect(await echo(gateway, 'before')).toContain('before')
      await engine.stop()
      await engine.start()
      const volumes = (
        await engine.docker('volume', 'ls', '--quiet', '--filter', 'name=docker-mcp-shim')
      )
        .split('\n')
        .filter(Boolean)
      expect(volumes).toHaveLength(1)
      await expect
        .poll(() => removeAll(volumes), {timeout: 60_000, message: 'the volume is in use'})
        .toBe(true)
      expect(await echo(gateway, 'after')).toContain('after')
    })
  },
)
