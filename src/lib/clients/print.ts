import {isJsonObject, type Json} from '../base/json.ts'
import type {ClientFile} from './client.ts'
import type {Ours} from './diff.ts'
import {fileFormat} from './formats.ts'
import {changeIn, wantedEntry, type Gateway} from './wanted.ts'

/** What stands in place of a token that is printed. */
export const TOKEN_SHOWN = '<token>'

/** A whole file that has our entry and nothing else. */
export async function printedEntry(file: ClientFile, gateway: Gateway): Promise<string> {
  const format = await fileFormat(file.format)
  return format.edit('', changeIn(file, wantedEntry(file, gateway, undefined)), 'the entry')
}

/** What of a file with our entry need not be hidden. The gateway has no token. */
export async function oursIn(file: ClientFile, gateway: Gateway): Promise<Ours> {
  const entry = wantedEntry(file, gateway, undefined)
  const words = [...file.container, file.key, ...(file.list ? [file.list.nameKey] : [])]
  return {text: await printedEntry(file, gateway), words: new Set([...words, ...wordsIn(entry)])}
}

function wordsIn(value: Json | undefined): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(wordsIn)
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([key, inner]) => [key, ...wordsIn(inner)])
  }
  return [String(value)]
}
