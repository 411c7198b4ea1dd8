import {Args, Flags} from '@oclif/core'
import {PluginCommand, wordsOf} from '../../lib/command.ts'
import {chooseToolsByName} from '../../lib/tool-choice.ts'
import {toolsFlags} from '../../lib/tools-flags.ts'

export default class ToolsDisable extends PluginCommand {
  static override summary = 'keep tools from clients'
  static override description =
    'Written to tools.yaml, or to the profile that counts, as a list of the tools that are left: what is not in it can neither be seen nor called. A server whose tools are not known is started once. Gateways that run follow at once.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> tools disable echo',
    '<%= config.bin %> tools disable create_issue list_issues --server github',
  ]
  static override args = {
    tool: Args.string({description: "the server's own names of tools", required: true}),
  }
  static override flags = {
    server: Flags.string({summary: 'whose tools they are', helpValue: '<name>'}),
    ...toolsFlags,
  }

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ToolsDisable)
    const names = wordsOf(argv)
    const choice = {isAllowed: false, names, server: flags.server}
    const {changed, already} = await chooseToolsByName(this.app, flags, choice)
    const {io} = this.app
    for (const {server, tool} of changed) io.err(`disabled ${tool} of ${server}\n`)
    for (const {server, tool} of already) io.err(`${tool} of ${server} is already disabled\n`)
  }
}
