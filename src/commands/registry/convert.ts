import {resolve} from 'node:path'
import {Flags} from '@oclif/core'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {print} from '../../lib/ui/format.ts'

export default class RegistryConvert extends PluginCommand {
  static override hidden = true
  static override summary = 'show the catalog entry that a server.json becomes'
  static override examples = ['<%= config.bin %> registry convert --file ./server.json']
  static override flags = {
    file: Flags.string({
      summary: 'a server.json, or the answer of a registry with one',
      required: true,
      helpValue: '<file>',
    }),
    ...formatFlag,
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(RegistryConvert)
    const {serversInFile} = await import('../../lib/catalog/file-refs.ts')
    const {cwd, io} = this.app
    const entries = (await serversInFile(resolve(cwd, flags.file))).map(({entry}) => entry)
    const [first, ...others] = entries
    const format = flags.format === 'human' ? 'yaml' : flags.format
    await print(io, first && others.length === 0 ? first : entries, {format, human: String})
  }
}
