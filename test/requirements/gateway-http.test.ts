import {gatewayWorld} from '../support/worlds.ts'
import {runScenarios} from './scenario.ts'
import {oneServer} from './scenarios/index.ts'

const make = () => gatewayWorld({lab: 'remote'})

runScenarios(
  'through the gateway to a server over HTTP',
  {isGateway: true, client: 'http', server: 'http', make},
  oneServer,
)
