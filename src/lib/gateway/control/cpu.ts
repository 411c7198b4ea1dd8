import type {ContainerState} from './state.ts'

type Look = Pick<ContainerState, 'cpuNanos' | 'measuredAt'>

/**
 * What a container used of the processor between two looks at it.
 * @returns per cent of one core, so 200 for two that are busy; undefined when the looks do not tell: one has no
 *   figures, no time is between them, or the container was started anew
 */
export function cpuPercent(before: Look | undefined, now: Look): number | undefined {
  if (before?.cpuNanos === undefined || before.measuredAt === undefined) return undefined
  if (now.cpuNanos === undefined || now.measuredAt === undefined) return undefined
  const milliseconds = Date.parse(now.measuredAt) - Date.parse(before.measuredAt)
  const used = now.cpuNanos - before.cpuNanos
  if (!(milliseconds > 0) || used < 0) return undefined
  return (used / (milliseconds * 1e6)) * 100
}
