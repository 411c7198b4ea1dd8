import {stringify} from 'yaml'
import {isJsonObject, type Json} from '../base/json.ts'

/** YAML 1.1 readers, which take `yes` and `012` for something else, are to read the same values. */
const OPTIONS = {
  compat: 'yaml-1.1',
  lineWidth: 0,
  blockQuote: false,
  doubleQuotedAsJSON: true,
  aliasDuplicateObjects: false,
  flowCollectionPadding: false,
} as const

/**
 * A value on one line, fit for flow and block surroundings.
 * @param asJson write JSON, for a neighbourhood that is JSON
 */
export function renderInline(value: Json, asJson: boolean): string {
  // Inside brackets, because plain text means something else there.
  return asJson ? JSON.stringify(value) : renderFlow([value])
}

/** One `key: value` of a flow map. */
export function renderFlowEntry(key: string, value: Json, asJson: boolean): string {
  const entry = {[key]: value}
  return asJson ? JSON.stringify(entry).slice(1, -1) : renderFlow(entry)
}

function renderFlow(value: Json): string {
  return stringify(value, {...OPTIONS, collectionStyle: 'flow'})
    .trimEnd()
    .slice(1, -1)
}

/**
 * A map or list in lines.
 * @param layout `column`: where its keys stand; `step`: how much deeper each level goes
 */
export function renderLines(value: Json, layout: {column: number; step: number}): string[] {
  const lines = stringify(value, {...OPTIONS, indent: layout.step})
    .trimEnd()
    .split('\n')
  return lines.map(line => ' '.repeat(layout.column) + line)
}

/** Whether a value needs more than one line in block style. */
export function isFilled(value: Json): boolean {
  if (Array.isArray(value)) return value.length > 0
  return isJsonObject(value) && Object.keys(value).length > 0
}
