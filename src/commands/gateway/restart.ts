import {
  backgroundInput,
  INSTEAD_OF_ENV,
  nameOf,
  ownEnvironmentLine,
  startedText,
} from '../../lib/background-door.ts'
import {PluginCommand} from '../../lib/command.ts'
import {isOwned, startOwned} from '../../lib/gateway/background/owned.ts'
import type {BackgroundInput, Started} from '../../lib/gateway/background/start.ts'
import {restartGateway, stopGateway, type StopInput} from '../../lib/gateway/background/stop.ts'
import {whileSlow} from '../../lib/gateway-door.ts'
import {gatewayOfFlags} from '../../lib/run-flags.ts'
import {untilStopped} from '../../lib/until-stopped.ts'

export default class GatewayRestart extends PluginCommand {
  static override summary = 'stop a gateway in the background and start it again'
  static override description =
    'With the flags that it was started with, and at the same address when its port is still free. One that was killed is started, too. Clients that are connected with gateway connect go on with the new one; a call that was under way gets an error.'
  static override examples = [
    '<%= config.bin %> gateway restart',
    '<%= config.bin %> gateway restart --name work',
  ]
  static override flags = gatewayOfFlags

  async run(): Promise<void> {
    const {flags} = await this.parse(GatewayRestart)
    const {app} = this
    const name = nameOf(app, flags)
    const started = await whileSlow(app, `Starting the gateway ${name} again …`, () =>
      untilStopped(app, signal => restart({...backgroundInput(app), signal}, name)),
    )
    app.io.out(startedText(app, name, started))
    const {launch} = started
    if (launch) app.io.err(ownEnvironmentLine(launch, INSTEAD_OF_ENV.gateway) ?? '')
  }
}

/** A service is started by the system alone, with the flags that it was installed with. */
async function restart(input: BackgroundInput & StopInput, name: string): Promise<Started> {
  if (!(await isOwned(input.stateDir, name))) return restartGateway(input, name)
  await stopGateway(input, name)
  const gateway = await startOwned(input.stateDir, name)
  return gateway ? {gateway, isNew: true} : restartGateway(input, name)
}
