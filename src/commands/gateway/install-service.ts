import {Flags} from '@oclif/core'
import type {Interfaces} from '@oclif/core'
import {
  backgroundInput,
  INSTEAD_OF_ENV,
  launchOf,
  nameOf,
  ownEnvironmentLine,
  withoutWords,
} from '../../lib/background-door.ts'
import {PluginCommand} from '../../lib/command.ts'
import type {ParsedFlags} from '../../lib/file-flags.ts'
import {writeFileAtomic} from '../../lib/files/atomic.ts'
import {withoutCredentials} from '../../lib/gateway/background/credentials.ts'
import {openLog, readLog} from '../../lib/gateway/background/log-file.ts'
import {type Launch, writeLaunch} from '../../lib/gateway/background/launch-file.ts'
import {gatewayFiles} from '../../lib/gateway/background/name.ts'
import {appeared} from '../../lib/gateway/background/owned.ts'
import {
  registerService,
  type ServicePlan,
  startService,
} from '../../lib/gateway/background/service.ts'
import {stopGateway} from '../../lib/gateway/background/stop.ts'
import {whileSlow} from '../../lib/gateway-door.ts'
import {backgroundFlags} from '../../lib/run-flags.ts'
import {planOf, platformFlag} from '../../lib/service-door.ts'

export default class GatewayInstallService extends PluginCommand {
  static override summary = 'have the system start a gateway and keep it running'
  static override description =
    'A user unit of systemd on Linux, an agent of launchd on macOS, a task at logon on Windows. It takes the flags of gateway run, or the variables that stand for them now, and writes them down; so it does with what leads to the engine (DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY) and, except on Windows, PATH, certificates and proxies. Other variables are not taken. A gateway of the same name that runs in the background is stopped. On Linux it starts when you log in; with loginctl enable-linger, when the machine does.'
  static override examples = [
    '<%= config.bin %> gateway install-service',
    '<%= config.bin %> gateway install-service --name work --profile work --port 8812',
    {
      description: 'look at it first',
      command: '<%= config.bin %> gateway install-service --print',
    },
  ]
  static override flags = {
    print: Flags.boolean({summary: 'print the service and install nothing', allowNo: true}),
    ...platformFlag,
    ...backgroundFlags,
  }

  async run(): Promise<void> {
    const parsed: {
      flags: Interfaces.InferredFlags<typeof GatewayInstallService.flags>
      metadata: ParsedFlags<unknown>['metadata']
    } = await this.parse(GatewayInstallService)
    const {app} = this
    const {print, platform} = parsed.flags
    const name = nameOf(app, parsed.flags)
    const said = withoutWords(this.argv, {booleans: ['print'], values: ['platform']})
    const launch = withoutCredentials(await launchOf(app, parsed, said))
    const plan = planOf(app, {name, launch, platform})
    if (print || platform !== undefined) return app.io.out(plan.text)
    await whileSlow(app, `Starting the gateway ${name} …`, () => this.#install(plan, name, launch))
    app.io.out(`gateway ${name} runs as a service\n`)
    app.io.err(ownEnvironmentLine(launch, INSTEAD_OF_ENV.service) ?? '')
  }

  async #install(plan: ServicePlan, name: string, launch: Launch): Promise<void> {
    const {app} = this
    const {stateDir} = app.paths
    const files = gatewayFiles(stateDir, name)
    const log = await openLog(files)
    await log.close()
    const isNew = await registerService(plan)
    // Not before it is certain that another takes its place.
    await stopGateway(backgroundInput(app), name)
    const {end} = await readLog(files.log, {lines: 0})
    await startService(plan)
    // Where the system cannot be asked to start it, it is started with its flags all the same.
    await writeLaunch(files.launch, launch)
    await writeFileAtomic(files.service, `${plan.file}\n`, {mode: 0o600})
    app.io.out(`${plan.file} ${isNew ? 'is written' : 'is as it was'}\n`)
    await appeared(stateDir, name, end)
  }
}
