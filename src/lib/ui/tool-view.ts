import {isJsonObject} from '../base/json.ts'
import {wrap} from './wrap.ts'

/** A tool as its server lists it (MCP, `Tool`). */
interface ShownTool {
  readonly name: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  /** A JSON Schema of an object. */
  readonly inputSchema: {
    readonly properties?: Readonly<Record<string, unknown>> | undefined
    readonly required?: readonly string[] | undefined
  }
}

/**
 * A tool as people read it: what it does, which arguments it takes, and the command that calls it.
 * @param columns width to wrap to; undefined when nothing is to be wrapped
 */
export function toolView(tool: ShownTool, columns = Number.POSITIVE_INFINITY): string {
  const description = (tool.description ?? '').trim()
  const paragraphs = description === '' ? [] : description.split('\n')
  const rows = argumentRows(tool)
  return [
    tool.title && tool.title !== tool.name ? `${tool.name}: ${tool.title}` : tool.name,
    ...paragraphs.flatMap(paragraph => wrap(paragraph, columns, '')),
    '',
    'Arguments:',
    ...(rows.length === 0 ? ['  none'] : rows.flatMap(row => rowLines(row, columns))),
    '',
    'Call it with:',
    `  docker mcp tools call ${[tool.name, ...rows.filter(({required}) => required).map(sample)].join(' ')}`,
  ]
    .map(line => `${line}\n`)
    .join('')
}

interface ArgumentRow {
  readonly key: string
  readonly type: string
  readonly required: boolean
  readonly description: string
}

function argumentRows({inputSchema: {properties = {}, required = []}}: ShownTool): ArgumentRow[] {
  return Object.entries(properties).map(([key, schema]) => {
    const description = isJsonObject(schema) ? schema['description'] : undefined
    return {
      key,
      type: typeText(schema),
      required: required.includes(key),
      description: typeof description === 'string' ? description : '',
    }
  })
}

/** The type of a JSON Schema in a word or two; a closed set of values is the better answer. */
function typeText(schema: unknown): string {
  if (!isJsonObject(schema)) return 'any'
  const {type, items} = schema
  if (Array.isArray(schema['enum'])) return schema['enum'].map(String).join('|')
  if (type === 'array') return `list of ${typeText(items)}`
  if (Array.isArray(type)) return type.map(String).join('|')
  return typeof type === 'string' ? type : 'any'
}

function rowLines({key, type, required, description}: ArgumentRow, columns: number): string[] {
  const head = `  ${key} (${required ? `${type}, required` : type})`
  return description === '' ? [head] : [head, ...wrap(description, columns, '      ')]
}

function sample({key, type}: ArgumentRow): string {
  return `${key}=<${type}>`
}
