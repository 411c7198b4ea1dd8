import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {Scope} from '../../src/lib/base/scope.ts'
import {openEngine} from '../../src/lib/engine/dockerode.ts'
import {hasGround} from '../isolation/gateway.ts'
import {type DockerCli, dockerCli} from '../support/docker-cli.ts'
import {bringServers, leavesNothing, servesGateway, type OwnEngine} from './own-engine.ts'
import {rootlessEngine} from './rootless-engine.ts'

const scope = new Scope()
let rootless: OwnEngine
let cli: DockerCli

beforeAll(async () => {
  if (!hasGround) return
  rootless = await rootlessEngine()
  scope.defer(async () => rootless[Symbol.asyncDispose]())
  await bringServers(rootless)
  cli = await dockerCli()
  scope.defer(async () => cli[Symbol.asyncDispose]())
})
afterAll(() => scope.close())

describe.runIf(hasGround)('a rootless engine', () => {
  test('says which limits it does not keep, as its docker info does', async () => {
    const engine = await openEngine({kind: 'unix', path: rootless.socket, from: 'the test'})
    const format = '{{.MemoryLimit}} {{.CPUCfsQuota}} {{.PidsLimit}} {{.SecurityOptions}}'
    // Without systemd it has no cgroups.
    expect(await rootless.docker('info', '--format', format)).toMatch(
      /^false false false .*name=rootless/,
    )
    expect(await engine.unkeptLimits()).toEqual(['memory', 'cpus', 'pids'])
  })

  test('serves a gateway: start, secrets, calls, limits said, stop', async () => {
    await servesGateway({engine: rootless, cli}, gateway =>
      gateway.said(/^! this engine does not keep limits of memory, cpus, pids: /m),
    )
  })

  test('leaves nothing behind when the gateway is killed, whatever the server ignores', () =>
    leavesNothing({engine: rootless, cli}))
})
