import {Args} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {PluginCommand} from '../../lib/command.ts'
import {listOf} from '../../lib/list-flag.ts'
import {profilesInput, repeatable} from '../../lib/profile-door.ts'
import {changeTools} from '../../lib/profile/settings.ts'
import {listToolsOf} from '../../lib/tool-choice.ts'

export default class ProfileTools extends PluginCommand {
  static override summary = 'choose the tools of the servers of a profile'
  static override description =
    'First all tools of servers are switched, then single ones. A server of which nothing was chosen has all of its tools on. One whose entry does not tell its tools is started once, when single ones are named.'
  static override examples = [
    '<%= config.bin %> profile tools dev --disable git.git_reset',
    '<%= config.bin %> profile tools dev --disable-all github --enable github.get_issue',
    '<%= config.bin %> profile tools dev --enable-all github',
  ]
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
  }
  static override flags = {
    enable: repeatable({
      summary: 'switch a tool on; may be repeated',
      helpValue: '<server>.<tool>',
    }),
    disable: repeatable({
      summary: 'switch a tool off; may be repeated',
      helpValue: '<server>.<tool>',
    }),
    'enable-all': repeatable({summary: 'switch all tools of a server on', helpValue: '<server>'}),
    'disable-all': repeatable({summary: 'switch all tools of a server off', helpValue: '<server>'}),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ProfileTools)
    const {io} = this.app
    const enable = listOf(flags.enable) ?? []
    const disable = listOf(flags.disable) ?? []
    const enableAll = listOf(flags['enable-all']) ?? []
    const disableAll = listOf(flags['disable-all']) ?? []
    if ([enable, disable, enableAll, disableAll].every(words => words.length === 0)) {
      throw new PluginError('USAGE', 'no tool is to be switched on or off', {
        hint: 'give --enable, --disable, --enable-all or --disable-all',
      })
    }
    for (const key of enable.filter(word => disable.includes(word))) {
      io.err(`! ${key} is to be switched on and off: off wins\n`)
    }
    for (const key of enableAll.filter(word => disableAll.includes(word))) {
      io.err(`! all of ${key} is to be switched on and off: off wins\n`)
    }
    const input = await profilesInput(this.app)
    const changes = {enable, disable, enableAll, disableAll}
    const list = listToolsOf(this.app, args.profile)
    const {lists, unlisted} = await changeTools(input, args.profile, changes, list)
    for (const server of unlisted) {
      io.err(`! whether ${server} has such tools is not known\n`)
    }
    for (const [server, tools] of lists) io.err(line(server, tools))
  }
}

function line(server: string, tools: readonly string[] | undefined): string {
  if (!tools) return `${server}: all tools are on\n`
  return tools.length === 0
    ? `${server}: no tool is on\n`
    : `${server}: on is ${tools.join(', ')}\n`
}
