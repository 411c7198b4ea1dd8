import {gatewayWorld} from '../support/worlds.ts'
import {runScenarios} from './scenario.ts'
import {troubledServers, twoServers} from './scenarios/index.ts'

/** Long enough for a server that is there, on a busy machine, too. */
const PATIENCE_MS = 10_000

const gateway = {isGateway: true, client: 'http'} as const

runScenarios(
  'through the gateway to a server over HTTP and one in a container',
  {...gateway, make: () => gatewayWorld({one: 'remote', two: 'container'})},
  twoServers,
)

runScenarios(
  'through the gateway to a server beside a slow one and one that is not there',
  {
    ...gateway,
    make: () =>
      gatewayWorld({one: 'remote', slow: 'remote', gone: 'nowhere'}, {patienceMs: PATIENCE_MS}),
  },
  troubledServers,
)
