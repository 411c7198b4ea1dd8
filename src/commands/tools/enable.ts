import {Args, Flags} from '@oclif/core'
import {PluginCommand, wordsOf} from '../../lib/command.ts'
import {chooseToolsByName} from '../../lib/tool-choice.ts'
import {toolsFlags} from '../../lib/tools-flags.ts'

export default class ToolsEnable extends PluginCommand {
  static override summary = 'let clients see and call tools'
  static override description =
    'Written to tools.yaml, or to the profile that counts. A server without a list there offers all of its tools; the list goes when all of them are in it. Gateways that run follow at once.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> tools enable echo',
    '<%= config.bin %> tools enable create_issue list_issues --server github',
  ]
  static override args = {
    tool: Args.string({description: "the server's own names of tools", required: true}),
  }
  static override flags = {
    server: Flags.string({summary: 'whose tools they are', helpValue: '<name>'}),
    ...toolsFlags,
  }

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ToolsEnable)
    const names = wordsOf(argv)
    const choice = {isAllowed: true, names, server: flags.server}
    const {changed, already} = await chooseToolsByName(this.app, flags, choice)
    const {io} = this.app
    for (const {server, tool} of changed) io.err(`enabled ${tool} of ${server}\n`)
    for (const {server, tool} of already) io.err(`${tool} of ${server} is already enabled\n`)
  }
}
