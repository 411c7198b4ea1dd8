import type {ConnectedSpec} from '../model/server.ts'

/** How long containers of servers live that say nothing of it. */
export interface LifeDefaults {
  /** After which a container that nobody uses is stopped; undefined: never. */
  readonly idleMs: number | undefined
  /** Containers live as long as their sessions. */
  readonly longLived: boolean
  readonly standby: StandbySize
}

/** How many containers of one server are kept ready. */
export interface StandbySize {
  /** Always. */
  readonly min: number
  /** While the server is in use. */
  readonly max: number
}

/** How long containers of one server live. */
export interface LifePolicy {
  /** What one container serves: one call, or a session. */
  readonly serves: 'call' | 'session'
  /** After which a session's container is stopped when nobody uses it; undefined: not before the session ends. */
  readonly idleMs: number | undefined
  /** Whether it is asked now and then if it is still there: a container of ours that hangs is ended. */
  readonly isPinged: boolean
  readonly standby: StandbySize
}

/** Calls come in handfuls: so many of a server with a container for each are kept ready while it is used. */
const STANDBY_FOR_CALLS = 4

/** How long the containers of a server live, by its entry and by what holds for those that say nothing. */
export function lifePolicy(
  {kind, longLived, ephemeral, idleTimeout, standby = {}}: ConnectedSpec,
  defaults: LifeDefaults,
): LifePolicy {
  if (kind !== 'container') return NO_CONTAINER
  // What the entry says itself counts more than what holds for all.
  const byDefault = defaults.longLived ? undefined : defaults.idleMs
  const idleMs = idleTimeout === undefined ? byDefault : idleTimeout * 1000 || undefined
  const {min = Math.min(defaults.standby.min, standby.max ?? Infinity)} = standby
  const usual = ephemeral ? Math.max(defaults.standby.max, STANDBY_FOR_CALLS) : defaults.standby.max
  const max = Math.max(min, standby.max ?? (defaults.standby.max === 0 ? 0 : usual))
  return {
    serves: ephemeral ? 'call' : 'session',
    idleMs: longLived ? undefined : idleMs,
    isPinged: true,
    standby: {min, max},
  }
}

/** What does not run in a container of ours lives as it likes, or not at all, or no longer than each call. */
export const NO_CONTAINER: LifePolicy = {
  serves: 'session',
  idleMs: undefined,
  isPinged: false,
  standby: {min: 0, max: 0},
}
