import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {fixtureCatalog, type FixtureCatalog} from '../support/fixture-images.ts'
import {inspect} from './inspector.ts'
import {FIXTURE_RUNS, placeOf, useFixture, type Peer, type Place} from './peer.ts'
import {connectV1} from './sdk-v1.ts'
import {connectV2} from './sdk-v2.ts'

describe.for(['legacy', 'modern'])('through the gateway, with a %s server in a container', era => {
  let cli: DockerCli
  let catalog: FixtureCatalog
  let flags: readonly string[]
  let place: Place

  beforeAll(async () => {
    cli = await dockerCli()
    const env = [{name: 'MCP_FIXTURE_ERA', value: era}]
    catalog = await fixtureCatalog({[`${era}-server`]: {fixture: 'conformance', env}})
    flags = [`--catalog=${catalog.file}`, `--servers=${era}-server`]
    // The inspector asks once and leaves, and so many clients at once may wait longer than a list does for its server.
    await cli.mcp('tools', 'ls', `--gateway-arg=${flags.join(',')}`)
    place = await placeOf('streaming', cli, flags)
  })
  afterAll(async () => {
    await cli?.[Symbol.asyncDispose]()
    await catalog?.[Symbol.asyncDispose]()
  })

  test('one endpoint serves clients of both eras at the same time', async () => {
    await Promise.all([
      useAndLeave(connectV1(place)),
      useAndLeave(connectV2(place, 'legacy')),
      useAndLeave(connectV2(place, 'auto')),
      useAndLeave(connectV2(place, 'modern')),
      useAndLeave(connectV2(place, 'modern')),
      inspect(cli, place, 'auto', FIXTURE_RUNS),
      inspect(cli, place, 'modern', FIXTURE_RUNS),
    ])
  })

  test.for(['streaming', 'stdio'] as const)(
    'over %s a client that asks first gets the modern era, and one that asks for it uses all of it',
    async transport => {
      const target = transport === 'stdio' ? await placeOf(transport, cli, flags) : place
      {
        await using peer = await connectV2(target, 'auto')
        expect(peer).toMatchObject({era: 'modern', version: '2026-07-28'})
      }
      await using peer = await connectV2(target, 'modern')
      await useFixture(peer)
    },
  )
})

async function useAndLeave(connecting: Promise<Peer>): Promise<void> {
  await using peer = await connecting
  await useFixture(peer)
}
