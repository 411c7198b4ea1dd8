import {expect} from 'vitest'

/** What keeps this process busy, by kind: timers, sockets, handles. */
export function active(): Record<string, number> {
  const all = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) all.set(kind, (all.get(kind) ?? 0) + 1)
  return Object.fromEntries([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** The timer of whoever waits here; that of the reports of tests may be there before, or not. */
const OWN_TIMERS = 1

/** Waits until no more keeps this process busy than before: what was closed goes in a later turn. */
export async function expectActive(before: Readonly<Record<string, number>>): Promise<void> {
  const more = () =>
    Object.entries(active()).filter(
      ([kind, count]) => count > (before[kind] ?? 0) + (kind === 'Timeout' ? OWN_TIMERS : 0),
    )
  await expect.poll(more).toEqual([])
}
