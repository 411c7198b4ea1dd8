import {Args, Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {PluginCommand, profileFlags, secretsFlag, wordsOf} from '../../lib/command.ts'
import {openStores, openStoresToChange, storeFlag, terminalOf} from '../../lib/secret-door.ts'
import {checkedName} from '../../lib/secret-value.ts'
import {
  forgettableNames,
  removableNames,
  type RemoveOptions,
  removeSecrets,
  type SecretRemoved,
  shutStores,
} from '../../lib/secrets/remove.ts'
import type {Stores} from '../../lib/secrets/change.ts'
import type {SecretStore} from '../../lib/secrets/store.ts'
import {storeTitle} from '../../lib/ui/secrets-view.ts'

export default class SecretRm extends PluginCommand {
  static override summary = 'remove secrets from every store that has them'
  static override description =
    'Only stores that count lose any: with --secrets or a profile’s own, the ones that are named there. A person at a terminal is asked before all are removed. A name that no store has is an error; the others are removed.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> secret rm brave.api_key',
    '<%= config.bin %> secret rm --all',
    '<%= config.bin %> secret rm brave.api_key --store file',
    {
      description: 'what is in a keyring that is locked or gone',
      command: '<%= config.bin %> secret rm brave.api_key --forget',
    },
  ]
  static override args = {
    secret: Args.string({description: 'names of secrets'}),
  }
  static override flags = {
    ...storeFlag,
    ...secretsFlag,
    ...profileFlags,
    all: Flags.boolean({summary: 'remove all of them'}),
    force: Flags.boolean({char: 'f', summary: 'do not ask'}),
    forget: Flags.boolean({
      summary:
        'take names out of the list also where their store cannot be used: values may stay in it',
    }),
  }

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(SecretRm)
    const words = wordsOf(argv).map(checkedName)
    checkChoice(words, flags.all)
    // Stores that nobody named lose nothing, unless --store names one of them.
    const stores = await (flags.store === undefined ? openStores : openStoresToChange)(
      this.app,
      flags,
    )
    const options = {store: flags.store, isForgetting: flags.forget}
    await (flags.all
      ? this.#all(stores, {...options, force: flags.force})
      : this.#named(stores, words, options))
  }

  async #named(stores: Stores, names: readonly string[], options: RemoveOptions): Promise<void> {
    const {removed, failed} = await removeSecrets(stores, names, options)
    for (const one of removed) this.app.io.err(`${said(one, stores.usable)}\n`)
    if (failed) throw failed
  }

  /** @throws PluginError what keeps a store from losing what it has; of several the last, and the others are told */
  async #all(stores: Stores, {force, ...options}: RemoveOptions & {force: boolean}): Promise<void> {
    const {io} = this.app
    const names = await removableNames(stores, options)
    const kept = options.isForgetting ? [] : await forgettableNames(stores, options)
    if (kept.length > 0) {
      this.app.process.exitCode = 1
      io.err(
        `! in stores that cannot be used here, and not removed without --forget: ${kept.join(', ')}\n`,
      )
    }
    const shut = await shutStores(stores, options)
    if (names.length > 0) {
      if (!force) await this.#ask(names)
      await this.#named(stores, names, options)
    } else if (kept.length + shut.length === 0) io.err('there is no secret to remove\n')
    for (const {message, hint} of shut.slice(0, -1)) {
      io.err(`! ${message}\n`)
      if (hint !== undefined) io.err(`  ${hint}\n`)
    }
    const last = shut.at(-1)
    if (last) throw last
  }

  async #ask(names: readonly string[]): Promise<void> {
    const terminal = terminalOf(this.app)
    if (!terminal) return
    const {confirm} = await import('../../lib/ui/confirm.ts')
    this.app.io.err(`${names.join('\n')}\n`)
    await confirm(terminal, names.length === 1 ? 'Remove it?' : `Remove these ${names.length}?`)
  }
}

function checkChoice(names: readonly string[], all: boolean): void {
  if (names.length > 0 === !all) return
  throw new PluginError(
    'USAGE',
    all ? 'names and --all exclude each other' : 'no secret is named',
    {hint: 'for example: docker mcp secret rm brave.api_key, or docker mcp secret rm --all'},
  )
}

function said(
  {name, from, forgotten, left}: SecretRemoved,
  usable: readonly SecretStore[],
): string {
  const lines = []
  if (from.length > 0) lines.push(`removed ${name} from ${titles(from)}`)
  if (forgotten.length > 0) {
    lines.push(
      `took ${name} out of the list of ${titles(forgotten)}`,
      `! the value may still be in ${titles(forgotten)}, which cannot be used here`,
    )
  }
  const used = left.filter(one => usable.includes(one))
  const shut = left.filter(one => !usable.includes(one))
  if (used.length > 0) lines.push(`! ${titlesOf(used)} still has ${name}, so it is used from there`)
  if (shut.length > 0) {
    const toForget = shut.some(one => 'forget' in one)
      ? `: docker mcp secret rm --forget ${name}`
      : ''
    lines.push(`! ${titlesOf(shut)} still has ${name} and cannot be used here${toForget}`)
  }
  return lines.join('\n')
}

function titlesOf(stores: readonly SecretStore[]): string {
  return titles(stores.map(({name}) => name))
}

function titles(names: readonly string[]): string {
  return names.map(storeTitle).join(' and ')
}
