import type {LifePolicy} from '../../src/lib/gateway/life-policy.ts'
import {Lives, type ServerLife} from '../../src/lib/gateway/lives.ts'

/** How long a server lives that is left alone: as long as its session. */
export const LASTING: LifePolicy = {
  serves: 'session',
  idleMs: undefined,
  isPinged: false,
  standby: {min: 0, max: 0},
}

/** What a session needs to know of the life of a server that is left alone. */
export function lasting(server = 'demo'): {
  readonly policy: LifePolicy
  readonly life: ServerLife
} {
  return {policy: LASTING, life: new Lives(Date.now).of(server)}
}

/** The same with a container for each call. */
export const FOR_CALLS: LifePolicy = {...LASTING, serves: 'call'}
