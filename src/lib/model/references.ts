/** `${NAME}`: a variable of the environment that a configuration refers to. */
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g

/** A text that has at least one `${NAME}`: what a secret in a configuration must be. */
export const HAS_REFERENCE = /\$\{[A-Za-z_][A-Za-z0-9_]*\}/

/** The variables that a text refers to as `${NAME}`, each once. */
export function referencesIn(text: string): readonly string[] {
  return [...new Set([...text.matchAll(REFERENCE)].map(([, name = '']) => name))]
}

/**
 * Puts values in place of `${NAME}`; a value that was put in is not looked at again.
 * @returns the text; undefined when a variable is not set or empty: half a secret is none
 */
export function resolveReferences(text: string, env: NodeJS.ProcessEnv): string | undefined {
  if (referencesIn(text).some(name => !env[name])) return undefined
  return text.replaceAll(REFERENCE, (_match, name: string) => env[name] ?? '')
}
