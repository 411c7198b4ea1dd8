import {oneLine} from '../../lib/base/one-line.ts'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {profilesInput} from '../../lib/profile-door.ts'
import {documentObject, jsonDocument, listProfiles} from '../../lib/profile/documents.ts'
import {errorView} from '../../lib/ui/error-view.ts'
import {print} from '../../lib/ui/format.ts'

export default class ProfileLs extends PluginCommand {
  static override summary = 'list the profiles'
  static override description =
    'The default profile is what registry.yaml, config.yaml and tools.yaml say, unless a profile of that id was imported. The exit code is 1 when the file of one is wrong; the others are listed.'
  static override examples = [
    '<%= config.bin %> profile ls',
    '<%= config.bin %> profile ls --format json',
  ]
  static override flags = {...formatFlag}

  async run(): Promise<void> {
    const {flags} = await this.parse(ProfileLs)
    const {io, process, globals} = this.app
    const {profiles, inUse, isMissing, failures} = await listProfiles(await profilesInput(this.app))
    const documents = profiles.map(profile => {
      const document = {...documentObject(profile), inUse: profile.id === inUse}
      return flags.format === 'json' ? {...document, ...jsonDocument(document)} : document
    })
    await print(io, documents, {
      format: flags.format,
      // In columns that are parted by tabs, as docker's own plugin prints them.
      human: () =>
        [
          ['ID', 'Name', 'In use'],
          ...profiles.map(({id, name}) => [id, name, id === inUse ? 'yes' : '-']),
          ...(isMissing ? [[oneLine(inUse), '(missing)', 'yes']] : []),
        ]
          .map(cells => `${cells.map(cell => cell.replaceAll(/\s+/g, ' ')).join('\t')}\n`)
          .join(''),
    })
    if (failures.length === 0) return
    process.exitCode = 1
    for (const failure of failures) io.err(errorView(failure, globals.debug))
  }
}
