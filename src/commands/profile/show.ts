import {Args, Flags} from '@oclif/core'
import type {JsonObject} from '../../lib/base/json.ts'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {clientsOfUser} from '../../lib/listed-clients.ts'
import {listing} from '../../lib/clients/listing.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {
  documentObject,
  jsonDocument,
  listProfiles,
  showProfile,
} from '../../lib/profile/documents.ts'
import {print} from '../../lib/ui/format.ts'
import {yamlText} from '../../lib/ui/yaml-text.ts'

export default class ProfileShow extends PluginCommand {
  static override summary = 'show a profile: its servers, and what is set for them'
  static override examples = [
    '<%= config.bin %> profile show dev',
    '<%= config.bin %> profile show default --format json',
    '<%= config.bin %> profile show dev --clients',
  ]
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
  }
  static override flags = {
    ...formatFlag,
    clients: Flags.boolean({summary: 'also the clients of this user that are connected to it'}),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ProfileShow)
    const document = documentObject(await showProfile(await profilesInput(this.app), args.profile))
    const shown = flags.format === 'json' ? jsonDocument(document) : document
    const clients = flags.clients ? {clients: await this.#clientsOf(args.profile)} : {}
    await print(this.app.io, {...shown, ...clients}, {format: flags.format, human: yamlText})
  }
  /** In the form of `client ls`. An entry that names no profile takes the one in use; one with an address, none of ours. */
  async #clientsOf(profile: string): Promise<Record<string, JsonObject>> {
    const {inUse} = await listProfiles(await profilesInput(this.app))
    const listed = await clientsOfUser(this.app)
    const bound = listed.filter(
      ({servers}) => servers?.own?.type === 'stdio' && (servers.profile || inUse) === profile,
    )
    return listing(bound, 'global')
  }
}
