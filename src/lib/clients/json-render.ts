import type {Json} from '../base/json.ts'
import {lineBreakOf} from '../files/yaml-text.ts'

/** A value in lines, with the line breaks of a text; the first is not indented. */
export function inLines(text: string, look: {value: Json; step: string; indent: string}): string {
  return JSON.stringify(look.value, null, look.step)
    .split('\n')
    .join(lineBreakOf(text) + look.indent)
}

/** A value on one line. */
export function inLine(value: Json, isTight: boolean): string {
  if (isTight || typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(item => inLine(item, false)).join(', ')}]`
  const members = Object.entries(value).map(
    ([key, member]) => `${JSON.stringify(key)}: ${inLine(member ?? null, false)}`,
  )
  return `{${members.join(', ')}}`
}
