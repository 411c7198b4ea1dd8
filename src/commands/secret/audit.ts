import {Flags} from '@oclif/core'
import {PluginError} from '../../lib/base/errors.ts'
import {formatFlag, PluginCommand} from '../../lib/command.ts'
import {readAudit} from '../../lib/secrets/audit-log.ts'
import type {AuditRecord} from '../../lib/secrets/audit.ts'
import {print} from '../../lib/ui/format.ts'
import {table} from '../../lib/ui/table.ts'

export default class SecretAudit extends PluginCommand {
  static override summary = 'show which server was given which secret, when, and from which store'
  static override description =
    'The oldest first; never a value. The book is audit.jsonl in the folder mcp of docker’s configuration, one JSON object a line.'
  static override examples = [
    '<%= config.bin %> secret audit',
    '<%= config.bin %> secret audit --server brave --since 24h',
    '<%= config.bin %> secret audit --since 2026-01-31 --format json',
  ]
  static override flags = {
    ...formatFlag,
    server: Flags.string({summary: 'only what this server was given', helpValue: '<name>'}),
    since: Flags.custom<Date>({
      summary: 'only what is not older: 30m, 24h, 7d, or a date',
      helpValue: '<when>',
      parse: async text => instantOf(text, new Date()),
    })(),
  }

  async run(): Promise<void> {
    const {flags} = await this.parse(SecretAudit)
    const {io, paths} = this.app
    const records = await readAudit(paths, {server: flags.server, since: flags.since})
    const width = io.outIsTerminal ? io.columns : undefined
    await print(io, records, {
      format: flags.format,
      human: all =>
        all.length === 0 ? 'No read of a secret is recorded.\n' : auditView(all, width),
    })
  }
}

const HEADS = ['TIME', 'SECRET', 'SERVER', 'STORE', 'OUTCOME']

function auditView(records: readonly AuditRecord[], width: number | undefined): string {
  const lines = records.map(({time, secret, server, store, outcome, by}) => [
    time.replace(/\.\d+Z$/, 'Z'),
    secret,
    server ?? `(${by})`,
    store ?? '-',
    outcome,
  ])
  return table([HEADS, ...lines], width)
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** What `--since` means: so long before now, or an instant as ISO 8601 writes it. */
function instantOf(text: string, now: Date): Date {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ago = UNITS[unit]
  if (ago !== undefined) return new Date(now.getTime() - Number(count) * ago)
  const [date] = /^\d{4}-\d\d-\d\d/.exec(text) ?? []
  // The last days of a month that has none roll over into the next one.
  const isDay = date !== undefined && new Date(date).toJSON()?.startsWith(date)
  const at = isDay ? new Date(text) : new Date(Number.NaN)
  if (!Number.isNaN(at.getTime())) return at
  throw new PluginError('USAGE', `${JSON.stringify(text)} is neither a span nor a date`, {
    hint: 'for example: --since 24h, or --since 2026-01-31',
  })
}
