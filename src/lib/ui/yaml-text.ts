import {stringify} from 'yaml'

/** A value as a YAML document. In a module of its own, because most runs do without YAML. */
export function yamlText(value: unknown): string {
  return stringify(value)
}
