import {messageOf, PluginError} from '../base/errors.ts'

/**
 * An error as people read it: what happened and why, then what to do. Only here do errors become text.
 * @param debug adds the stack and the causes, for `docker --debug mcp …`
 */
export function errorView(error: unknown, debug: boolean): string {
  const lines = [messageOf(error)]
  if (error instanceof PluginError && error.hint) lines.push(`  ${error.hint}`)
  if (debug) lines.push(...causes(error))
  return `${lines.join('\n')}\n`
}

/** The same error as data, for `--format json`: stable code, message and hint. */
export function errorData(error: unknown): {code: string; message: string; hint?: string} {
  if (!(error instanceof PluginError)) return {code: 'INTERNAL', message: messageOf(error)}
  return {code: error.code, message: error.message, ...(error.hint && {hint: error.hint})}
}

function causes(error: unknown): string[] {
  const lines: string[] = []
  for (let at = error; at instanceof Error; at = at.cause) lines.push(at.stack ?? at.message)
  return lines
}
