import {Args, Flags} from '@oclif/core'
import {PluginCommand, serversInput, wordsOf} from '../../lib/command.ts'
import {untilStopped} from '../../lib/until-stopped.ts'
import {installServers} from '../../lib/gateway/install.ts'
import {variable} from '../../lib/list-flag.ts'
import {signatureFlag} from '../../lib/signature-flag.ts'

export default class ServerInstall extends PluginCommand {
  static override summary = 'pull the images of servers ahead of their first use'
  static override description =
    'Without it, an image is pulled when a gateway that serves the server starts, and a client that needs it waits.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> server install duckduckgo',
    '<%= config.bin %> server install fetch time',
    '<%= config.bin %> server install --update fetch',
  ]
  static override flags = {
    ...signatureFlag,
    update: Flags.boolean({
      summary: 'also pull what is here, when its registry has another image of that name by now',
      allowNo: true,
      env: variable('update'),
    }),
  }
  static override args = {
    server: Args.string({description: 'names of servers in a catalog', required: true}),
  }

  async run(): Promise<void> {
    const {argv, flags, metadata} = await this.parse(ServerInstall)
    const input = serversInput(this.app)
    const {images} = await input.settings()
    const isOpen = metadata.flags?.['verify-signatures']?.setFromDefault ?? false
    const verifySignatures = isOpen ? images?.verifySignatures : undefined
    const {io, scope} = this.app
    const {showProgress} = await import('../../lib/ui/progress.tsx')
    const progress = showProgress(io, this.app.process.stderr)
    scope.defer(() => progress.stop())
    await untilStopped(this.app, signal =>
      installServers(
        {
          ...input,
          engine: () => this.app.engine(),
          toNewest: flags.update,
          verifySignatures: verifySignatures ?? flags['verify-signatures'],
          signal,
        },
        wordsOf(argv),
        item => progress.update(item),
      ),
    )
  }
}
