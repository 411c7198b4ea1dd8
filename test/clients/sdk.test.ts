import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {placeOf, TRANSPORTS, useAll, type Place} from './peer.ts'
import {connectV1} from './sdk-v1.ts'
import {connectV2} from './sdk-v2.ts'

describe.for(TRANSPORTS)('over %s', transport => {
  let cli: DockerCli
  let place: Place

  beforeAll(async () => {
    cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything', 'sequentialthinking')
    place = await placeOf(transport, cli)
  })
  afterAll(() => cli[Symbol.asyncDispose]())

  test.for([
    ['first', connectV1],
    ['second', connectV2],
  ] as const)(
    "the SDK's %s generation of clients can do everything, and leaves no container",
    async ([, connect]) => {
      {
        await using peer = await connect(place)
        await useAll(peer)
        const servers = (await cli.containers()).map(({server}) => server)
        expect(servers.toSorted()).toEqual(['everything', 'sequentialthinking'])
      }
      await cli.gone()
    },
  )
})

describe.for(['stdio', 'streaming'] as const)('over %s', transport => {
  test('a client that asks for the era without initialize first falls back to the one with it', async () => {
    await using cli = await dockerCli()
    await cli.mcp('server', 'enable', 'everything')
    {
      await using peer = await connectV2(await placeOf(transport, cli), 'auto')
      expect(peer).toMatchObject({era: 'legacy', version: '2025-11-25'})
      expect(await peer.call('echo', {message: 'otter'})).toBe('Echo: otter')
    }
    await cli.gone()
  })
})
