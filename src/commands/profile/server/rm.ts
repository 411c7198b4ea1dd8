import {Args} from '@oclif/core'
import {PluginError} from '../../../lib/base/errors.ts'
import {PluginCommand, wordsOf} from '../../../lib/command.ts'
import {listFlag, listOf} from '../../../lib/list-flag.ts'
import {profilesInput} from '../../../lib/profile-door.ts'
import {removeFromProfile} from '../../../lib/profile/manage.ts'

export default class ProfileServerRm extends PluginCommand {
  static override summary = 'remove servers from a profile, with what is set for them there'
  static override strict = false
  static override examples = ['<%= config.bin %> profile server rm dev fetch git']
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
    server: Args.string({description: 'names of servers'}),
  }
  static override flags = {
    name: listFlag({
      summary: 'name of a server; may be repeated',
      helpValue: '<server>',
      env: 'DOCKER_MCP_NAME',
    }),
  }

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ProfileServerRm)
    const [id = '', ...words] = wordsOf(argv)
    const names = [...words, ...(listOf(flags.name) ?? [])]
    if (names.length === 0) {
      throw new PluginError('USAGE', 'no server is named', {hint: 'name them behind the profile'})
    }
    const input = await profilesInput(this.app)
    const removed = await removeFromProfile(input, id, names)
    for (const name of names.filter(one => !removed.includes(one))) {
      this.app.io.err(`${name} was not in it\n`)
    }
    this.app.io.out(`Removed ${removed.length} server(s) from profile ${id}\n`)
  }
}
