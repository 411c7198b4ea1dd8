import {resetCatalogs} from '../../lib/catalog/manage.ts'
import {PluginCommand, serversInput} from '../../lib/command.ts'

export default class CatalogReset extends PluginCommand {
  static override summary = 'remove all catalogs of yours, and have that of this program again'
  static override description =
    'Their files are removed. What is enabled or set for their servers stays.'
  static override examples = ['<%= config.bin %> catalog reset']

  async run(): Promise<void> {
    await this.parse(CatalogReset)
    const {io} = this.app
    const gone = await resetCatalogs(serversInput(this.app))
    for (const name of gone) io.err(`removed ${name}\n`)
    if (gone.length === 0) io.err('there was no catalog of yours\n')
  }
}
