import {gatewayWorld} from '../support/worlds.ts'
import {runScenarios} from './scenario.ts'
import {oneServer} from './scenarios/index.ts'

const make = () => gatewayWorld({lab: 'container'})

runScenarios(
  'through the gateway to a server in a container',
  {isGateway: true, client: 'http', make},
  oneServer,
)
