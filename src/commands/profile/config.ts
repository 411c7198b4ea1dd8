import {Args, Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {listOf} from '../../lib/list-flag.ts'
import {profilesInput, repeatable} from '../../lib/profile-door.ts'
import {changeConfig, configValues, type ConfigValue} from '../../lib/profile/settings.ts'
import {print} from '../../lib/ui/format.ts'

export default class ProfileConfig extends PluginCommand {
  static override summary = 'set, print and delete values of the servers of a profile'
  static override description =
    'A key is <server>.<key>, with dots for what is deeper. A value that is JSON is that (a number, true, a list); all else is text. Secrets have no place in a profile.'
  static override examples = [
    '<%= config.bin %> profile config dev --set grafana.url=https://grafana.example.com',
    '<%= config.bin %> profile config dev --set \'filesystem.paths=["/src"]\' --del git.path',
    '<%= config.bin %> profile config dev --get grafana.url',
    '<%= config.bin %> profile config dev --get-all --format json',
  ]
  static override args = {
    profile: Args.string({description: 'id of a profile', required: true}),
  }
  static override flags = {
    ...formatFlag,
    set: repeatable({summary: 'set a value; may be repeated', helpValue: '<key>=<value>'}),
    get: repeatable({summary: 'print a value; may be repeated', helpValue: '<key>'}),
    del: repeatable({summary: 'delete a value; may be repeated', helpValue: '<key>'}),
    'get-all': Flags.boolean({
      summary: 'print all values',
      allowNo: true,
      env: 'DOCKER_MCP_GET_ALL',
    }),
  }

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ProfileConfig)
    const {profile: id} = args
    const input = await profilesInput(this.app)
    const [set, get, del] = [flags.set, flags.get, flags.del].map(words => listOf(words) ?? [])
    if (!set?.length && !get?.length && !del?.length && !flags['get-all']) {
      throw new PluginError('USAGE', 'nothing is to be set, printed or deleted', {
        hint: 'give --set, --get, --del or --get-all',
      })
    }
    if (set?.length || del?.length) await changeConfig(input, id, {set: set ?? [], del: del ?? []})
    if (!get?.length && !flags['get-all']) return
    const all = await configValues(input, id)
    const values = flags['get-all'] ? all : (get ?? []).flatMap(key => valuesAt(all, key, id))
    await print(this.app.io, Object.fromEntries(values.map(({key, value}) => [key, value])), {
      format: flags.format,
      human: () => values.map(line).join(''),
    })
  }
}

/** A key that others are under stands for all of them. */
function valuesAt(all: readonly ConfigValue[], key: string, id: string): readonly ConfigValue[] {
  const found = all.filter(one => one.key === key || one.key.startsWith(`${key}.`))
  if (found.length > 0) return found
  throw new PluginError('CONFIG_MISSING', `the profile ${id} sets no ${key}`, {
    hint: `see what it sets: docker mcp profile config ${id} --get-all`,
  })
}

function line({key, value}: ConfigValue): string {
  return `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}\n`
}
