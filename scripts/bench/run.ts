import {Scope} from '../../src/lib/base/scope.ts'
import {runMain} from '../process.ts'

/** Runs a benchmark with a scope of its own, which is closed also when a signal ends the run. */
export function runBench(bench: (scope: Scope) => Promise<void>): Promise<void> {
  return runMain(async () => {
    await using scope = new Scope()
    const stop = () => void scope.close().finally(() => process.exit(1))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
    await bench(scope)
    return 0
  })
}
