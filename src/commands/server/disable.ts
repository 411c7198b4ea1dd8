import {Args} from '@oclif/core'
import {PluginCommand, profileFlags, serversInput, wordsOf} from '../../lib/command.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {disable} from '../../lib/profile/servers.ts'

export default class ServerDisable extends PluginCommand {
  static override summary = 'switch servers off'
  static override strict = false
  static override examples = [
    '<%= config.bin %> server disable everything',
    '<%= config.bin %> server rm fetch time',
  ]
  static override args = {
    server: Args.string({description: 'names of enabled servers', required: true}),
  }

  static override flags = {...profileFlags}

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ServerDisable)
    await takeOverOnce(this.app)
    const disabled = await disable(serversInput(this.app, flags), wordsOf(argv))
    for (const name of disabled) this.app.io.err(`disabled ${name}\n`)
  }
}
