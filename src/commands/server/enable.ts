import {Args} from '@oclif/core'
import type {PluginError} from '../../lib/base/errors.ts'
import {PluginCommand, profileFlags, serversInput, wordsOf} from '../../lib/command.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {namesOfStores, secretRows, type SecretRow} from '../../lib/profile/secret-rows.ts'
import {secretUsers} from '../../lib/profile/secret-users.ts'
import {enable, listServers, type ServerList, type ServerRow} from '../../lib/profile/servers.ts'
import {openStores, type StoreFlags} from '../../lib/secret-door.ts'
import {unreadView} from '../../lib/ui/unread-view.ts'

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

  static override flags = {...profileFlags}

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(ServerEnable)
    const {io} = this.app
    await takeOverOnce(this.app)
    const input = serversInput(this.app, flags)
    const {enabled, already} = await enable(input, wordsOf(argv))
    for (const name of enabled) io.err(`enabled ${name}\n`)
    for (const name of already) io.err(`${name} is already enabled\n`)
    const {rows, unread} = await listServers(input, this.app.env['DOCKER_MCP_SECRETS'])
    const lacking = rows.filter(({name}) => enabled.includes(name))
    for (const {name} of lacking.filter(({config}) => isMissing(config))) {
      io.err(`${name} needs configuration, see: docker mcp server inspect ${name}\n`)
    }
    if (unread.size > 0 || lacking.some(({secrets}) => isMissing(secrets))) {
      await this.#tellSecrets(enabled, unread, flags)
    }
  }

  /** What is missing is best said at once, and not when a client fails to start the server. */
  async #tellSecrets(
    names: readonly string[],
    unread: ServerList['unread'],
    flags: StoreFlags,
  ): Promise<void> {
    const secrets = this.app.env['DOCKER_MCP_SECRETS']
    const {open, usable, chain} = await openStores(this.app, {...flags, secrets})
    const users = secretUsers(open)
    const rows = secretRows(users, await namesOfStores(usable, users.keys()))
    // Nothing is read: what to do is all that is asked for.
    const hints = await chain.read([])
    const untold = new Map<string, PluginError>()
    for (const server of names) {
      for (const {name: secret} of rows.filter(row => isLacked(row, server))) {
        const problem = unread.get(secret)
        // What may be there is not to be set.
        if (problem) untold.set(secret, problem)
        else this.app.io.err(`${server} needs a secret: ${hints.howToSet(secret)}\n`)
      }
    }
    this.app.io.err(unreadView(untold))
  }
}

function isLacked({provider, servers}: SecretRow, server: string): boolean {
  return provider === undefined && servers.some(({name, required}) => name === server && required)
}

function isMissing(need: ServerRow['secrets']): boolean {
  return need === 'required' || need === 'partial'
}
