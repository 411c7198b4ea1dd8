import type {Era} from '../../../src/lib/gateway/bridge/eras.ts'
import {direct, type EraWorld} from '../../eras/era-world.ts'
import {fixtureImage} from '../../support/fixture-images.ts'
import {startGateway} from '../../support/worlds.ts'

/** A gateway before a modern server `one` over HTTP, and the same server in a container as `two`. */
export async function beforeTwo(era: Era): Promise<EraWorld> {
  const one = await direct('modern')
  const env = [{name: 'MCP_FIXTURE_ERA', value: era}]
  const image = await fixtureImage('conformance')
  const registry = {
    one: {type: 'remote', remote: {url: one.url, transport_type: 'http'}},
    two: {type: 'server', image, env, disableNetwork: true},
  }
  const gateway = await startGateway(registry, one.stderr)
  return {
    url: gateway.url,
    stderr: one.stderr,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await one[Symbol.asyncDispose]()
    },
  }
}
