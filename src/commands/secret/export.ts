import {resolve} from 'node:path'
import {Args, Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {PluginCommand, profileFlags, secretsFlag, wordsOf} from '../../lib/command.ts'
import {checkNewFile, writePrivateFile} from '../../lib/files/new-file.ts'
import {openStores} from '../../lib/secret-door.ts'
import {exportedSecrets} from '../../lib/secret-export.ts'
import {checkedName} from '../../lib/secret-value.ts'

export default class SecretExport extends PluginCommand {
  static override summary = 'write secrets with their values into a file of KEY=VALUE lines'
  static override description =
    'Only you may read the file (mode 0600), and --secrets takes it. Without --to-env-file the lines go to stdout, which must not be a terminal.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> secret export brave.api_key --to-env-file .mcp.env',
    '<%= config.bin %> secret export --all --to-env-file .mcp.env --force',
  ]
  static override args = {
    secret: Args.string({description: 'names of secrets'}),
  }
  static override flags = {
    ...secretsFlag,
    ...profileFlags,
    all: Flags.boolean({summary: 'all that the stores have and such a file can hold'}),
    'to-env-file': Flags.string({summary: 'the file to write', helpValue: '<file>'}),
    force: Flags.boolean({char: 'f', summary: 'replace the file when it is there'}),
  }

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(SecretExport)
    const {io, cwd} = this.app
    const words = wordsOf(argv).map(checkedName)
    const file = flags['to-env-file']
    checkChoice(words, flags.all)
    if (file === undefined && io.outIsTerminal) throw refusedTerminal()
    const path = file === undefined ? undefined : resolve(cwd, file)
    // What is not written is handed to nobody, and not in the book.
    if (path !== undefined) await checkNewFile(path, {replace: flags.force})
    const stores = await openStores(this.app, flags)
    const {text, refused, count} = await exportedSecrets(
      this.app,
      stores,
      flags.all ? undefined : words,
    )
    for (const {names, why} of refused) io.err(`! left out: ${names.join(', ')} ${why}\n`)
    if (path === undefined) return io.out(text)
    await writePrivateFile(path, text, {replace: flags.force})
    io.err(`wrote ${count === 1 ? '1 secret' : `${count} secrets`} to ${file}\n`)
  }
}

function checkChoice(names: readonly string[], all: boolean): void {
  if (names.length > 0 === !all) return
  throw new PluginError(
    'USAGE',
    all ? 'names and --all exclude each other' : 'no secret is named',
    {hint: 'for example: docker mcp secret export --all --to-env-file .mcp.env'},
  )
}

function refusedTerminal(): PluginError {
  return new PluginError('USAGE', 'values are not shown on a terminal', {
    hint: 'write them into a file: --to-env-file .mcp.env',
  })
}
