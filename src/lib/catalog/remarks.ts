import {oneLine} from '../base/one-line.ts'
import type {Catalogs} from './store.ts'

/** So much of a list of keys tells what is going on. */
const MOST_KEYS = 10
const LONGEST_KEY = 60

/**
 * Says what entries have that does nothing: keys that the format does not have, and keys that others of the entry make
 * idle.
 * @param names the servers that a person wants to run; what others have is nobody's concern
 * @returns lines, each about one server
 */
export function remarks(
  {problems}: Pick<Catalogs, 'problems'>,
  names: readonly string[],
): readonly string[] {
  return [...new Set(names)].flatMap(name => {
    const own = problems.filter(({server}) => server === name)
    const unknown = own.filter(({kind}) => kind === 'unknown').map(({path}) => path)
    const idle = own.filter(({kind}) => kind === 'idle')
    const entry = `the catalog entry of ${name}`
    return [
      ...(unknown.length === 0
        ? []
        : [`${entry} has keys that mean nothing here: ${shortened(unknown)}`]),
      ...idle.map(({path, message}) => `${entry}: ${path} ${message}`),
    ]
  })
}

/** Keys are foreign text, as many and as long as somebody likes. */
function shortened(keys: readonly string[]): string {
  const shown = keys
    .slice(0, MOST_KEYS)
    .map(key => oneLine(key.length > LONGEST_KEY ? `${key.slice(0, LONGEST_KEY)}…` : key))
  const rest = keys.length - shown.length
  return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`
}
