import type {JsonObject} from '../../base/json.ts'
import type {Listed} from '../directory.ts'

/**
 * Which servers may hold a resource, the likeliest first: those that list the URI and, as it is theirs, no others;
 * else those with a template that it fits (the template with the most literal text first), then all others in
 * configured order.
 * @param resources what each server answered to resources/list
 * @param templates what each server answered to resources/templates/list
 */
export function ownersOf(
  uri: string,
  resources: readonly Listed[],
  templates: readonly Listed[],
): readonly string[] {
  const exact = resources.filter(({items}) => items.some(item => item['uri'] === uri))
  if (exact.length > 0) return exact.map(({server}) => server)
  const byTemplate = templates
    .map(({server, items}) => ({server, literal: bestFit(items, uri)}))
    .filter(({literal}) => literal >= 0)
    .toSorted((a, b) => b.literal - a.literal)
  const all = [...byTemplate, ...resources, ...templates].map(({server}) => server)
  return [...new Set(all)]
}

function bestFit(items: readonly JsonObject[], uri: string): number {
  return items.reduce((best, item) => Math.max(best, fit(item, uri)), -1)
}

/** Above these lengths only the same text fits: a template comes from a server and must not cost much. */
const LONGEST_TEMPLATE = 2000
const LONGEST_URI = 8000

/** How many literal characters the item's template has when the URI fits it, else -1. */
function fit(item: JsonObject, uri: string): number {
  const template = item['uriTemplate']
  if (typeof template !== 'string') return -1
  if (template === uri) return template.length
  if (template.length > LONGEST_TEMPLATE || uri.length > LONGEST_URI) return -1
  const parts = template.split(EXPRESSION)
  if (!fits(parts, uri)) return -1
  return parts.reduce((sum, part, index) => sum + (index % 2 === 0 ? part.length : 0), 0)
}

/** Splits into literals and, at odd places, what stands between braces. */
const EXPRESSION = /\{([^{}]*)\}/

/**
 * Whether literals and expressions in turn make up the URI. The places that each part can end at are carried along:
 * a regular expression made of the template could be made to try for hours.
 */
function fits(parts: readonly string[], uri: string): boolean {
  let ends: readonly number[] = [0]
  for (const [index, part] of parts.entries()) {
    ends = index % 2 === 0 ? afterLiteral(ends, part, uri) : afterValue(ends, part, uri)
    if (ends.length === 0) return false
  }
  return ends.includes(uri.length)
}

function afterLiteral(starts: readonly number[], literal: string, uri: string): readonly number[] {
  return starts.filter(start => uri.startsWith(literal, start)).map(start => start + literal.length)
}

/** Every place that can be reached from one of the starts over characters that the value may have. */
function afterValue(starts: readonly number[], expression: string, uri: string): readonly number[] {
  const ends = new Set<number>()
  for (const start of starts) {
    // From a place that was reached before, everything further was reached, too.
    for (let end = start; !ends.has(end); end += 1) {
      ends.add(end)
      if (end === uri.length || !mayHold(expression, uri.charAt(end))) break
    }
  }
  return [...ends]
}

/** What an RFC 6570 expression can expand to: `{+x}`, `{/x}`, `{?x}` and the like may hold any character. */
function mayHold(expression: string, character: string): boolean {
  return /^[+#./;?&]/.test(expression) || expression.endsWith('*') || !'/?#'.includes(character)
}
