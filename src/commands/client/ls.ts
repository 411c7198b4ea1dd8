import {Flags} from '@oclif/core'
import {listOfProject, type ListedClient} from '../../lib/clients/list.ts'
import {listing} from '../../lib/clients/listing.ts'
import {projectRoot} from '../../lib/clients/locate.ts'
import {CLIENTS} from '../../lib/clients/table.ts'
import {thisMachine} from '../../lib/clients/this-machine.ts'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {clientsOfUser} from '../../lib/listed-clients.ts'
import {isShared} from '../../lib/clients/relaunch.ts'
import {clientsView, type ShownClient} from '../../lib/ui/clients-view.ts'
import {print} from '../../lib/ui/format.ts'

export default class ClientLs extends PluginCommand {
  static override summary = 'list the AI clients, and which of them are connected'
  static override description =
    'In a git repository, the clients that have files of their own in it; with --global, and anywhere else, those of this user. PROFILE is what our entry in the file names, FILE the one that counts on this machine. A file that cannot be read is named with the reason, and hides no other.'
  static override examples = [
    '<%= config.bin %> client ls',
    '<%= config.bin %> client ls --global --format json',
    {
      description: 'all that are known',
      command: '<%= config.bin %> client ls --global --all',
    },
  ]
  static override flags = {
    ...formatFlag,
    global: Flags.boolean({char: 'g', summary: 'the files of this user, not of the project'}),
    all: Flags.boolean({char: 'a', summary: 'also those that are not installed'}),
    json: Flags.boolean({summary: 'the same as --format json', hidden: true}),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ClientLs)
    const {io, cwd, env} = this.app
    const machine = thisMachine(env)
    const root = flags.global ? undefined : projectRoot(cwd, machine)
    const clients =
      root === undefined
        ? await clientsOfUser(this.app)
        : await listOfProject(CLIENTS, root, machine)
    if (!flags.global) io.err(`${scopeLine(root)}\n`)
    await print(io, await listing(clients, root === undefined ? 'global' : 'project'), {
      format: flags.json ? 'json' : flags.format,
      human: () => this.#view(flags.all ? clients : shownOf(clients), machine.home),
    })
  }

  #view(clients: readonly ListedClient[], home: string): string {
    if (clients.length === 0) {
      return 'No client that is known is installed. All of them: docker mcp client ls --global --all\n'
    }
    const {io} = this.app
    const shown = clients.map(client => shownClient(client, home))
    return clientsView(shown, io.outIsTerminal ? io.columns : undefined)
  }
}

function scopeLine(root: string | undefined): string {
  return root === undefined
    ? 'Not in a git repository: these are the files of this user (--global).'
    : `Files of the project in ${root}; those of this user: docker mcp client ls --global`
}

function hasFile({servers, error}: ListedClient): boolean {
  return servers !== undefined || error !== undefined
}

/** Of several that share a file, those that are not installed count as one. */
function shownOf(clients: readonly ListedClient[]): readonly ListedClient[] {
  return clients.filter(
    client =>
      client.isInstalled ||
      (hasFile(client) && clients.find(({file}) => file === client.file) === client),
  )
}

function shownClient(
  {client, servers, error, file, isInstalled}: ListedClient,
  home: string,
): ShownClient {
  return {
    id: client.id,
    isInstalled: isInstalled || servers !== undefined,
    isConnected: servers?.own !== undefined,
    isOff: servers?.own?.isOff === true,
    isShared: isShared(servers?.own?.args ?? []),
    isManual: client.manual !== undefined && servers === undefined,
    profile: servers?.own?.type === 'stdio' ? servers.profile : undefined,
    file: file !== undefined && file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file,
    problem: error?.error,
  }
}
