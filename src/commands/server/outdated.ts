import {Args} from '@oclif/core'
import {formatFlag, PluginCommand, serversInput, wordsOf} from '../../lib/command.ts'
import {untilStopped} from '../../lib/until-stopped.ts'
import {compareImages} from '../../lib/gateway/outdated.ts'
import {print} from '../../lib/ui/format.ts'
import {outdatedView} from '../../lib/ui/outdated-view.ts'

export default class ServerOutdated extends PluginCommand {
  static override summary = 'compare the images of servers with what their registries have by now'
  static override description =
    'The engine asks the registries; nothing is fetched. Images that are named by a digest or made on this machine are not asked for. The exit code is 1 when no registry told anything.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> server outdated',
    '<%= config.bin %> server outdated fetch time --format json',
  ]
  static override flags = formatFlag
  static override args = {
    server: Args.string({description: 'names of servers in a catalog; all that are enabled'}),
  }

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ServerOutdated)
    const {io, process} = this.app
    const images = await untilStopped(this.app, signal =>
      compareImages(
        {...serversInput(this.app), engine: () => this.app.engine(), signal},
        wordsOf(argv),
      ),
    )
    await print(io, images, {
      format: flags.format,
      human: all => outdatedView(all, io.outIsTerminal ? io.columns : Number.POSITIVE_INFINITY),
    })
    const isKnown = images.some(({there}) => there !== undefined)
    if (!isKnown && images.some(({state}) => state === 'unknown')) process.exitCode = 1
  }
}
