import {rm} from 'node:fs/promises'
import {backgroundInput, nameOf} from '../../lib/background-door.ts'
import {PluginCommand} from '../../lib/command.ts'
import {gatewayFiles} from '../../lib/gateway/background/name.ts'
import {uninstallService} from '../../lib/gateway/background/service.ts'
import {stopGateway} from '../../lib/gateway/background/stop.ts'
import {whileSlow} from '../../lib/gateway-door.ts'
import {gatewayOfFlags} from '../../lib/run-flags.ts'
import {planOf} from '../../lib/service-door.ts'

export default class GatewayUninstallService extends PluginCommand {
  static override summary = 'have the system end a gateway and not start it any more'
  static override examples = [
    '<%= config.bin %> gateway uninstall-service',
    '<%= config.bin %> gateway uninstall-service --name work',
  ]
  static override flags = gatewayOfFlags

  async run(): Promise<void> {
    const {flags} = await this.parse(GatewayUninstallService)
    const {app} = this
    const name = nameOf(app, flags)
    const launch = {globals: [], flags: [], cwd: app.cwd}
    const plan = planOf(app, {name, launch})
    const {wasThere, failure} = await uninstallService(plan)
    await rm(gatewayFiles(app.paths.stateDir, name).service, {force: true})
    if (!wasThere) return app.io.out(`gateway ${name} is no service\n`)
    app.io.out(`${plan.file} is removed\n`)
    // On Windows the task is not what runs; elsewhere the system may not have been there to be told.
    const stopped = await whileSlow(app, `Stopping the gateway ${name} …`, () =>
      stopGateway(backgroundInput(app), name),
    )
    if (stopped !== 'not running') app.io.out(`gateway ${name} is stopped\n`)
    if (failure === undefined) return
    const commands = plan.disable.map(command => `  ${command.join(' ')}\n`).join('')
    app.io.err(`the system was not told: ${failure}\nif it runs there, run:\n${commands}`)
    app.process.exitCode = 1
  }
}
