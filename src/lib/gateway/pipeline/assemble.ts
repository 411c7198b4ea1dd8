import {blockSecrets} from './block-secrets.ts'
import type {Middleware} from './call.ts'
import {explainFailures} from './explain.ts'
import {logCalls} from './log-calls.ts'

export interface PipelineOptions {
  readonly logCalls: boolean
  readonly blockSecrets: boolean
  readonly log: (line: string) => void
  readonly now: () => number
}

/** Everything that governs a call, outermost first. What is switched off is not in the list. */
export function assemble(options: PipelineOptions): readonly Middleware[] {
  return [
    ...(options.blockSecrets ? [blockSecrets()] : []),
    ...(options.logCalls ? [logCalls(options.log, options.now)] : []),
    explainFailures(),
  ]
}
