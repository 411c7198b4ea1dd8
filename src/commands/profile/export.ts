import {resolve} from 'node:path'
import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {exportProfile} from '../../lib/profile/share.ts'

export default class ProfileExport extends PluginCommand {
  static override summary = 'write a profile into a file that others can use or import'
  static override description =
    'The file brings along the catalog entries of its servers, and no secrets: it can be committed, and served with: docker mcp gateway run --profile-file <file>'
  static override examples = [
    '<%= config.bin %> profile export dev ./dev.yaml',
    '<%= config.bin %> profile export default mine.json',
  ]
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
    file: Args.string({description: 'a name that ends in .yaml, .yml or .json', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ProfileExport)
    const {io, cwd} = this.app
    await exportProfile(await profilesInput(this.app), args.profile, resolve(cwd, args.file))
    io.out(`Exported profile ${args.profile} to ${args.file}\n`)
  }
}
