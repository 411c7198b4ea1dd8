import * as z from 'zod'
import {pathOf} from './api-path.ts'
import {type Connection, expectAnswer} from './connection.ts'
import type {ContainerStats} from './engine.ts'

const amount = z.number().nonnegative()

/** `GET /containers/{id}/stats`; a container that does not run has the same members with nothing in them. */
export const statsAnswer = z
  .object({
    read: z.string(),
    memory_stats: z.object({
      usage: amount.nullish(),
      limit: amount.nullish(),
      stats: z.record(z.string(), z.number()).nullish(),
    }),
    cpu_stats: z.object({cpu_usage: z.object({total_usage: amount})}),
  })
  .transform(({read, memory_stats: memory, cpu_stats: cpu}): ContainerStats | undefined => {
    const at = new Date(read)
    if (memory.usage == null || memory.usage === 0 || Number.isNaN(at.getTime())) return undefined
    return {
      memoryBytes: withoutCache(memory.usage, memory.stats ?? {}),
      ...(memory.limit != null && memory.limit > 0 && {memoryLimitBytes: memory.limit}),
      cpuNanos: cpu.cpu_usage.total_usage,
      at,
    }
  })

/**
 * What the kernel can take back at once does not count, as `docker stats` has it: files that were read, which are
 * told under another name with control groups of version 1.
 */
function withoutCache(usage: number, stats: Readonly<Record<string, number>>): number {
  const cache = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0
  return cache > 0 && cache < usage ? usage - cache : usage
}

/**
 * Asks once what a container takes (`GET /containers/{id}/stats`, from API 1.41 without the second look that would
 * take one more second). The engine looks once a second, so this takes up to one.
 * @returns undefined when it does not run
 * @throws PluginError ENGINE_FAILED with the engine's reason; ENGINE_UNREACHABLE; the signal's reason
 */
export async function containerStats(
  connection: Connection,
  id: string,
  signal?: AbortSignal,
): Promise<ContainerStats | undefined> {
  const answer = await connection.ask({
    method: 'GET',
    path: `/containers/${pathOf(id)}/stats`,
    query: {stream: '0', 'one-shot': '1'},
    signal,
  })
  // 409: it is not running any more.
  if (answer.status === 404 || answer.status === 409) return undefined
  return expectAnswer(answer, statsAnswer, 'tell what the container takes')
}
