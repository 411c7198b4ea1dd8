import {blockSecrets} from './block-secrets.ts'
import type {Middleware} from './call.ts'
import {checkHeaders} from './check-headers.ts'
import {limitTime} from './deadline.ts'
import {explainFailures} from './explain.ts'
import {logCalls} from './log-calls.ts'
import {validateArguments} from './validate.ts'

export interface PipelineOptions {
  readonly logCalls: boolean
  readonly blockSecrets: boolean
  /** How long a server may leave a call without a sign, in milliseconds; undefined: for ever. */
  readonly timeoutOf: (server: string) => number | undefined
  readonly log: (line: string) => void
  readonly now: () => number
}

/**
 * Everything that governs a call, outermost first; the sending itself (`relay/router.ts`) comes after the last one.
 * What is switched off is not in the list. The order has reasons:
 * - a call that says two different things is not looked at any further;
 * - what refuses a call comes before what watches it: a line of the log stands for a call that was made, and its
 *   time is the server's;
 * - validation only reads, and spares the scan of what is refused anyway;
 * - the scan sees every answer that goes out, those that `explain` makes of errors included;
 * - `explain` is around the limit, whose error it puts into words.
 */
export function assemble(options: PipelineOptions): readonly Middleware[] {
  return [
    checkHeaders(),
    validateArguments(),
    ...(options.blockSecrets ? [blockSecrets()] : []),
    ...(options.logCalls ? [logCalls(options.log, options.now)] : []),
    explainFailures(),
    limitTime(options.timeoutOf),
  ]
}
