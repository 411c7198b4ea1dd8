import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {stdinText} from '../../lib/input-text.ts'
import {tellOtherProfile} from '../../lib/profile-door.ts'
import {writeConfig} from '../../lib/profile/config-file.ts'

export default class ConfigWrite extends PluginCommand {
  static override summary = 'set everything that is set for servers'
  static override description =
    'The document is all that is set afterwards: a map of values for each server. Values that stay keep their place and their comments in config.yaml, unless the document has comments of its own; then it is taken as it is.'
  static override examples = [
    "<%= config.bin %> config write 'notes: {folder: ~/notes}'",
    '<%= config.bin %> config write - < config.yaml',
  ]
  static override args = {
    yaml: Args.string({description: 'a YAML document, or - for stdin', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ConfigWrite)
    const {text, from} =
      args.yaml === '-' ? await stdinText(this.app) : {text: args.yaml, from: 'the document'}
    await writeConfig(this.app.paths, text, from)
    await tellOtherProfile(this.app)
    this.app.io.err(`wrote ${this.app.paths.config}\n`)
  }
}
