import {Flags} from '@oclif/core'
import {
  formatFlag,
  PluginCommand,
  profileFlags,
  secretsFlag,
  serversInput,
} from '../../lib/command.ts'
import {toolCosts, type ToolCost} from '../../lib/model/tool-cost.ts'
import {takeOverOnce} from '../../lib/profile-door.ts'
import {listServers, type ServerRow} from '../../lib/profile/servers.ts'
import {COST_HEADS, costCells} from '../../lib/ui/cost-view.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'
import {unreadView} from '../../lib/ui/unread-view.ts'

export default class ServerLs extends PluginCommand {
  static override summary = 'list the enabled servers and what each still needs'
  static override description =
    'OAUTH, SECRETS and CONFIG say what a server needs: - is nothing, ✓ is set, ◐ is set in part, ▲ is missing.'
  static override examples = [
    '<%= config.bin %> server ls',
    '<%= config.bin %> server ls --format json',
    {
      description: 'with what it costs a model to be shown their tools',
      command: '<%= config.bin %> server ls --cost',
    },
  ]
  static override flags = {
    ...formatFlag,
    ...secretsFlag,
    ...profileFlags,
    json: Flags.boolean({summary: 'the same as --format json', hidden: true}),
    cost: Flags.boolean({
      summary: 'say also how many tools, bytes and tokens (by an estimate) each comes to',
    }),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(ServerLs)
    await takeOverOnce(this.app)
    const {rows, unread} = await listServers(serversInput(this.app, flags), flags.secrets)
    this.app.io.err(unreadView(unread))
    const costs = flags.cost ? await this.#costs(flags) : undefined
    const shown = costs ? rows.map(row => ({...row, ...costOf(row, costs)})) : rows
    await print(this.app.io, shown, {
      format: flags.json ? 'json' : flags.format,
      human: () => this.#view(rows, costs),
    })
  }

  async #costs({
    secrets,
    ...profile
  }: {
    secrets?: string | undefined
    profile?: string | undefined
    'profile-file'?: string | undefined
  }): Promise<readonly ToolCost[]> {
    const {withTools} = await import('../../lib/tools-flags.ts')
    const flags = {
      ...profile,
      'gateway-arg': secrets ? [`--secrets=${secrets}`] : [],
      verbose: false,
    }
    return withTools(this.app, flags, (_tools, own) => toolCosts(own.tools()), {
      showRemembered: true,
      // What servers cost is not a matter of who may use them.
      accessControl: undefined,
    })
  }

  #view(rows: readonly ServerRow[], costs: readonly ToolCost[] | undefined): string {
    if (rows.length === 0) {
      return 'No server is enabled. Find one with: docker mcp server search\n'
    }
    const {io} = this.app
    const lines = rows.map(row => [
      row.name,
      MARKS[row.oauth],
      MARKS[row.secrets],
      MARKS[row.config],
      ...(costs ? costCells(costOf(row, costs)) : []),
      row.description,
    ])
    const heads = [...HEADS, ...(costs ? COST_HEADS : []), 'DESCRIPTION']
    return table([heads, ...lines], io.outIsTerminal ? io.columns : undefined)
  }
}

/** Of one that could not be started nothing is known. */
function costOf({name}: ServerRow, costs: readonly ToolCost[]): KnownCost {
  const {tools, bytes, tokens} = costs.find(({server}) => server === name) ?? UNKNOWN
  return {tools, bytes, tokens}
}

type KnownCost = {readonly [K in 'tools' | 'bytes' | 'tokens']: number | null}

const UNKNOWN = {tools: null, bytes: null, tokens: null}

const HEADS = ['NAME', 'OAUTH', 'SECRETS', 'CONFIG']
const MARKS = {none: '-', required: '▲ required', partial: '◐ partial', done: '✓ done'} as const
