import {Args, Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {updateCatalogs} from '../../lib/catalog/update.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogUpdate extends PluginCommand {
  static override summary = 'get catalogs again from where they came from'
  static override description =
    'One that cannot be had, that is no catalog or has no servers any more, or that was changed here stays as it was. Gateways that run take changes over.'
  static override examples = [
    '<%= config.bin %> catalog update',
    '<%= config.bin %> catalog update team',
    '<%= config.bin %> catalog update team --force',
  ]
  static override args = {
    catalog: Args.string({description: 'name of a catalog; all of them when it is left out'}),
  }

  static override flags = {
    force: Flags.boolean({
      summary: 'also over changes that were made here, and where nothing is left',
      default: false,
    }),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(CatalogUpdate)
    const {io} = this.app
    const all = await updateCatalogs(serversInput(this.app), args.catalog, flags)
    for (const {name, outcome, notices, remarks, error} of all) {
      for (const line of notices) io.err(`! left out: ${line}\n`)
      for (const line of remarks) io.err(`! ${line}\n`)
      if (error) io.err(`! ${name} stays as it was: ${error.message}\n`)
      else io.out(`${name} ${outcome}\n`)
    }
    if (all.length === 0) io.err('no catalog came from somewhere else: nothing to update\n')
    const failed = all.filter(({outcome}) => outcome === 'failed')
    if (failed.length === 0) return
    const names = failed.map(({name}) => name).join(', ')
    throw new PluginError(
      failed[0]?.error?.code ?? 'FETCH_FAILED',
      `not every catalog could be updated: ${names}`,
      {
        hint: failed[0]?.error?.hint ?? 'they stay as they were; see above why',
      },
    )
  }
}
