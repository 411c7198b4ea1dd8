import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {parseYamlMap} from '../../lib/files/yaml.ts'
import {tellOtherProfile} from '../../lib/profile-door.ts'
import {configText} from '../../lib/profile/config-file.ts'
import {print} from '../../lib/ui/format.ts'

export default class ConfigRead extends PluginCommand {
  static override summary = 'print what is set for servers'
  static override description =
    'It is the text of config.yaml, comments included; with --format json or yaml, what it says.'
  static override examples = [
    '<%= config.bin %> config read',
    '<%= config.bin %> config read --format json',
  ]
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(ConfigRead)
    const {io, paths} = this.app
    const text = await configText(paths)
    const value = flags.format === 'human' ? {} : parseYamlMap(text, paths.config)
    await tellOtherProfile(this.app)
    await print(io, value, {format: flags.format, human: () => text})
  }
}
