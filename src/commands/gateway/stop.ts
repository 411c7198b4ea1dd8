import {backgroundInput, nameOf} from '../../lib/background-door.ts'
import {PluginCommand} from '../../lib/command.ts'
import {stopGateway} from '../../lib/gateway/background/stop.ts'
import {whileSlow} from '../../lib/gateway-door.ts'
import {gatewayOfFlags} from '../../lib/run-flags.ts'

const OUTCOMES = {
  stopped: 'is stopped',
  killed: 'did not end by itself and was killed',
  'not running': 'does not run',
} as const

export default class GatewayStop extends PluginCommand {
  static override summary = 'stop a gateway that runs in the background'
  static override description =
    'Calls that are under way get an error, the containers end, then the gateway; this command waits for all of it. Clients that are connected stay so: when they ask for something, gateway connect starts the gateway again.'
  static override examples = [
    '<%= config.bin %> gateway stop',
    '<%= config.bin %> gateway stop --name work',
  ]
  static override flags = gatewayOfFlags

  async run(): Promise<void> {
    const {flags} = await this.parse(GatewayStop)
    const {app} = this
    const name = nameOf(app, flags)
    const stopped = await whileSlow(app, `Stopping the gateway ${name} …`, () =>
      stopGateway(backgroundInput(app), name),
    )
    app.io.out(`gateway ${name} ${OUTCOMES[stopped]}\n`)
  }
}
