import {type Json, type JsonObject, isJsonObject} from '../base/json.ts'

/**
 * Evaluates the `{{path|filter|…}}` expressions of one catalog value.
 * A value that is exactly one expression keeps its type (a list stays a list); otherwise the parts
 * are joined as text. As in Docker's gateway, braces outside an expression vanish, unknown filters
 * do nothing, and a path that leads nowhere is the empty string.
 * @param expression the text of the catalog
 * @param context what paths start from, see {@link templateContext}
 */
export function evaluateTemplate(expression: string, context: JsonObject): Json {
  const parts = tokenize(expression)
  const [only] = parts
  if (parts.length === 1 && only?.kind === 'token') return evaluateToken(only.text, context)
  return parts
    .map(part =>
      part.kind === 'token' ? renderText(evaluateToken(part.text, context)) : part.text,
    )
    .join('')
}

/**
 * Evaluates a catalog list (`command`, `volumes`): lists inside it are flattened and every entry
 * becomes text. Empty entries are kept, as an empty argument can mean something; who cannot use
 * them filters.
 *
 * Numbers and booleans become their text on purpose: Docker's gateway hands the server Go's `<int
 * Value>` for a lone one, which no server can read.
 */
export function evaluateTemplateList(
  expressions: readonly string[],
  context: JsonObject,
): readonly string[] {
  return expressions.flatMap(expression => {
    const value = evaluateTemplate(expression, context)
    return Array.isArray(value) ? value.map(renderText) : [renderText(value)]
  })
}

/** Under this name a context holds the user's home, for the filters that make mounts. */
const HOME = '~'

/**
 * What the expressions of a server's entry see: its configuration under its name, with `_` for the
 * dots in the name (a dot separates the steps of a path).
 * @param home the user's home: what `~/` means at the start of a path that is mounted
 */
export function templateContext(serverName: string, config: JsonObject, home: string): JsonObject {
  return {[HOME]: home, [serverName.replaceAll('.', '_')]: config}
}

/**
 * What the expressions of a tool that is a container of its own see: the arguments of a call, by their names.
 * @param home as for {@link templateContext}
 */
export function argumentContext(args: JsonObject, home: string): JsonObject {
  return {...args, [HOME]: home}
}

/**
 * A value as one text: lists with commas, as command lines and variables take them; nothing as
 * the empty string.
 */
export function renderText(value: Json | undefined): string {
  if (value == null) return ''
  if (Array.isArray(value)) return value.map(renderText).join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

interface Part {
  readonly kind: 'literal' | 'token'
  readonly text: string
}

function tokenize(expression: string): readonly Part[] {
  const parts: Part[] = []
  // Looked up once: searching again behind every brace would be quadratic on a hostile text.
  const lastClose = expression.lastIndexOf('}}')
  let at = 0
  while (at < expression.length) {
    if (expression.startsWith('{{', at) && lastClose >= at + 2) {
      const close = expression.indexOf('}}', at + 2)
      parts.push({kind: 'token', text: expression.slice(at + 2, close)})
      at = close + 2
    } else if (expression[at] === '{' || expression[at] === '}') {
      at += 1
    } else {
      const end = nextBrace(expression, at)
      parts.push({kind: 'literal', text: expression.slice(at, end)})
      at = end
    }
  }
  return parts
}

function nextBrace(expression: string, from: number): number {
  let at = from
  while (at < expression.length && expression[at] !== '{' && expression[at] !== '}') at += 1
  return at
}

function evaluateToken(token: string, context: JsonObject): Json {
  const [path = '', ...filters] = token.split('|').map(step => step.trim())
  const home = renderText(context[HOME])
  return filters.reduce<Json>(
    (value, filter) => applyFilter(value, filter, home),
    lookUp(path, context),
  )
}

function lookUp(path: string, context: JsonObject): Json {
  let value: Json | undefined = context
  for (const step of path.split('.').map(part => part.trim())) {
    // Own keys only, or `{{constructor}}` would read what the configuration does not have.
    if (!isJsonObject(value) || !Object.hasOwn(value, step)) return ''
    value = value[step]
  }
  return value ?? ''
}

function applyFilter(value: Json, filter: string, home: string): Json {
  const colon = filter.indexOf(':')
  const name = colon < 0 ? filter : filter.slice(0, colon).trim()
  const argument = colon < 0 ? '' : filter.slice(colon + 1).trim()
  switch (name) {
    case 'volume':
      return mapText(value, path => `${atHome(path, home)}:${targetPath(atHome(path, home))}`)
    case 'volume-target':
      return mapText(value, path => targetPath(atHome(path, home)))
    case 'into':
      return Array.isArray(value) ? value : [value]
    case 'first':
      return Array.isArray(value) ? (value[0] ?? '') : value
    case 'last':
      return Array.isArray(value) ? (value.at(-1) ?? '') : value
    case 'or':
      return colon >= 0 && isEmpty(value) ? parseDefault(argument) : value
    case 'mount_as':
      return mountAs(Array.isArray(value) ? (value[0] ?? '') : value, argument)
    default:
      return value
  }
}

function mapText(value: Json, change: (text: string) => string): Json {
  if (Array.isArray(value)) return value.map(item => mapText(item, change))
  const text = renderText(value)
  return text === '' ? '' : change(text)
}

/** Written out, because a mount's place in the container must be, and the server is told the same path. */
function atHome(path: string, home: string): string {
  return /^~[\\/]/.test(path) && home !== '' ? `${home}${path.slice(1)}` : path
}

const WINDOWS_PATH = /^([A-Za-z]):[\\/](.*)$/su

/**
 * Where a path of the host appears inside the container: `C:\work` as `/C/work`, others where
 * they are.
 */
function targetPath(path: string): string {
  const [, drive, rest] = WINDOWS_PATH.exec(path) ?? []
  return drive === undefined || rest === undefined
    ? path
    : `/${drive}/${rest.replaceAll('\\', '/')}`
}

/**
 * A list of nothing but empty texts is what `into` makes of a value that is not set: nothing,
 * for `or`.
 */
function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.every(item => item === '' || item === null)
  return value === '' || value === null
}

function parseDefault(argument: string): Json {
  if (!argument.startsWith('[') || !argument.endsWith(']')) return argument
  const items = argument.slice(1, -1).trim()
  return items === '' ? [] : items.split(',').map(item => item.trim())
}

function mountAs(value: Json, target: string): string {
  const source = renderText(value)
  return source === '' ? '' : `${source}:${target}`
}
