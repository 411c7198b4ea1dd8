import {join} from 'node:path'

import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {startFixtureServer, type FixtureServer} from '../support/fixture-server.ts'
import {inspect} from './inspector.ts'
import {FIXTURE_RUNS, useFixture, type Target} from './peer.ts'
import {connectV1} from './sdk-v1.ts'
import {connectV2} from './sdk-v2.ts'

const SERVER = join(import.meta.dirname, '..', 'fixtures', 'mcp-server', 'conformance.mjs')

let cli: DockerCli
let fixture: FixtureServer

beforeAll(async () => {
  cli = await dockerCli()
  fixture = await startFixtureServer('conformance')
})
afterAll(async () => {
  await cli?.[Symbol.asyncDispose]()
  await fixture?.[Symbol.asyncDispose]()
})

function targetOf(transport: 'stdio' | 'streaming'): Target {
  return transport === 'stdio'
    ? {transport, command: process.execPath, args: [SERVER], env: {}}
    : {transport, url: new URL(fixture.url), headers: {}}
}

describe.for(['stdio', 'streaming'] as const)('without a gateway, over %s', transport => {
  test("the SDK's first generation of clients uses a server of both eras", async () => {
    await using peer = await connectV1(targetOf(transport))
    await useFixture(peer)
  })

  test.for([
    ['legacy', '2025-11-25'],
    ['auto', '2026-07-28'],
    ['modern', '2026-07-28'],
  ] as const)(
    'its second generation in the mode %s speaks %s with it, and uses it',
    async ([mode, version]) => {
      await using peer = await connectV2(targetOf(transport), mode)
      expect(peer.version).toBe(version)
      await useFixture(peer)
    },
  )
})

test.for(['legacy', 'auto', 'modern'] as const)(
  'without a gateway, the inspector in the mode %s uses a server of both eras',
  async mode => {
    await inspect(cli, targetOf('streaming'), mode, FIXTURE_RUNS)
  },
)
