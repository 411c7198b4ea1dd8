import {table} from './table.ts'

/** What the tools of a server cost. */
interface Cost {
  readonly tools: number | null
  readonly bytes: number | null
  readonly tokens: number | null
}

/** The cells of a cost, to be put behind others; null is what nobody knows. */
export function costCells({tools, bytes, tokens}: Cost): readonly string[] {
  return [grouped(tools), grouped(bytes), tokens === null ? '-' : `~${grouped(tokens)}`]
}

/** The heads of {@link costCells}. */
export const COST_HEADS = ['TOOLS', 'BYTES', 'TOKENS']

/** What each server's tools cost, and all of them together. */
export function costView(
  servers: readonly (Cost & {readonly server: string})[],
  total: Cost,
): string {
  const rows = servers.map(cost => [cost.server, ...costCells(cost)])
  return table([['SERVER', ...COST_HEADS], ...rows, ['all', ...costCells(total)]])
}

/** Numbers of many digits are read in threes, whatever the system's language is. */
function grouped(value: number | null): string {
  return value === null ? '-' : value.toLocaleString('en-US')
}
