import {Args} from '@oclif/core'
import {PluginCommand, serversInput, wordsOf} from '../../lib/command.ts'
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

  async run(): Promise<void> {
    const {argv} = await this.parse(ServerDisable)
    const disabled = await disable(serversInput(this.app), wordsOf(argv))
    for (const name of disabled) this.app.io.err(`disabled ${name}\n`)
  }
}
