import {Args} from '@oclif/core'
import {DEFAULT_SECRETS, PluginCommand, serversInput, wordsOf} from '../../lib/command.ts'
import {enable, listServers, type ServerRow} from '../../lib/profile/servers.ts'

export default class ServerEnable extends PluginCommand {
  static override summary = 'switch servers on'
  static override description =
    'A gateway starts an enabled server when a client first needs it. Nothing is pulled or started now.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> server enable everything',
    '<%= config.bin %> server enable fetch time memory',
  ]
  static override args = {
    server: Args.string({description: 'names of servers in a catalog', required: true}),
  }

  async run(): Promise<void> {
    const {argv} = await this.parse(ServerEnable)
    const {io} = this.app
    const input = serversInput(this.app)
    const {enabled, already} = await enable(input, wordsOf(argv))
    for (const name of enabled) io.err(`enabled ${name}\n`)
    for (const name of already) io.err(`${name} is already enabled\n`)
    const rows = await listServers(input, DEFAULT_SECRETS)
    for (const row of rows.filter(({name}) => enabled.includes(name))) io.err(needs(row))
  }
}

/** What is missing is best said at once, and not when a client fails to start the server. */
function needs({name, secrets, config}: ServerRow): string {
  const missing = [
    ...(isMissing(secrets) ? ['secrets'] : []),
    ...(isMissing(config) ? ['configuration'] : []),
  ]
  if (missing.length === 0) return ''
  return `${name} needs ${missing.join(' and ')} before it can start, see: docker mcp server inspect ${name}\n`
}

function isMissing(need: ServerRow['secrets']): boolean {
  return need === 'required' || need === 'partial'
}
