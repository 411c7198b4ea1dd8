import {PluginError} from '../../base/errors.ts'
import {objectOf} from '../../base/json.ts'
import {ask, type RegistryInput} from './api.ts'
import type {PackageKind} from './packages.ts'
import type {Package} from './server-json.ts'

/** Newest first; there are images of all of them. */
const PYTHONS = ['3.14', '3.13', '3.12', '3.11', '3.10', '3.9'] as const

/**
 * The version of Python that a package from PyPI needs, from what PyPI says of it.
 * @returns undefined where nobody says, or PyPI cannot be asked: then the usual one is taken
 * @throws the signal's reason
 */
export async function getRuntime(
  kind: PackageKind,
  {identifier, version, registryBaseUrl}: Package,
  input: RegistryInput,
): Promise<string | undefined> {
  if (kind !== 'pypi' || !identifier) return undefined
  const name = identifier.replace(/\[.*$/, '')
  const base = (registryBaseUrl || 'https://pypi.org').replace(/\/+$/, '').replace(/\/simple$/, '')
  const path = [name, ...(version ? [version] : [])].map(encodeURIComponent).join('/')
  try {
    const {info} = await ask(`${base}/pypi/${path}/json`, input)
    const {requires_python: requires} = objectOf(info)
    return typeof requires === 'string' ? newestPython(requires) : undefined
  } catch (error) {
    if (error instanceof PluginError) return undefined
    throw error
  }
}

/**
 * The newest Python that fits, such as `3.12` for `>=3.10,<3.13`.
 * (https://packaging.python.org/en/latest/specifications/version-specifiers/)
 * @returns undefined when none of those that there are images of does
 */
export function newestPython(requires: string): string | undefined {
  const clauses = requires
    .slice(0, LONGEST_SPECIFIER)
    .split(',')
    .map(clause => /^\s*(~=|===?|!=|<=?|>=?)\s*(\d+(?:\.\d+)*)(\.\*)?/.exec(clause))
  return PYTHONS.find(version =>
    clauses.every(clause => {
      if (!clause) return true
      const [, operator = '', written = '', star] = clause
      return fits(numbersOf(version), {
        operator,
        bound: numbersOf(written),
        isPrefix: star === '.*',
      })
    }),
  )
}

const LONGEST_SPECIFIER = 200

interface Clause {
  readonly operator: string
  readonly bound: readonly number[]
  readonly isPrefix: boolean
}

/** Of an image of Python 3.12 we know the first two numbers: it is the newest of them. */
function fits(version: readonly number[], {operator, bound, isPrefix}: Clause): boolean {
  const two = bound.slice(0, 2)
  const order = compare(version, two)
  switch (operator) {
    case '>=':
    case '>':
      return operator === '>' && bound.length <= 2 ? order > 0 : order >= 0
    case '<=':
      return bound.length <= 2 ? order < 0 || (order === 0 && isPrefix) : order < 0
    case '<':
      return order < 0
    case '~=':
      return order >= 0 && (bound.length > 2 ? order === 0 : version[0] === bound[0])
    case '!=':
      return bound.length > 2 || order !== 0
    default:
      return isPrefix ? compare(version.slice(0, bound.length), bound) === 0 : order === 0
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, number] of a.entries()) {
    const difference = number - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function numbersOf(version: string): readonly number[] {
  return version.split('.').map(Number)
}
