import type {Column} from './columns.ts'
import {visible} from './visible.ts'

/** A server as the status screens show it. */
export interface ShownServer {
  readonly name: string
  readonly state: string
  readonly containers: readonly ShownContainer[]
  readonly standby: number
  /** How many more run for gateways of other configurations. */
  readonly others?: number
  readonly memoryBytes?: number
  readonly cpuPercent?: number
  readonly restarts?: number
  /** Times are ISO 8601. */
  readonly lastUsedAt?: string
  readonly lastError?: {readonly message: string; readonly hint?: string; readonly at: string}
  readonly reason?: string
  readonly next?: string
  readonly at?: string
}

export interface ShownContainer {
  readonly id: string
  readonly name: string
  readonly since: string
  readonly use: string
  readonly memoryBytes?: number
  readonly memoryLimitBytes?: number
  readonly cpuPercent?: number
}

/** The table of servers: what is left out first, where it is narrow, matters least. */
export const STATUS_COLUMNS: readonly Column[] = [
  {head: 'NAME', leaves: 0},
  {head: 'STATE', leaves: 1},
  {head: 'CONTAINERS', short: 'CONT', isNumber: true, leaves: 2},
  {head: 'AGE', isNumber: true, leaves: 7},
  {head: 'MEM', isNumber: true, leaves: 4},
  {head: 'CPU', isNumber: true, leaves: 5},
  {head: 'RESTARTS', isNumber: true, leaves: 6},
  {head: 'LAST', leaves: 3},
]

/** What is known of a server, a cell for each of the columns. @param now milliseconds since 1970 */
export function statusCells(server: ShownServer, now: number): readonly string[] {
  const {name, state, containers, standby, memoryBytes, cpuPercent, restarts} = server
  const serving = containers.length - standby
  const oldest = Math.min(...containers.map(({since}) => Date.parse(since)))
  return [
    oneLine(name),
    state,
    standby === 0 ? String(serving) : `${serving}+${standby}`,
    Number.isFinite(oldest) ? age(now - oldest) : '-',
    memoryBytes === undefined ? '-' : memory(memoryBytes),
    cpuPercent === undefined ? '-' : percent(cpuPercent),
    restarts === undefined ? '-' : String(restarts),
    lastSeen(server, now),
  ]
}

/** The last that is known of a server: its use, else its failure, else its start. */
function lastSeen({state, lastUsedAt, lastError, at}: ShownServer, now: number): string {
  const failedAt = lastError?.at ?? at
  if (state === 'failed' && failedAt !== undefined) return `failed ${ago(failedAt, now)}`
  if (lastUsedAt !== undefined) return `used ${ago(lastUsedAt, now)}`
  return at === undefined ? '-' : `seen ${ago(at, now)}`
}

/** How long ago a time was. @param time ISO 8601 */
export function ago(time: string, now: number): string {
  return `${age(now - Date.parse(time))} ago`
}

/** A time span in its largest unit; `?` for one that is no number, as of a time that nobody can read. */
export function age(milliseconds: number): string {
  if (Number.isNaN(milliseconds)) return '?'
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}

const UNITS = ['B', 'K', 'M', 'G', 'T'] as const

/** Bytes in at most four characters and a binary unit: `812K`, `1.5G`. */
export function memory(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const isSmall = unit > 0 && value < 9.95
  return `${isSmall ? value.toFixed(1) : Math.round(value)}${UNITS[unit]}`
}

/** Per cent of one core. */
export function percent(value: number): string {
  return `${value > 0 && value < 0.5 ? '<1' : Math.round(value)}%`
}

/** A text of others as part of a line: without breaks, and unable to steer the terminal. */
export function oneLine(text: string): string {
  return visible(text.replace(/\s+/g, ' ').trim())
}
