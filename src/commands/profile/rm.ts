import {Args} from '@oclif/core'
import {PluginCommand} from '../../lib/command.ts'
import {disconnectFromProfile} from '../../lib/profile-clients.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {removeProfile} from '../../lib/profile/store.ts'

export default class ProfileRm extends PluginCommand {
  static override summary = 'remove a profile'
  static override description =
    'Catalogs, images and secrets stay. When it was in use, the default profile is from then on. Clients of this user that are connected with it are disconnected.'
  static override examples = ['<%= config.bin %> profile rm dev']
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
  }

  async run(): Promise<void> {
    const {args} = await this.parse(ProfileRm)
    const {io} = this.app
    const {paths} = await profilesInput(this.app)
    const wasInUse = await removeProfile(paths, args.profile)
    io.out(`Removed profile ${args.profile}\n`)
    if (wasInUse) io.err('it was in use: now the default profile is\n')
    await disconnectFromProfile(this.app, args.profile)
  }
}
