import {Args} from '@oclif/core'
import {objectOf} from '../../lib/base/json.ts'
import {readmeContent} from '../../lib/catalog/readme.ts'
import {formatFlag, PluginCommand, profileFlags, serverRefInput} from '../../lib/command.ts'
import type {ServerRefInput} from '../../lib/catalog/server-refs.ts'
import {inspectServer, type ServersInput} from '../../lib/profile/servers.ts'
import {print} from '../../lib/ui/format.ts'
import {unreadView} from '../../lib/ui/unread-view.ts'
import {yamlText} from '../../lib/ui/yaml-text.ts'

export default class ServerInspect extends PluginCommand {
  static override summary = 'show what a server is, what it needs, and what is set for it'
  static override description =
    'Where its entry has the address of a readme, the text is fetched, too.'
  static override examples = [
    '<%= config.bin %> server inspect github',
    '<%= config.bin %> server inspect github --format json',
    {
      description: 'what gateway run --oci-ref would serve',
      command: '<%= config.bin %> server inspect example/weather:1',
    },
  ]
  static override args = {
    server: Args.string({
      description: 'name of a server in a catalog, or an image that describes itself',
      required: true,
    }),
  }
  static override flags = {...formatFlag, ...profileFlags}

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ServerInspect)
    const input = serverRefInput(this.app, flags)
    const {facts, unread} = await inspected(args.server, {
      ...input,
      spec: this.app.env['DOCKER_MCP_SECRETS'],
    })
    this.app.io.err(unreadView(unread))
    const shown = {...facts, ...(await readmeContent(facts['readme'], input))}
    await print(this.app.io, shown, {format: flags.format, human: yamlText})
  }
}

async function inspected(
  name: string,
  input: ServerRefInput & ServersInput & {readonly spec: string | undefined},
): ReturnType<typeof inspectServer> {
  // No server of a catalog has one of these in its name.
  if (!/[/:]/.test(name)) return inspectServer(input, name, input.spec)
  const {extraServers} = await import('../../lib/catalog/extra-servers.ts')
  const [server] = await extraServers({ociRefs: [name], mcpRegistries: []}, input)
  return {facts: objectOf(JSON.parse(JSON.stringify(server))), unread: new Map()}
}
