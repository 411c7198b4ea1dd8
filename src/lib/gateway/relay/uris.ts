/** What a URI, or the template of one, begins with: its scheme, and the slashes before an authority. */
const FRONT = /^(?:[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/)?)?/

/** Where {@link markUri} puts a name: behind the scheme, if there is one. */
export function markPlace(uri: string): number {
  return FRONT.exec(uri)?.[0].length ?? 0
}

/**
 * The URI, or URI template, with a name in it. The scheme stays, because clients tell by it what a resource is for.
 * @param name in lower case in the URI: whoever reads this as a host name may write it so anyway
 */
export function markUri(uri: string, name: string): string {
  const place = markPlace(uri)
  // The last part of a skill's path is its name, and clients compare it with that in the skill (SEP-2640).
  const mark = uri.slice(0, place).toLowerCase() === 'skill://' ? '~/' : '~'
  return `${uri.slice(0, place)}${name.toLowerCase()}${mark}${uri.slice(place)}`
}

/** The directories that a URI is in, or is, the innermost first. */
export function* directoriesOf(uri: string): Generator<string, void> {
  const place = markPlace(uri)
  let end = uri.endsWith('/') ? uri.length - 1 : uri.length
  for (let depth = 0; depth < DEEPEST && end > place; depth += 1) {
    yield uri.slice(0, end)
    end = uri.lastIndexOf('/', end - 1)
  }
}

/** Directories above this are not looked at. */
const DEEPEST = 32

/** Above these only the same text fits: a template comes from a server and must not cost much. */
const LONGEST_URI = 2000
const MOST_EXPRESSIONS = 16

/** What looking for templates that one URI fits may cost, in characters looked at, however many templates there are. */
export interface Budget {
  steps: number
}

/** Makes a budget for one URI. */
export function templateBudget(): Budget {
  return {steps: 500_000}
}

/**
 * How many literal characters a template (RFC 6570) has when the URI fits it, else -1.
 * @param budget what is left for this URI; behind its end only the same text fits
 */
export function literalFit(template: string, uri: string, budget: Budget): number {
  if (template === uri) return template.length
  if (uri.length > LONGEST_URI) return -1
  const parts = template.split(EXPRESSION, 2 * MOST_EXPRESSIONS + 2)
  if (parts.length > 2 * MOST_EXPRESSIONS + 1 || !fits(parts, uri, budget)) return -1
  return parts.reduce((sum, part, index) => sum + (index % 2 === 0 ? part.length : 0), 0)
}

/** Splits into literals and, at odd places, what stands between braces. */
const EXPRESSION = /\{([^{}]*)\}/

/**
 * Whether literals and expressions in turn make up the URI. The places that each part can end at are carried along:
 * a regular expression made of the template could be made to try for hours.
 */
function fits(parts: readonly string[], uri: string, budget: Budget): boolean {
  let ends: readonly number[] = [0]
  for (const [index, part] of parts.entries()) {
    budget.steps -= index % 2 === 0 ? ends.length : uri.length
    if (budget.steps < 0) return false
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
