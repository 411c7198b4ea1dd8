import {expect} from 'vitest'

import {startGateway, type TestGateway} from '../isolation/gateway.ts'
import {run} from '../lib/engine/engine-lab.ts'
import {sampleImage} from '../support/cli-catalog.ts'
import type {DockerCli} from '../support/docker-cli.ts'
import {fixtureImage} from '../support/fixture-images.ts'

/** An engine that a test has started, with files and a network of its own. Disposing of it ends all of it. */
export interface OwnEngine extends AsyncDisposable {
  /** As in `DOCKER_HOST`. */
  readonly host: string
  readonly socket: string
  /** Runs `docker` with it; must succeed. Gives stdout without the last newline. */
  docker(...args: readonly string[]): Promise<string>
  /** Brings images of the engine that docker uses. */
  bring(...images: readonly string[]): Promise<void>
}

/** Brings the images of the servers that {@link servesGateway} and {@link leavesNothing} start. */
export async function bringServers(engine: OwnEngine): Promise<void> {
  const images = [sampleImage('everything'), fixtureImage('ignores-eof')]
  await engine.bring(...(await Promise.all(images)))
}

/**
 * A gateway starts a server that has a secret, has it called, and leaves no container when it stops.
 * @param during gets the gateway, and the id of the server's container
 */
export async function servesGateway(
  {engine, cli}: {engine: OwnEngine; cli: DockerCli},
  during: (gateway: TestGateway, id: string) => Promise<void>,
): Promise<void> {
  const secrets = await cli.write('own.env', 'own.token=kept-from-records\n')
  const everything = {
    image: await sampleImage('everything'),
    disableNetwork: true,
    secrets: [{name: 'own.token', env: 'TOKEN'}],
  }
  await using gateway = await startGateway({
    cli,
    host: engine.host,
    servers: {everything},
    flags: ['--secrets', secrets],
  })
  expect(await gateway.text('everything', 'echo', {message: 'over here'})).toContain('over here')
  const [id = ''] = await gatewaysContainers(engine, 'label=docker-mcp-name')
  expect(await engine.docker('inspect', id)).not.toContain('kept-from-records')
  await during(gateway, id)
  await gateway[Symbol.asyncDispose]()
  await expect.poll(() => gatewaysContainers(engine)).toEqual([])
}

/** A gateway that is killed leaves no container, not even that of a server that ignores the end of its stdin. */
export async function leavesNothing({
  engine,
  cli,
}: {
  engine: OwnEngine
  cli: DockerCli
}): Promise<void> {
  await using gateway = await startGateway({
    cli,
    host: engine.host,
    servers: {
      everything: {image: await sampleImage('everything'), disableNetwork: true},
      deaf: {image: await fixtureImage('ignores-eof'), disableNetwork: true},
    },
  })
  expect(await gateway.text('everything', 'echo', {message: 'here'})).toContain('here')
  await expect.poll(() => gatewaysContainers(engine, 'label=docker-mcp-name')).toHaveLength(2)
  const {stdout} = await run('pgrep', ['-P', String(gateway.pid)])
  process.kill(Number(stdout.trim().split('\n')[0]), 'SIGKILL')
  await expect.poll(() => gatewaysContainers(engine)).toEqual([])
}

/** Containers of any gateway that an engine has; those of servers alone have a name. */
async function gatewaysContainers(
  engine: OwnEngine,
  filter: 'label=docker-mcp=true' | 'label=docker-mcp-name' = 'label=docker-mcp=true',
): Promise<readonly string[]> {
  const ids = await engine.docker('ps', '--all', '--quiet', '--filter', filter)
  return ids.split('\n').filter(Boolean)
}
