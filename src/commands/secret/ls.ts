import {Flags} from '@oclif/core'
import {formatFlag, PluginCommand, profileFlags, secretsFlag} from '../../lib/command.ts'
import {namesOfStores, secretRows, type SecretRow} from '../../lib/profile/secret-rows.ts'
import {secretUsers} from '../../lib/profile/secret-users.ts'
import {type OpenStores, openStores} from '../../lib/secret-door.ts'
import {hintAbout} from '../../lib/secrets/store.ts'
import {type Format, print} from '../../lib/ui/format.ts'
import {KEY_TITLES, secretsView} from '../../lib/ui/secrets-view.ts'
import {table} from '../../lib/ui/table.ts'

export default class SecretLs extends PluginCommand {
  static override summary = 'list the names of secrets, where they are, and which servers use them'
  static override description =
    'Values are never shown. The first store of several counts. ✓ marks servers that are enabled, ▲ secrets that one of them needs and no store has.'
  static override examples = [
    '<%= config.bin %> secret ls',
    '<%= config.bin %> secret ls --format json',
    {
      description: 'only what enabled servers still need',
      command: '<%= config.bin %> secret ls --missing',
    },
    {
      description: 'the stores in their order, and why one is skipped',
      command: '<%= config.bin %> secret ls --stores',
    },
  ]
  static override flags = {
    ...formatFlag,
    ...secretsFlag,
    ...profileFlags,
    json: Flags.boolean({summary: 'the same as --format json', hidden: true}),
    missing: Flags.boolean({
      summary: 'only secrets that enabled servers need and no store has',
      exclusive: ['stores'],
    }),
    stores: Flags.boolean({summary: 'list the stores in their order'}),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(SecretLs)
    const format = flags.json ? 'json' : flags.format
    const stores = await openStores(this.app, flags)
    await (flags.stores ? this.#stores(stores, format) : this.#secrets(stores, format, flags))
  }

  async #secrets(
    {chain, all, usable, skipped, open}: OpenStores,
    format: Format,
    flags: {readonly missing: boolean},
  ): Promise<void> {
    const {io} = this.app
    const users = secretUsers(open)
    const named = await namesOfStores(all, users.keys())
    const isUsable = (name: string) => usable.some(store => store.name === name)
    const known = named.map(one => ({...one, isUsable: isUsable(one.name)}))
    const failed = known.filter(({failure}) => failure !== undefined)
    const isTold = (name: string) => failed.some(one => one.name === name)
    const rows = secretRows(users, known)
    const placeless = rows.filter(({provider, unusable}) => !provider && !unusable)
    for (const {name, failure, hint} of failed) {
      this.#tell(`${name}: ${failure}`, hint && hintAboutOne(placeless, hint))
    }
    // Who names stores wants those; of the default order each machine lacks some, which matters for what is in them.
    const having = known.filter(({names}) => names.size > 0).map(({name}) => name)
    const telling = skipped.filter(one => having.includes(one.name) || !chain.isUsual)
    for (const {name, why, hint} of telling.filter(one => !isTold(one.name))) {
      const lost = rows.filter(({unusable = []}) => unusable.includes(name))
      this.#tell(`${name} is not used: ${why}`, hint && hintAboutOne(lost, hint))
    }
    const isWhole = failed.length === 0 && usable.length > 0
    if (!isWhole) this.app.process.exitCode = 1
    // Whoever asks docker's plugin for names gets those that are set.
    const set =
      format === 'human' ? rows : rows.filter(({provider, unusable}) => provider ?? unusable)
    const missing = rows.filter(
      ({provider, servers}) =>
        provider === undefined && servers.some(({enabled, required}) => enabled && required),
    )
    await print(io, flags.missing ? missing : set, {
      format,
      human: shown => (shown.length > 0 || isWhole ? this.#view(shown, flags, skipped) : ''),
    })
    if (!chain.isUsual || !io.errIsTerminal || flags.missing || skipped.length === 0) return
    io.err(
      `not usable here: ${skipped.map(({name}) => name).join(', ')}; why: docker mcp secret ls --stores\n`,
    )
  }

  #tell(problem: string, hint: string | undefined): void {
    const {io} = this.app
    io.err(`! ${problem}\n`)
    if (hint !== undefined) io.err(`  ${hint}\n`)
  }

  #view(
    rows: readonly SecretRow[],
    {missing}: {readonly missing: boolean},
    skipped: OpenStores['skipped'],
  ): string {
    const isLocked = (store: string) =>
      skipped.some(({name, why}) => name === store && /\blocked$/.test(why))
    const shown = rows.map(row => ({
      ...row,
      stores: [
        ...(row.unusable ?? []).map(
          name => `${name} (${isLocked(name) ? 'locked' : 'not usable here'})`,
        ),
        ...row.stores,
      ],
    }))
    if (rows.length > 0) return secretsView(shown, this.#width())
    if (missing) return 'No enabled server needs a secret that is not set.\n'
    return 'No secret is set, and no enabled server needs one. Set one with: docker mcp secret set NAME\n'
  }

  async #stores({chain, usable: known, skipped}: OpenStores, format: Format): Promise<void> {
    const order = [...chain.stores.map(({name}) => name), ...chain.skipped.map(({name}) => name)]
    const keys = new Map(
      await Promise.all(chain.stores.map(async one => [one.name, await one.key?.()] as const)),
    )
    const rows = order.map(name => {
      const key = keys.get(name)
      const store = known.find(one => one.name === name)
      const why = skipped.find(one => one.name === name)?.why
      return {
        name,
        usable: store !== undefined,
        writable: store?.set !== undefined,
        ...(why && {why}),
        ...(key && {key: key.kind}),
        ...(key?.ignored && {ignored: key.ignored}),
      }
    })
    await print(this.app.io, rows, {
      format,
      // Nothing is cut: reasons are read to their end.
      human: () =>
        table([
          ['STORE', 'USE', 'WHY'],
          ...rows.map(({name, usable, writable, why, key, ignored}) => [
            name,
            usable ? (writable ? 'read and write' : 'read') : 'none',
            [
              ...(why ? [why] : []),
              ...(key ? [`opens with ${KEY_TITLES[key]}`] : []),
              ...(ignored ? [`${ignored} does not count`] : []),
            ].join('; '),
          ]),
        ]),
    })
  }

  #width(): number | undefined {
    const {io} = this.app
    return io.outIsTerminal ? io.columns : undefined
  }
}

/**
 * Commands in a hint of a store are for the secret that is lost with it, where that is a single one.
 * @param rows what the store has; of one that cannot tell, what is nowhere else
 */
function hintAboutOne([lost, ...others]: readonly SecretRow[], hint: string): string {
  return lost && others.length === 0 ? hintAbout(lost.name, hint) : hint
}
