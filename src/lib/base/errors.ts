/**
 * Every way this program can refuse, by name. The name is stable (scripts match on it), the sentence says
 * when it is used and becomes its heading in docs/errors.md.
 */
export const ERROR_CODES = {
  USAGE: 'the command line is not one this program knows',
  SERVER_UNKNOWN: 'no catalog has a server of that name',
  SERVER_UNSUPPORTED: 'the catalog entry asks for something that is not built yet',
  SERVER_START_FAILED: 'a server could not be started, or ended before it answered',
  SERVER_BUSY:
    'all sessions that one kind of client may have with a server were taken for too long',
  CATALOG_UNKNOWN: 'no catalog has that name',
  CATALOG_INVALID: 'a catalog does not have the shape of a catalog',
  TOOL_UNKNOWN: 'no enabled server has a tool of that name',
  CALL_TIMEOUT: 'a server gave no sign of a call for longer than the call may take',
  TOOL_FAILED: 'a tool answered with an error',
  FILE_MISSING: 'a file that the user named does not exist',
  FILE_INVALID: 'a file of the user is not what it should be, with the place in it',
  FILE_DENIED: 'a file may not be read or written by this user',
  FILE_BUSY: 'another process kept a file locked for too long',
  CONFIG_MISSING: 'a server needs a configuration value that is not set',
  SECRET_MISSING: 'a server needs a secret that is not set',
  SECRET_EXPOSED: 'a secret could only be handed over where others can see it',
  ENGINE_UNREACHABLE: 'no Docker engine answers at the chosen endpoint',
  ENGINE_FAILED: 'the Docker engine refused what it was asked',
  ENDPOINT_INVALID: 'the chosen Docker endpoint or context does not exist or is not supported',
  IMAGE_MISSING: 'an image is not on the engine and could not be pulled',
  PORT_IN_USE: 'the port that the gateway should listen on is taken',
  LISTEN_FAILED: 'the gateway may not listen at that address',
  NOT_BUILT: 'a feature that this version does not have yet',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** An error that a person can act on: what happened, why (the cause's text), and what to do next. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
  readonly code: ErrorCode
  /** The next step, as a sentence or a command to type. */
  readonly hint: string | undefined

  /**
   * @param code which kind of refusal, see {@link ERROR_CODES}
   * @param message what happened and why, one clear sentence, with the file, line or name concerned
   * @param options `hint`: the next step; `cause`: the error underneath, kept for `--debug`
   */
  constructor(code: ErrorCode, message: string, options: {hint?: string; cause?: unknown} = {}) {
    super(message, options.cause === undefined ? {} : {cause: options.cause})
    this.code = code
    this.hint = options.hint
  }
}

/** The text of anything that was thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a system error (`ENOENT`, `ECONNREFUSED`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
