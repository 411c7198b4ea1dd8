import {expect} from 'vitest'

/** What keeps this process busy, by kind: timers, sockets, handles. */
export function active(): Record<string, number> {
  const all = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) all.set(kind, (all.get(kind) ?? 0) + 1)
  return Object.fromEntries([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Waits until no more keeps this process busy than before: what was closed goes in a later turn. */
export async function expectActive(before: Readonly<Record<string, number>>): Promise<void> {
  await expect.poll(active).toEqual(before)
}
