import type {Interfaces} from '@oclif/core'
import {
  backgroundInput,
  INSTEAD_OF_ENV,
  launchOf,
  nameOf,
  ownEnvironmentLine,
  startedText,
} from '../../lib/background-door.ts'
import {PluginCommand} from '../../lib/command.ts'
import type {ParsedFlags} from '../../lib/file-flags.ts'
import {withoutCredentials} from '../../lib/gateway/background/credentials.ts'
import {startAsService} from '../../lib/gateway/background/owned.ts'
import {startGateway, type Started} from '../../lib/gateway/background/start.ts'
import {whileSlow} from '../../lib/gateway-door.ts'
import {backgroundFlags} from '../../lib/run-flags.ts'
import {untilStopped} from '../../lib/until-stopped.ts'

export default class GatewayStart extends PluginCommand {
  static override summary = 'start a gateway in the background'
  static override description =
    'It runs until gateway stop, or until you log out where the system ends what is left then; install-service starts it with the system. It takes the flags of gateway run, and listens on a free port of this machine when they say no other. Clients that speak stdio reach it with gateway connect, which needs no port and no token. Each --name has a gateway of its own: so several run side by side, each with its profile. When one of that name runs already, nothing happens.'
  static override examples = [
    '<%= config.bin %> gateway start',
    {
      description: 'a second one, with another profile',
      command: '<%= config.bin %> gateway start --name work --profile work',
    },
    {
      description: 'on a port of its own choice',
      command: '<%= config.bin %> gateway start --port 8811',
    },
  ]
  static override flags = backgroundFlags

  async run(): Promise<void> {
    const parsed: {
      flags: Interfaces.InferredFlags<typeof GatewayStart.flags>
      metadata: ParsedFlags<unknown>['metadata']
    } = await this.parse(GatewayStart)
    const {app} = this
    const name = nameOf(app, parsed.flags)
    const launch = withoutCredentials(await launchOf(app, parsed, this.argv))
    const start = async (signal: AbortSignal): Promise<Started> =>
      (await startAsService(app.paths.stateDir, name, launch)) ??
      startGateway({...backgroundInput(app), signal}, name, launch)
    const started = await whileSlow(app, `Starting the gateway ${name} …`, () =>
      untilStopped(app, start),
    )
    app.io.out(startedText(app, name, started))
    if (started.isNew) app.io.err(ownEnvironmentLine(launch, INSTEAD_OF_ENV.gateway) ?? '')
  }
}
