import {isDeepStrictEqual} from 'node:util'
import {isJsonObject, type Json} from '../base/json.ts'
import {listEdits} from './list-edits.ts'

/** The keys that lead to a value; a number is the place in a list. */
export type Path = readonly (string | number)[]

/** How one format writes a value in a text. All give the new text. */
export interface Writer {
  /** Gives a place another value, or a map a key that it does not have. */
  set(text: string, path: Path, value: Json): string
  /** Takes a key or an item out. */
  remove(text: string, path: Path): string
  /** Puts an item before the one that is at its place, or at the end of the list. */
  insert(text: string, path: Path, value: Json): string
  /** Whether the items of a list can be changed one by one; else all of it is written. They can when this is not given. */
  hasItems?(text: string, path: Path, items: readonly Json[]): boolean
}

/** Makes a value another one by changing only what differs: what is the same keeps its comments and its spelling. */
export function become(
  text: string,
  step: {path: Path; current: Json | undefined; wanted: Json},
  writer: Writer,
): string {
  const {path, current, wanted} = step
  if (isDeepStrictEqual(current, wanted)) return text
  if (Array.isArray(current) && Array.isArray(wanted)) {
    // Without an item there is nothing to go by.
    const isWhole = current.length * wanted.length === 0
    return isWhole || writer.hasItems?.(text, path, current) === false
      ? writer.set(text, path, wanted)
      : becomeList(text, {path, current, wanted}, writer)
  }
  if (!isJsonObject(current) || !isJsonObject(wanted)) return writer.set(text, path, wanted)
  const gone = Object.keys(current).filter(key => !Object.hasOwn(wanted, key))
  // What is new first: a map that has lost its last key may be gone.
  const filled = Object.entries(wanted).reduce((next, [key, value]) => {
    const known = Object.hasOwn(current, key) ? current[key] : undefined
    const own = [...path, key]
    return value === undefined
      ? next
      : become(next, {path: own, current: known, wanted: value}, writer)
  }, text)
  return gone.reduce((next, key) => writer.remove(next, [...path, key]), filled)
}

/** From the end on, so that the places before stay what they are. */
function becomeList(
  text: string,
  {path, current, wanted}: {path: Path; current: readonly Json[]; wanted: readonly Json[]},
  writer: Writer,
): string {
  return listEdits(current, wanted).reduceRight((before, {at, gone, come}) => {
    const both = Math.min(gone.length, come.length)
    const removed = gone
      .slice(both)
      .reduceRight<string>(
        (next, _, index) => writer.remove(next, [...path, at + both + index]),
        before,
      )
    const inserted = come
      .slice(both)
      .reduceRight<string>((next, item) => writer.insert(next, [...path, at + both], item), removed)
    return come
      .slice(0, both)
      .reduce<string>(
        (next, item, index) =>
          become(next, {path: [...path, at + index], current: gone[index], wanted: item}, writer),
        inserted,
      )
  }, text)
}
