import {cut, fitColumns, headCells, joinCells, rowCells, type Column} from './columns.ts'
import {age, memory, oneLine, percent} from './status-cells.ts'
import {wrap} from './wrap.ts'

/** A container of a gateway, or a server without one, as `gateway ps` shows it. */
export interface ShownProcess {
  readonly gateway: string
  readonly server: string
  readonly state: string
  readonly container?: {
    readonly id: string
    readonly since: string
    readonly use: string
    readonly memoryBytes?: number
    readonly cpuPercent?: number
  }
  readonly restarts: number
  readonly lastError?: {readonly message: string; readonly hint?: string}
}

const COLUMNS: readonly Column[] = [
  {head: 'GATEWAY', leaves: 7},
  {head: 'SERVER', leaves: 0},
  {head: 'STATE', leaves: 1},
  {head: 'CONTAINER', leaves: 3},
  {head: 'AGE', isNumber: true, leaves: 5},
  {head: 'MEM', isNumber: true, leaves: 2},
  {head: 'CPU', isNumber: true, leaves: 4},
  {head: 'RESTARTS', isNumber: true, leaves: 6},
]
/** Less of an error says nothing. */
const SHORTEST_ERROR = 20
/** A server's name stays so long before another column goes. */
const LONG_NAME = 20

/**
 * What runs, as text: a table, and below it the whole reason and the next step for each server that failed.
 * @param at `gateways`: how many answer; `silent`: how many do not; `now` in milliseconds since 1970; `columns`: width to fit to, infinite where nothing is to be left out
 */
export function processesView(
  rows: readonly ShownProcess[],
  at: {gateways: number; silent: number; now: number; columns: number},
): string {
  if (at.gateways === 0) return at.silent === 0 ? 'No gateway runs.\n' : 'No gateway answers.\n'
  if (rows.length === 0) {
    const who = at.gateways === 1 ? 'One gateway runs' : `${at.gateways} gateways run`
    return `${who}, and no server: each is started when it is needed.\n`
  }
  const cells = rows.map(row => cellsOf(row, at.now))
  const layout = fitColumns(COLUMNS, cells, {width: at.columns, first: LONG_NAME})
  const whole = layout.shown.reduce((sum, {width}) => sum + width + layout.gap, 0)
  const room = at.columns - whole
  const errors = rows.map(({lastError}) => (lastError ? oneLine(lastError.message) : '-'))
  const hasErrors = room >= SHORTEST_ERROR && rows.some(({lastError}) => lastError !== undefined)
  const last = (text: string) => (hasErrors ? [cut(text, room)] : [])
  const lines = [
    joinCells(layout, [...headCells(layout), ...last('LAST ERROR')]),
    ...cells.map((row, index) =>
      joinCells(layout, [...rowCells(layout, row), ...last(errors[index] ?? '-')]),
    ),
    ...reasons(rows, at.columns),
  ]
  return lines.map(line => `${line}\n`).join('')
}

function cellsOf(
  {gateway, server, state, container, restarts}: ShownProcess,
  now: number,
): readonly string[] {
  const {memoryBytes, cpuPercent} = container ?? {}
  return [
    gateway.slice(0, 8),
    oneLine(server),
    container?.use === 'standby' ? 'standby' : state,
    container?.id.slice(0, 12) ?? '-',
    container ? age(now - Date.parse(container.since)) : '-',
    memoryBytes === undefined ? '-' : memory(memoryBytes),
    cpuPercent === undefined ? '-' : percent(cpuPercent),
    String(restarts),
  ]
}

/** Two gateways often fail for the same reason: it is told once. */
function reasons(rows: readonly ShownProcess[], columns: number): readonly string[] {
  const told = new Map(
    rows.flatMap(({server, state, lastError}) => {
      if (state !== 'failed' || !lastError) return []
      const {message, hint} = lastError
      const text = message.startsWith(`server ${server}`) ? message : `${server}: ${message}`
      return [[`${server}\n${message}`, {text, hint}] as const]
    }),
  )
  return [...told.values()].flatMap(({text, hint}) => [
    '',
    ...wrap(text.trim(), columns, ''),
    ...(hint === undefined ? [] : wrap(hint, columns, '  ')),
  ])
}
