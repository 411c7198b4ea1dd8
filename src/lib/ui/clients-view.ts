import {oneLine} from '../base/one-line.ts'
import {table} from './table.ts'
import {wrap} from './wrap.ts'

/** A client as `client ls` shows it. */
export interface ShownClient {
  readonly id: string
  readonly isInstalled: boolean
  readonly isConnected: boolean
  /** The client has our entry and does not use it. */
  readonly isOff: boolean
  /** It has no file for others to write. */
  readonly isManual: boolean
  /** It comes to the gateway in the background, which others share. */
  readonly isShared: boolean
  /** Empty when the entry names none; undefined when only the gateway, at its address, knows. */
  readonly profile: string | undefined
  /** As a person knows it; undefined when there is none. */
  readonly file: string | undefined
  readonly problem: string | undefined
}

/**
 * Clients as text: a table, and below it what is wrong with the files of some.
 * @param width columns of the terminal; undefined when stdout is no terminal, then nothing is cut
 */
export function clientsView(clients: readonly ShownClient[], width: number | undefined): string {
  const rows = clients.map(client => [
    client.id,
    statusOf(client),
    profileOf(client),
    client.file === undefined ? '-' : oneLine(client.file),
  ])
  const problems = clients.flatMap(({id, problem}) =>
    problem === undefined ? [] : ['', ...wrap(`${id}: ${oneLine(problem)}`, width ?? Infinity, '')],
  )
  return (
    table([['CLIENT', 'STATUS', 'PROFILE', 'FILE'], ...rows], width) +
    problems.map(line => `${line}\n`).join('')
  )
}

function profileOf({isConnected, isShared, profile}: ShownClient): string {
  if (!isConnected || profile === undefined) return '-'
  // One in the background keeps the profile that it was started with.
  return oneLine(profile) || (isShared ? '(background)' : '(in use)')
}

function statusOf({problem, isConnected, isOff, isManual, isInstalled}: ShownClient): string {
  if (problem !== undefined) return 'broken'
  if (isConnected) return isOff ? 'connected, off' : 'connected'
  if (!isInstalled) return 'not installed'
  return isManual ? 'by hand' : 'not connected'
}
