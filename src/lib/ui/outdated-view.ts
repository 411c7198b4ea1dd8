import {table} from './table.ts'
import {wrap} from './wrap.ts'

interface ShownImage {
  readonly name: string
  readonly image?: string
  readonly state: string
  readonly here?: string
  readonly there?: string
  readonly reason?: string
  readonly next?: string
}

/**
 * Images compared with their registries as text: a table, then the reasons of those that are not known, then how to
 * bring the outdated ones up to date.
 * @param columns width to fit; infinite where nothing is cut
 */
export function outdatedView(images: readonly ShownImage[], columns: number): string {
  if (images.length === 0) return 'No server is enabled.\n'
  const rows = images.map(({name, image = '-', state, here, there}) => [
    name,
    state,
    digestText(here),
    digestText(there),
    image,
  ])
  const width = Number.isFinite(columns) ? columns : undefined
  const reasons = images.flatMap(({name, reason, next}) => [
    ...(reason === undefined ? [] : ['', ...wrap(`${name}: ${reason}`, columns, '')]),
    ...(next === undefined ? [] : wrap(next, columns, '  ')),
  ])
  const old = images.filter(({state}) => state === 'outdated').map(({name}) => name)
  const update =
    old.length === 0 ? [] : ['', `Update with: docker mcp server install --update ${old.join(' ')}`]
  const below = [...reasons, ...update].map(line => `${line}\n`).join('')
  return `${table([['NAME', 'STATE', 'HERE', 'THERE', 'IMAGE'], ...rows], width)}${below}`
}

/** As much of a digest as people compare. */
function digestText(digest: string | undefined): string {
  return digest === undefined ? '-' : digest.replace(/^sha256:/, '').slice(0, 12)
}
