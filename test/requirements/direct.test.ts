import {directHttp, directStdio} from '../support/worlds.ts'
import {runScenarios} from './scenario.ts'
import {oneServer} from './scenarios/index.ts'

runScenarios(
  'directly over stdio',
  {isGateway: false, client: 'stdio', make: directStdio},
  oneServer,
)
runScenarios(
  'directly over HTTP',
  {isGateway: false, client: 'http', server: 'http', make: directHttp},
  oneServer,
)
