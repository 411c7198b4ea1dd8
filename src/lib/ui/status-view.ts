import {fitColumns, headCells, joinCells, rowCells} from './columns.ts'
import {STATUS_COLUMNS, statusCells, type ShownServer} from './status-cells.ts'
import {wrap} from './wrap.ts'

/**
 * The status of servers as text: a table, then for each server with a reason that reason and the next step, wrapped.
 * @param at `now` in milliseconds since 1970; `columns`: width to fit to
 */
export function statusView(
  servers: readonly ShownServer[],
  at: {now: number; columns: number},
): string {
  if (servers.length === 0) return 'No server is enabled.\n'
  const rows = servers.map(server => statusCells(server, at.now))
  const layout = fitColumns(STATUS_COLUMNS, rows, {width: at.columns, first: Infinity})
  const table = [headCells(layout), ...rows.map(row => rowCells(layout, row))]
  const reasons = servers.flatMap(server => reasonLines(server, at.columns))
  return [...table.map(cells => joinCells(layout, cells)), ...reasons]
    .map(line => `${line}\n`)
    .join('')
}

function reasonLines(server: ShownServer, columns: number): readonly string[] {
  const {next} = server
  const text = reasonText(server)
  if (text === undefined) return []
  return [
    '',
    ...wrap(text.trimEnd(), columns, ''),
    ...(next === undefined ? [] : wrap(next, columns, '  ')),
  ]
}

/** Why a server is not well, with its name in it. */
export function reasonText({name, reason}: ShownServer): string | undefined {
  if (reason === undefined) return undefined
  return reason.startsWith(`server ${name}`) ? reason : `${name}: ${reason}`
}
