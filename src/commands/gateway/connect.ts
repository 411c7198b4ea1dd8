import {Flags} from '@oclif/core'
import {backgroundInput, launchOfVariables, nameOf} from '../../lib/background-door.ts'
import {PluginCommand} from '../../lib/command.ts'
import {connectClient} from '../../lib/gateway/background/connect.ts'
import {reachGateway} from '../../lib/gateway/background/reach.ts'
import {variable} from '../../lib/list-flag.ts'
import {gatewayNameFlag} from '../../lib/run-flags.ts'
import {untilStopped} from '../../lib/until-stopped.ts'

export default class GatewayConnect extends PluginCommand {
  static override summary = 'connect a client over stdio to the gateway in the background'
  static override description =
    'For clients that start a command, in place of gateway run: all of them share one gateway, each under its own name and with sessions of its own. The gateway is started when none runs. When it ends or is started again, the client stays connected: it is introduced to the next one, calls that were under way get an error, and lists are announced as changed. No port and no token is needed, as only you may open the gateway’s socket.'
  static override examples = [
    '<%= config.bin %> gateway connect',
    {
      description: 'a gateway for a profile; it has the profile’s name',
      command: '<%= config.bin %> gateway connect --profile work',
    },
  ]
  static override flags = {
    ...gatewayNameFlag,
    profile: Flags.string({
      summary: 'the profile that the gateway serves (DOCKER_MCP_PROFILE)',
      helpValue: '<id>',
    }),
    client: Flags.string({
      summary: 'the client that starts this, by its name in the gateway file: its rules hold',
      helpValue: '<name>',
      env: variable('client'),
    }),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(GatewayConnect)
    const {app} = this
    const {process, env, io} = app
    const name = nameOf(app, flags)
    const profile = flags.profile ?? (env['DOCKER_MCP_PROFILE'] || undefined)
    const launch = () => launchOfVariables(app, profile)
    const reach = {...backgroundInput(app), name, launch, profile, client: flags.client}
    await untilStopped(app, signal =>
      connectClient({
        stdin: process.stdin,
        stdout: process.stdout,
        open: isWanted => reachGateway(reach, isWanted),
        notify: line => io.err(`${line}\n`),
        signal,
      }),
    )
    process.stdin.destroy()
  }
}
