import {Args, Flags} from '@oclif/core'
import {importCatalogs} from '../../lib/catalog/import.ts'
import {serverCount} from '../../lib/base/count.ts'
import {addFromRegistry} from '../../lib/catalog/manage.ts'
import {PluginCommand, serverRefInput, serversInput} from '../../lib/command.ts'

export default class CatalogImport extends PluginCommand {
  static override summary = 'keep a catalog that is somewhere else'
  static override description =
    'Its servers can be enabled then; catalog update gets it again. Hosts with private addresses are asked only if the gateway file allows them (catalogs.allowPrivateHosts).'
  static override examples = [
    '<%= config.bin %> catalog import https://example.com/catalog.yaml',
    '<%= config.bin %> catalog import ./team.yaml --name team',
    '<%= config.bin %> catalog import ./catalogs --dry-run',
    '<%= config.bin %> catalog import docker-mcp',
    {
      description: 'one server of a registry, into a catalog of yours',
      command:
        '<%= config.bin %> catalog import mine --mcp-registry https://example.com/v0/servers/x',
    },
  ]
  static override args = {
    source: Args.string({
      description:
        'an address, a file, a folder of files, oci:<reference>, or docker-mcp; with --mcp-registry a catalog of yours',
      required: true,
    }),
  }
  static override flags = {
    name: Flags.string({summary: 'what to call it here, instead of its own name'}),
    force: Flags.boolean({
      summary:
        'replace a catalog of that name, wherever it came from and whatever was changed in it',
      default: false,
    }),
    'mcp-registry': Flags.string({
      summary:
        'put the server at this address of a registry into a catalog of yours, in place of one of that name',
      helpValue: '<address>',
      exclusive: ['name', 'force'],
    }),
    'dry-run': Flags.boolean({summary: 'get it and check it, and keep nothing', default: false}),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogImport)
    const {io} = this.app
    const {name, force, 'dry-run': dryRun, 'mcp-registry': address} = flags
    if (address !== undefined) {
      const added = await addFromRegistry(serverRefInput(this.app), args.source, {address, dryRun})
      const {server, name: catalog, isReplaced} = added
      const verb = isReplaced ? ['would replace', 'replaced'] : ['would add', 'added']
      io.out(`${verb[dryRun ? 0 : 1]} ${server} ${isReplaced ? 'in' : 'to'} ${catalog}\n`)
      return
    }
    const all = await importCatalogs(args.source, serversInput(this.app), {name, force, dryRun})
    for (const one of all) {
      for (const line of one.notices) io.err(`! left out: ${line}\n`)
      for (const line of one.remarks) io.err(`! ${line}\n`)
      const verb = one.replaced ? ['would replace', 'replaced'] : ['would import', 'imported']
      io.out(`${verb[dryRun ? 0 : 1]} ${one.name}: ${serverCount(one.servers)}\n`)
    }
  }
}
