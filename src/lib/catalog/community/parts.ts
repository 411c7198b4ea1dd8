/** Why a server cannot stand in a catalog: the rest of a sentence about it. */
export class Inexpressible extends Error {
  override readonly name = 'Inexpressible'
}

/** A piece of a value: text as it is, or what a user sets. */
export type Part =
  | {readonly kind: 'text'; readonly text: string}
  | {
      readonly kind: 'config'
      readonly path: string
      readonly isRequired: boolean
      readonly default?: string
    }
  /** A secret, or another variable of the server. */
  | {readonly kind: 'reference'; readonly env: string}

export type Value = readonly Part[]

/** What a text of the catalog format would be taken for: a variable. */
const REFERENCE = /\$(?:\{[\w./-]+\}|[A-Za-z_]\w*)/
/** Those of them that name variables of the server itself, and mean there what they mean here. */
const NAMES = /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g

/**
 * The value of an environment variable. It is a template when it has one; else other variables are put in: none may have
 * both, see `Environment`.
 * @param known the variables that a text may refer to itself
 * @throws Inexpressible
 */
export function envText(value: Value, known: ReadonlySet<string>): string {
  const hasConfig = value.some(({kind}) => kind === 'config')
  const text = value
    .map(part => {
      if (part.kind === 'config') return template(part)
      if (part.kind === 'reference') return `\${${part.env}}`
      if (hasConfig) return withoutBraces(part.text)
      return withReferences(part.text, known)
    })
    .join('')
  if (!hasConfig && text.includes('{{') && text.includes('}}')) {
    throw new Inexpressible('has {{…}} in a text, which means something else in a catalog')
  }
  return text
}

/** Whether a value can be an argument as it is: there braces vanish, so that a name would run into what follows. */
export function isPlainArgument(value: Value): boolean {
  return value.every(
    part => part.kind === 'config' || (part.kind === 'text' && !/[{}$]/.test(part.text)),
  )
}

/** One value that a user need not set: an argument that is none when it is not set. */
export function optionalArgument([only, ...others]: Value): string | undefined {
  const isOptional =
    others.length === 0 && only?.kind === 'config' && !only.isRequired && only.default === undefined
  return isOptional ? `{{${only.path}|or:[]}}` : undefined
}

/**
 * A value where only templates are evaluated: arguments, mounts, users.
 * @throws Inexpressible
 */
export function templateText(value: Value): string {
  return value
    .map(part => {
      if (part.kind === 'reference') {
        throw new Inexpressible('needs a secret where a catalog takes none')
      }
      return part.kind === 'config' ? template(part) : withoutBraces(part.text)
    })
    .join('')
}

/**
 * The value of a header, which takes templates and secrets.
 * @throws Inexpressible
 */
export function headerText(value: Value): string {
  return value
    .map(part => {
      if (part.kind === 'config') return template(part)
      if (part.kind === 'reference') return `\${${part.env}}`
      if (REFERENCE.test(part.text) || part.text.includes('{{')) {
        throw new Inexpressible(
          'has $… or {{…}} in a header, which means something else in a catalog',
        )
      }
      return part.text
    })
    .join('')
}

function withoutBraces(text: string): string {
  if (!/[{}]/.test(text)) return text
  throw new Inexpressible('has braces in a text beside a value, which vanish in a catalog')
}

function withReferences(text: string, known: ReadonlySet<string>): string {
  for (const [, braced, bare] of text.matchAll(NAMES)) {
    const name = braced ?? bare ?? ''
    if (!known.has(name))
      throw new Inexpressible(`refers to $${name}, which is none of its variables`)
  }
  return text
}

function template({path, default: byDefault}: Extract<Part, {kind: 'config'}>): string {
  return byDefault === undefined ? `{{${path}}}` : `{{${path}|or:${defaultText(byDefault)}}}`
}

function defaultText(text: string): string {
  if (
    !/[|{}]/.test(text) &&
    text === text.trim() &&
    !(text.startsWith('[') && text.endsWith(']'))
  ) {
    return text
  }
  throw new Inexpressible('has a default that no template can hold')
}
