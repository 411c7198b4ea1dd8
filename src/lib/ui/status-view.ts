import {table} from './table.ts'
import {wrap} from './wrap.ts'

/** A server as the status screen shows it. */
interface ShownServer {
  readonly name: string
  readonly state: string
  readonly containers: readonly {readonly since: string}[]
  readonly reason?: string
  readonly next?: string
  readonly at?: string
}

/**
 * The status of servers as text: a table, then for each server with a reason that reason and the next step, wrapped.
 * @param at `now` in milliseconds since 1970; `columns`: width to wrap to
 */
export function statusView(
  servers: readonly ShownServer[],
  at: {now: number; columns: number},
): string {
  if (servers.length === 0) return 'No server is enabled.\n'
  const rows = servers.map(server => [
    server.name,
    server.state,
    String(server.containers.length),
    server.at === undefined ? '-' : `${age(at.now - Date.parse(server.at))} ago`,
  ])
  const reasons = servers.flatMap(({name, reason, next}) => {
    if (reason === undefined) return []
    const text = reason.startsWith(`server ${name}`) ? reason : `${name}: ${reason}`
    return [
      '',
      ...wrap(text, at.columns, ''),
      ...(next === undefined ? [] : wrap(next, at.columns, '  ')),
    ]
  })
  return `${table([['NAME', 'STATE', 'CONTAINERS', 'LAST SEEN'], ...rows])}${reasons.map(line => `${line}\n`).join('')}`
}

/** A time span in its largest unit. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}
