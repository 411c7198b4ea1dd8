import type {ParsedFlags} from './file-flags.ts'
import {listOf} from './list-flag.ts'

/** What is known of a flag before anybody gives it. */
interface Definition {
  readonly type: 'boolean' | 'option'
  readonly multiple?: boolean | undefined
  readonly delimiter?: ',' | undefined
}

/**
 * The words that say again what flags and their variables have said, each in one form and order: another process is
 * given the same without these variables, and two starts can be compared.
 * @param definitions which flags, by name
 */
export function flagWords(
  {flags, metadata}: ParsedFlags<Readonly<Record<string, unknown>>>,
  definitions: Readonly<Record<string, Definition>>,
): readonly string[] {
  return Object.entries(definitions).flatMap(([name, {type, multiple, delimiter}]) => {
    const value = flags[name]
    if (value === undefined || metadata.flags?.[name]?.setFromDefault) return []
    if (type === 'boolean') return [value === true ? `--${name}` : `--no-${name}`]
    const values = multiple ? valuesOf(value) : [textOf(value)]
    return values.map(one => {
      return `--${name}=${!multiple || delimiter === undefined ? one : one.replaceAll(delimiter, `\\${delimiter}`)}`
    })
  })
}

function valuesOf(value: unknown): readonly string[] {
  return listOf(Array.isArray(value) ? value.map(textOf) : textOf(value)) ?? []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
