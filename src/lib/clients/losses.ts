import {isJsonObject, type Json, type JsonObject} from '../base/json.ts'
import {endOfRun, nameOf} from './relaunch.ts'
import {addressOf, headersOf, variablesOf, wordsOf} from './server-entries.ts'

/** What an entry had and has no longer: a person is told of it. */
export interface Losses {
  /** Names of variables that led docker to its files and its engine. */
  readonly left: readonly string[]
  /** Names of flags that a gateway in the background does not take. */
  readonly flags: readonly string[]
  /** Names of headers; and of variables and flags, when there is no command any more that they could be for. */
  readonly others: readonly string[]
  /** The address that it led to, as it stood there, or the program that started docker. */
  readonly was?: string | undefined
}

/** Of an entry that has lost nothing. */
export const NO_LOSSES: Losses = {left: [], flags: [], others: [], was: undefined}

/**
 * What of an entry is not in the one that takes its place.
 * @param left variables that are known to have gone; all others that have are added
 */
export function lossesOf(
  {current, wanted}: {current: Json | undefined; wanted: JsonObject},
  left: readonly string[],
): Losses {
  if (!isJsonObject(current)) return NO_LOSSES
  const [had, has] = [wordsOf(current), wordsOf(wanted)]
  const [program, next] = [nameOf(had[0] ?? ''), nameOf(has[0] ?? '')]
  const address = addressOf(current)
  const isOther = program !== '' && next !== '' && program !== next
  const was =
    address === '' ? (isOther ? program : undefined) : otherThan(addressOf(wanted), address)
  const variables = [...new Set([...left, ...variablesLost(current, wanted)])]
  const flags = flagsLost(had, has)
  const headers = headersLost(current, wanted).filter(
    // The token is one for its address, which is said to have gone.
    name => was === undefined || name.toLowerCase() !== 'authorization',
  )
  return has.length === 0
    ? {left: [], flags: [], others: [...variables, ...flags, ...headers], was}
    : {left: variables, flags, others: headers, was}
}

function otherThan(now: string, before: string): string | undefined {
  return now === before ? undefined : before
}

/** Those of the entry, and those before the command that start with `NAME=`, as `env` takes them. */
function variablesLost(current: JsonObject, wanted: JsonObject): readonly string[] {
  const [had, has, set] = [wordsOf(current), wordsOf(wanted), variablesOf(wanted)]
  const head = had.slice(0, endOfRun(had) ?? 0)
  const names = head.flatMap(word => /^([A-Za-z_]\w*)=/.exec(word)?.[1] ?? [])
  const isKept = (name: string) =>
    Object.hasOwn(set, name) || has.some(word => word.startsWith(`${name}=`))
  return [...names, ...Object.keys(variablesOf(current))].filter(name => !isKept(name))
}

/** Their names are alike in capitals and not (RFC 9110, 5.1). */
function headersLost(current: JsonObject, wanted: JsonObject): readonly string[] {
  const kept = new Set(Object.keys(headersOf(wanted)).map(name => name.toLowerCase()))
  return Object.keys(headersOf(current)).filter(name => !kept.has(name.toLowerCase()))
}

/** Names only: values may be secrets. */
function flagsLost(had: readonly string[], has: readonly string[]): readonly string[] {
  const [from, into] = [endOfRun(had), endOfRun(has)]
  // Another command than ours, whose flags nobody knows.
  if (from === undefined || (into === undefined && has.length > 0)) return []
  const kept = new Set(flagNames(has.slice(into)))
  return flagNames(had.slice(from)).filter(name => !kept.has(name))
}

function flagNames(words: readonly string[]): readonly string[] {
  return [...new Set(words.flatMap(word => /^--?[a-z][\w-]*/i.exec(word)?.[0] ?? []))]
}
