import {PluginError} from '../../base/errors.ts'
import {oneLine} from '../../base/one-line.ts'
import type {Call, Middleware} from './call.ts'

/** A person who is asked by a server gets at least this, in milliseconds. */
const ANSWER_MS = 3_600_000

/**
 * Gives every call a limit: when a server says nothing on a call for so long, the call is cancelled there and fails.
 * The clock starts when the call is sent, since a start has limits of its own, and again with every sign that the
 * server works on it. While the user is asked something it allows an hour.
 * @param timeoutOf the limit of a server in milliseconds; undefined: none
 */
export function limitTime(timeoutOf: (server: string) => number | undefined): Middleware {
  return next =>
    async function timed(call) {
      const limit = timeoutOf(call.server)
      if (limit === undefined) return next(call)
      const {signal} = call
      const expiry = new AbortController()
      const giveUp = () => expiry.abort(signal.reason)
      signal.addEventListener('abort', giveUp)
      if (signal.aborted) giveUp()
      let timer: NodeJS.Timeout | undefined
      const onProgress = (isUserAsked: boolean) => {
        clearTimeout(timer)
        const allowed = isUserAsked ? Math.max(limit, ANSWER_MS) : limit
        timer = setTimeout(() => expiry.abort(tooLate(call, allowed)), allowed)
        call.onProgress?.(isUserAsked)
      }
      try {
        return await next({...call, signal: expiry.signal, onProgress})
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
      }
    }
}

function tooLate({server, kind, name}: Call, milliseconds: number): PluginError {
  return new PluginError(
    'CALL_TIMEOUT',
    oneLine(`${kind} ${name} of server ${server} gave no sign for ${milliseconds / 1000} s`),
    {hint: 'allow more with callTimeout in its catalog entry, or --call-timeout; both in seconds'},
  )
}
