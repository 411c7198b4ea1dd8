import {PluginCommand} from '../../lib/command.ts'
import {tellOtherProfile} from '../../lib/profile-door.ts'
import {resetConfig} from '../../lib/profile/config-file.ts'

export default class ConfigReset extends PluginCommand {
  static override summary = 'forget everything that is set for servers'
  static override description = 'Servers stay enabled; their secrets stay as they are.'
  static override examples = ['<%= config.bin %> config reset']

  async run(): Promise<void> {
    await this.parse(ConfigReset)
    await resetConfig(this.app.paths)
    await tellOtherProfile(this.app)
    this.app.io.err('nothing is set any more\n')
  }
}
