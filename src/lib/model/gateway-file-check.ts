import type * as z from 'zod'
import {nearestNames} from '../base/near-names.ts'
import {gatewayFileJsonSchema, gatewayFileSchema, type GatewayFile} from './gateway-file.ts'

/** What is wrong with one value of the gateway's own file. */
export interface GatewayFileFault {
  /** The keys that lead to it; in a list the number of the item, from 0. */
  readonly path: readonly string[]
  /** One clause that follows the key; it quotes no value, which may be a secret. */
  readonly reason: string
}

/** Checks a parsed file. @returns the configuration, or everything that is wrong with it */
export function checkGatewayFile(
  value: unknown,
): {readonly data: GatewayFile} | {readonly faults: readonly GatewayFileFault[]} {
  const {data, error} = gatewayFileSchema.safeParse(value)
  return data ? {data} : {faults: error.issues.flatMap(faultsOf)}
}

function faultsOf(issue: z.core.$ZodIssue): readonly GatewayFileFault[] {
  const path = issue.path.map(String)
  if (issue.code !== 'unrecognized_keys') return [{path, reason: reasonOf(issue)}]
  const known = keysAt(path)
  return issue.keys.map(key => {
    const [near] = nearestNames(key, known, 1)
    const advice = near === undefined ? `there are ${known.join(', ')}` : `did you mean “${near}”?`
    return {path: [...path, key], reason: `is no key of this file; ${advice}`}
  })
}

function reasonOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of: ' : ''}${issue.values.join(', ')}`
    case 'too_small':
      return issue.origin === 'string' ? 'is empty' : `must be at least ${issue.minimum}`
    case 'too_big':
      return `must be at most ${issue.maximum}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message
    default:
      return issue.message
  }
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a map of keys',
  record: 'a map of keys',
  string: 'text',
}

/** The keys that a map of the file may have. */
function keysAt(path: readonly string[]): readonly string[] {
  let at: unknown = gatewayFileJsonSchema()
  for (const key of path) {
    const {properties, additionalProperties, items} = Object(at)
    at = Object(properties)[key] ?? items ?? additionalProperties
  }
  return Object.keys(Object(Object(at).properties))
}
