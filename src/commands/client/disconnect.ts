import {Args, Flags} from '@oclif/core'
import {clientFlags, clientsMeant, forEachClient, scopeOf, siteOf} from '../../lib/client-door.ts'
import {diffOf} from '../../lib/clients/diff.ts'
import {disconnectClient, planDisconnect, type Disconnected} from '../../lib/clients/disconnect.ts'
import {gordonCommand, setGordon} from '../../lib/clients/gordon.ts'
import {placeOf} from '../../lib/clients/target.ts'
import {PluginCommand} from '../../lib/command.ts'

export default class ClientDisconnect extends PluginCommand {
  static override summary = 'take the gateway out of an AI client'
  static override description =
    'When nothing else has changed in the client’s file since it was connected, the file becomes what it was before, byte for byte; else only the entry goes.'
  static override examples = [
    '<%= config.bin %> client disconnect cursor --global',
    '<%= config.bin %> client disconnect vscode',
    '<%= config.bin %> client disconnect --all',
  ]
  static override args = {
    client: Args.string({description: 'a client, see: docker mcp client ls'}),
  }
  static override flags = {
    ...clientFlags,
    'dry-run': Flags.boolean({summary: 'print what would change, and write nothing'}),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ClientDisconnect)
    const {app} = this
    const {io, paths} = app
    const say = (line: string) => (flags.quiet ? undefined : io.err(`${line}\n`))
    const scope = scopeOf(app, flags)
    const site = await siteOf(app, scope)
    const clients = clientsMeant(site, {name: args.client, all: flags.all})
    await forEachClient(app, clients, async client => {
      if (client.id === 'gordon' && scope.kind === 'global') {
        if (flags['dry-run']) {
          io.out(`${gordonCommand(false)}\n`)
          return
        }
        await setGordon(false, {paths, env: app.env})
        say('Disconnected Ask Gordon')
        return
      }
      const place = placeOf(client, scope, site)
      if (flags['dry-run']) {
        const planned = await planDisconnect(place, paths)
        if (planned) io.out(diffOf(planned))
        else say(`${client.id} is not connected (${place.path})`)
        return
      }
      const outcome = await disconnectClient(place, paths)
      if (outcome === 'already' && flags.all) return
      say(WORDS[outcome](client.id, place.path))
      if (outcome !== 'already') say(`You might have to restart ${client.name}.`)
    })
  }
}

const WORDS: Readonly<Record<Disconnected, (id: string, path: string) => string>> = {
  already: (id, path) => `${id} is not connected (${path})`,
  restored: (id, path) => `Disconnected ${id}: ${path} is again what it was before`,
  removed: (id, path) => `Disconnected ${id}: only the entry is gone from ${path}`,
}
