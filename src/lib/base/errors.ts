/**
 * Every way this program can refuse, by name. The name is stable (scripts match on it), the sentence says
 * when it is used and becomes its heading in docs/errors.md.
 */
export const ERROR_CODES = {
  USAGE: 'the command line is not one this program knows',
  SERVER_UNKNOWN:
    'no catalog has a server of that name, it is not enabled, or no running gateway serves it',
  SERVER_UNSUPPORTED: 'a server asks for something that this version or its image does not allow',
  SERVER_START_FAILED:
    'a server could not be started, or did not stay up; what it was to be asked was not sent',
  SERVER_ENDED: 'a server ended before it answered a call, which it may have done',
  SERVER_BUSY:
    'all that may run of a server for one kind of client was taken for too long, or too many wait',
  CATALOG_UNKNOWN: 'no catalog has that name',
  CATALOG_EXISTS: 'there is a catalog of that name, or a server of that name in it, already',
  PROFILE_UNKNOWN: 'no profile has that id',
  PROFILE_EXISTS: 'a profile of that id is there already',
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
  SECRET_UNKNOWN: 'no store has a secret of that name',
  STORE_UNUSABLE: 'a store of secrets is not known, cannot be used here, or cannot be changed',
  SECRET_LOCKED:
    'secrets are encrypted, and their key or passphrase is not there or not the right one',
  SECRET_INVALID: 'the name or the value of a secret cannot be kept',
  SECRET_EXPOSED: 'a secret could only be handed over where others can see it',
  ENGINE_UNREACHABLE: 'no Docker engine answers at the chosen endpoint',
  ENGINE_FAILED: 'the Docker engine refused what it was asked',
  ENDPOINT_INVALID: 'the chosen Docker endpoint or context does not exist or is not supported',
  IMAGE_MISSING: 'an image is not on the engine and could not be pulled',
  CREDENTIALS_FAILED: 'the login of a registry could not be got from docker’s credential helper',
  SIGNATURE_INVALID: 'an image has no signature by a key that counts for it',
  ADDRESS_REFUSED: 'an address may not be asked: it is not https, or its host is not a public one',
  FETCH_FAILED: 'a host or registry elsewhere did not give what it was asked for',
  PORT_IN_USE: 'the port that the gateway should listen on is taken',
  LISTEN_FAILED: 'the gateway may not listen at that address',
  GATEWAY_START_FAILED: 'a gateway was started in the background and ended before it was ready',
  GATEWAY_RUNNING:
    'a gateway of that name runs already, with other flags than were given, or for another profile or engine',
  GATEWAY_UNREACHABLE: 'no gateway of this user runs, or one that does gives no answer',
  CANCELLED: 'a person did not answer a question, or answered it with no',
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
