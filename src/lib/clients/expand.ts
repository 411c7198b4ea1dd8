/**
 * A place with its variables put in: `$NAME`, and `${NAME:-instead}` where `instead` may have variables itself. Empty
 * counts as not set, as in a shell.
 * @param valueOf gives the value of a variable
 * @returns undefined when a variable without a value is needed
 */
export function expandPlace(
  place: string,
  valueOf: (name: string) => string | undefined,
): string | undefined {
  const dollar = place.indexOf('$')
  if (dollar < 0) return place
  const part = place[dollar + 1] === '{' ? braced(place, dollar) : plain(place, dollar)
  const value =
    valueOf(part.name) ||
    (part.instead === undefined ? undefined : expandPlace(part.instead, valueOf))
  const rest = expandPlace(place.slice(part.end), valueOf)
  if (!value || rest === undefined) return undefined
  return place.slice(0, dollar) + value + rest
}

interface Part {
  readonly name: string
  readonly instead?: string
  /** Where the text goes on. */
  readonly end: number
}

function plain(text: string, from: number): Part {
  const [name = ''] = /^\w+/.exec(text.slice(from + 1)) ?? []
  return {name, end: from + 1 + name.length}
}

function braced(text: string, from: number): Part {
  const end = closing(text, from + 2)
  const [name = '', instead] = text.slice(from + 2, end).split(/:-(.*)/s)
  return {name, end: end + 1, ...(instead === undefined ? {} : {instead})}
}

function closing(text: string, from: number): number {
  let depth = 1
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1
    if (text[at] === '}') depth -= 1
    if (depth === 0) return at
  }
  throw new Error(`a place has a brace that does not end: ${text}`)
}
