import type {PluginError} from '../base/errors.ts'

/**
 * Why secrets count as missing that are in a store, or may be, and what to do: each reason once.
 * @param unread by the name of the secret
 * @returns empty when there is nothing to say
 */
export function unreadView(unread: ReadonlyMap<string, PluginError>): string {
  const reasons = Map.groupBy(unread, ([, {message}]) => message)
  return [...reasons.values()]
    .flatMap(([first, ...others]) => {
      if (!first) return []
      const [name, {message, hint}] = first
      const more = others.length > 0 ? ` (and ${others.length} more)` : ''
      return [`! secret ${name}${more}: ${message}`, ...(hint === undefined ? [] : [`  ${hint}`])]
    })
    .map(line => `${line}\n`)
    .join('')
}
