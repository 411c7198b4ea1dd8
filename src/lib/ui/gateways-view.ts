import {fitColumns, headCells, joinCells, rowCells, type Column} from './columns.ts'
import {age, ago, oneLine} from './status-cells.ts'
import {wrap} from './wrap.ts'

/** A gateway as `gateway status` shows it. */
export interface ShownGateway {
  readonly gateway: string
  readonly pid: number
  readonly transport: string
  readonly address?: string
  readonly name?: string
  readonly profile?: string
  readonly clients?: readonly string[]
  readonly startedAt: string
  /** Names by what they are doing. */
  readonly servers: Readonly<Record<string, readonly string[] | undefined>>
  readonly configuration?: {
    readonly isWatched: boolean
    readonly reloadedAt?: string
    readonly failure?: {readonly message: string; readonly hint?: string; readonly at: string}
    readonly needsRestart: readonly string[]
  }
}

const COLUMNS: readonly Column[] = [
  {head: 'GATEWAY', leaves: 0},
  {head: 'NAME', leaves: 1},
  {head: 'PID', isNumber: true, leaves: 3},
  {head: 'TRANSPORT', leaves: 5},
  {head: 'ADDRESS', leaves: 2},
  {head: 'PROFILE', leaves: 4},
  {head: 'CLIENTS', isNumber: true, leaves: 4},
  {head: 'UP', isNumber: true, leaves: 4},
  {head: 'SERVERS', leaves: 1},
  {head: 'CONFIGURATION', leaves: 1},
]

/**
 * The running gateways, as text: a table, and below it what keeps the configuration of one from being served.
 * @param at `silent`: how many do not answer; `now` in milliseconds since 1970; `columns`: width to fit to, infinite where nothing is to be left out
 */
export function gatewaysView(
  gateways: readonly ShownGateway[],
  at: {silent: number; now: number; columns: number},
): string {
  if (gateways.length === 0) return at.silent === 0 ? 'No gateway runs.\n' : 'No gateway answers.\n'
  const cells = gateways.map(gateway => cellsOf(gateway, at.now))
  const layout = fitColumns(COLUMNS, cells, {width: at.columns, first: SHORT_ID})
  const lines = [
    joinCells(layout, headCells(layout)),
    ...cells.map(row => joinCells(layout, rowCells(layout, row))),
    ...gateways.flatMap(gateway => remarks(gateway, at)),
  ]
  return lines.map(line => `${line}\n`).join('')
}

/** So much of an id tells gateways apart. */
const SHORT_ID = 8

function cellsOf(gateway: ShownGateway, now: number): readonly string[] {
  const {pid, transport, address, startedAt} = gateway
  return [
    gateway.gateway.slice(0, SHORT_ID),
    oneLine(gateway.name ?? '-'),
    String(pid),
    oneLine(transport),
    address === undefined ? '-' : oneLine(address),
    oneLine(gateway.profile ?? '-'),
    gateway.clients === undefined ? '-' : String(gateway.clients.length),
    age(now - Date.parse(startedAt)),
    countsOf(gateway.servers),
    configurationCell(gateway, now),
  ]
}

function countsOf(servers: ShownGateway['servers']): string {
  const counts = Object.entries(servers).flatMap(([state, names]) =>
    names && names.length > 0 ? [`${names.length} ${state}`] : [],
  )
  return counts.length === 0 ? 'none' : counts.join(', ')
}

function configurationCell({configuration}: ShownGateway, now: number): string {
  if (!configuration) return '-'
  const {failure, needsRestart, reloadedAt, isWatched} = configuration
  if (failure) return `wrong since ${age(now - Date.parse(failure.at))}`
  if (needsRestart.length > 0) return 'needs a restart'
  if (reloadedAt !== undefined) return `reloaded ${ago(reloadedAt, now)}`
  return isWatched ? 'as at its start' : 'not watched'
}

function remarks(
  {gateway, configuration}: ShownGateway,
  {columns, now}: {columns: number; now: number},
): readonly string[] {
  const {failure, needsRestart = [], reloadedAt} = configuration ?? {}
  const id = gateway.slice(0, SHORT_ID)
  const last = reloadedAt === undefined ? 'at its start' : ago(reloadedAt, now)
  const wrong = failure
    ? [
        '',
        ...wrap(`${id}: ${oneLine(failure.message)}`, columns, ''),
        ...(failure.hint === undefined ? [] : wrap(oneLine(failure.hint), columns, '  ')),
        ...wrap(`it goes on with what it read ${last}`, columns, '  '),
      ]
    : []
  const old =
    needsRestart.length > 0
      ? [
          '',
          ...wrap(
            `${id}: changed, and counts when it is started again: ${needsRestart.map(oneLine).join(', ')}`,
            columns,
            '',
          ),
        ]
      : []
  return [...wrong, ...old]
}
