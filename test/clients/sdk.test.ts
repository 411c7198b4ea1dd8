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
