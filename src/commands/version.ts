import {formatFlag, PluginCommand} from '../lib/command.ts'
import {print} from '../lib/ui/format.ts'

export default class Version extends PluginCommand {
  static override summary = 'show the version of this program'
  static override examples = [
    '<%= config.bin %> version',
    '<%= config.bin %> version --format json',
  ]
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(Version)
    const value = {version: this.app.version, node: process.versions.node}
    await print(this.app.io, value, {format: flags.format, human: ({version}) => `${version}\n`})
  }
}
