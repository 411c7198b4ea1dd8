import {resolve} from 'node:path'
import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {importProfile} from '../../lib/profile/share.ts'
import {DEFAULT_PROFILE} from '../../lib/profile/store.ts'

export default class ProfileImport extends PluginCommand {
  static override summary = 'keep a profile that is in a file; it replaces one of the same id'
  static override examples = ['<%= config.bin %> profile import ./dev.yaml']
  static override args = {
    file: Args.string({description: 'a file that ends in .yaml, .yml or .json', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ProfileImport)
    const {io, cwd} = this.app
    const id = await importProfile(await profilesInput(this.app), resolve(cwd, args.file))
    io.out(`Imported profile ${id}\n`)
    if (id === DEFAULT_PROFILE) {
      io.err(
        '! it is the default profile now, instead of registry.yaml, config.yaml and tools.yaml; docker mcp profile rm default takes that back\n',
      )
    }
  }
}
