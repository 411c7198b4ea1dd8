import {PluginCommand, profileFlags, serversInput} from '../../lib/command.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {reset} from '../../lib/profile/servers.ts'

export default class ServerReset extends PluginCommand {
  static override summary = 'switch all servers off'
  static override description =
    'Their configuration and secrets stay as they are; those of a profile other than the default one go with it.'
  static override examples = ['<%= config.bin %> server reset']

  static override flags = {...profileFlags}

  async run(): Promise<void> {
    const {flags} = await this.parse(ServerReset)
    await takeOverOnce(this.app)
    const disabled = await reset(serversInput(this.app, flags))
    for (const name of disabled) this.app.io.err(`disabled ${name}\n`)
    if (disabled.length === 0) this.app.io.err('no server was enabled\n')
  }
}
