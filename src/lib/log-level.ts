/** How much a gateway says on stderr; each says what the ones before it say, too. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** Whether a running commentary is wanted. */
export function saysAll(level: LogLevel): boolean {
  return level === 'info' || level === 'debug'
}

/** Whether something that a person must know is wanted: with `error`, only what is wrong, which begins with a `!`. */
export function saysNotice(level: LogLevel, line: string): boolean {
  return level !== 'error' || line.startsWith('!')
}
