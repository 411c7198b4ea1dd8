import {formatFlag, PluginCommand} from '../../../lib/command.ts'
import {listOf} from '../../../lib/list-flag.ts'
import {profilesInput, repeatable} from '../../../lib/profile-door.ts'
import {profileServers} from '../../../lib/profile/server-rows.ts'
import {errorView} from '../../../lib/ui/error-view.ts'
import {print} from '../../../lib/ui/format.ts'
import {table} from '../../../lib/ui/table.ts'

export default class ProfileServerLs extends PluginCommand {
  static override summary = 'list the servers of all profiles'
  static override examples = [
    '<%= config.bin %> profile server ls',
    '<%= config.bin %> profile server ls --filter profile=dev',
    '<%= config.bin %> profile server ls --filter name=git --format json',
  ]
  static override flags = {
    ...formatFlag,
    filter: repeatable({
      char: 'f',
      summary: 'only those whose name or profile has this in it; may be repeated',
      helpValue: 'name=<text>|profile=<id>',
    }),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ProfileServerLs)
    const {io, process, globals} = this.app
    const input = await profilesInput(this.app)
    const {rows, failures} = await profileServers(input, listOf(flags.filter) ?? [])
    await print(io, rows, {
      format: flags.format,
      human: all =>
        all.length === 0
          ? 'No profile has such a server.\n'
          : table(
              [HEADS, ...all.map(({profile, type, identifier}) => [profile, type, identifier])],
              io.outIsTerminal ? io.columns : undefined,
            ),
    })
    if (failures.length === 0) return
    process.exitCode = 1
    for (const failure of failures) io.err(errorView(failure, globals.debug))
  }
}

const HEADS = ['PROFILE', 'TYPE', 'IDENTIFIER']
