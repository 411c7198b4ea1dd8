import {Args, Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {nearestNames} from '../../lib/base/near-names.ts'
import {PluginCommand, profileFlags, secretsFlag, wordsOf} from '../../lib/command.ts'
import {secretUsers, type SecretUser} from '../../lib/profile/secret-users.ts'
import {openStoresToChange, storeFlag} from '../../lib/secret-door.ts'
import {givenName, givenSecret} from '../../lib/secret-value.ts'
import {openTarget, setSecret, type SecretSet as Outcome} from '../../lib/secrets/change.ts'
import {KEY_TITLES, storeTitle} from '../../lib/ui/secrets-view.ts'

export default class SecretSet extends PluginCommand {
  static override summary = 'keep a secret for the servers that declare it'
  static override description =
    'The value is what follows the =, or all of stdin byte for byte, or what you type when you are asked; it is not shown then. It goes where the secret is now, else into the first store of the order that takes any.'
  static override strict = false
  static override examples = [
    '<%= config.bin %> secret set brave.api_key',
    '<%= config.bin %> secret set brave.api_key=your-key-here',
    '<%= config.bin %> secret set github.app_key < key.pem',
    '<%= config.bin %> secret set brave.api_key --store file',
  ]
  static override args = {
    secret: Args.string({description: 'NAME, or NAME=VALUE', required: true}),
  }
  static override flags = {
    ...storeFlag,
    ...secretsFlag,
    ...profileFlags,
    provider: Flags.string({summary: 'of docker’s older plugins: credstore', hidden: true}),
  }

  async run(): Promise<void> {
    const {argv, flags} = await this.parse(SecretSet)
    const {io} = this.app
    const [word = '', ...more] = wordsOf(argv)
    // What follows may be a value: it is not repeated.
    if (more.length > 0) {
      throw new PluginError('USAGE', 'secret set takes one NAME or NAME=VALUE', {
        hint: 'a value with blanks needs quotes: docker mcp secret set "NAME=two words"',
      })
    }
    checkProvider(flags.provider)
    const name = givenName(word)
    const stores = await openStoresToChange(this.app, flags)
    // Nobody types a value that is lost because of another word.
    await openTarget(stores, {name, store: flags.store})
    const {value, remark} = await givenSecret(this.app, word)
    const outcome = await setSecret(stores, {name, value, store: flags.store})
    for (const line of said(name, outcome)) io.err(`${line}\n`)
    if (!stores.counts(outcome.store)) {
      io.err(
        `! --secrets or the profile names other stores: ${outcome.store} does not count there\n`,
      )
    }
    if (value.length > MOST_VARIABLE_BYTES) io.err(`${tooLargeForVariable(name)}\n`)
    if (remark !== undefined) io.err(`${remark}\n`)
    io.err(`${usersLine(name, secretUsers(stores.open))}\n`)
  }
}

/** What Linux takes for one variable (`MAX_ARG_STRLEN`), with a name of one letter, the `=` and the zero byte at its end. */
const MOST_VARIABLE_BYTES = 128 * 1024 - 3

function tooLargeForVariable(name: string): string {
  return `! ${name} is too large for a variable, of which Linux takes 128 KiB: only servers that get it as a file can start`
}

function checkProvider(provider: string | undefined): void {
  if (provider === undefined || provider === '' || provider === 'credstore') return
  throw new PluginError('USAGE', `--provider ${provider} is not known`, {
    hint: 'choose a store with --store, or leave it out',
  })
}

function said(
  name: string,
  {store, replaced, hiddenBy, insteadOf, newKey, ignored}: Outcome,
): readonly string[] {
  return [
    `${replaced ? 'replaced' : 'set'} ${name} in ${storeTitle(store)}`,
    ...(newKey === undefined
      ? []
      : [
          `${storeTitle(store)} is new, and opens with ${KEY_TITLES[newKey]}; another one: docker mcp secret rekey`,
        ]),
    ...(ignored === undefined
      ? []
      : [
          `! ${ignored} does not count: ${storeTitle(store)} has another key; to change it: docker mcp secret rekey --help`,
        ]),
    ...(hiddenBy === undefined
      ? []
      : [`! ${storeTitle(hiddenBy)} has ${name} too and counts before: this value is not used`]),
    ...(insteadOf === undefined
      ? []
      : [
          `! ${storeTitle(insteadOf)} has ${name} too and cannot be used here: this value is used until it can`,
        ]),
  ]
}

function usersLine(name: string, users: ReadonlyMap<string, readonly SecretUser[]>): string {
  const all = users.get(name) ?? []
  const [first] = all
  if (!first) {
    const near = nearestNames(name, [...users.keys()])
    const meant = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''
    return `no server in your catalogs declares ${name}${meant}`
  }
  const on = all.filter(({enabled}) => enabled).map(server => server.name)
  if (on.length > 0) return `used by ${on.join(', ')}`
  return `${first.name} declares it and is not enabled: docker mcp server enable ${first.name}`
}
