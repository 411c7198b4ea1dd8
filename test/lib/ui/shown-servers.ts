import * as fc from 'fast-check'
import type {ShownServer} from '../../../src/lib/ui/status-cells.ts'

/** The moment at which the screens of the tests are drawn. */
export const NOW = Date.parse('2026-11-21T12:00:00Z')

/** ISO 8601 of so many seconds before. */
export function before(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString()
}

/** A server that sleeps, but for what is said of it. */
export function shownServer(more: Partial<ShownServer> & {readonly name: string}): ShownServer {
  return {state: 'sleeping', containers: [], standby: 0, ...more}
}

/** A container that has run for 90 seconds. */
export function shownContainer(more: Partial<ShownServer['containers'][number]> = {}) {
  return {id: '3f2a9c1b77de', name: 'mcp-one', since: before(90), use: 'serving', ...more}
}

const time = fc.integer({min: 0, max: 1e7}).map(before)
const size = fc.integer({min: 0, max: 2 ** 45})
const maybe = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(value).map(chosen => (chosen === null ? {} : {[key]: chosen}))

/** Any server, its texts as hostile as those of others may be. */
export const anyServer: fc.Arbitrary<ShownServer> = fc
  .record({
    name: fc.oneof(fc.string({minLength: 1, maxLength: 60}), fc.constantFrom('github', 'fetch')),
    state: fc.constantFrom(
      'starting',
      'ready',
      'idle',
      'failed',
      'sleeping',
      'not pulled',
      'blocked',
    ),
    containers: fc.array(
      fc.record({id: fc.string(), name: fc.string(), since: time, use: fc.constant('serving')}),
      {maxLength: 3},
    ),
    standby: fc.constant(0),
    more: fc
      .tuple(
        maybe('memoryBytes', size),
        maybe('cpuPercent', fc.double({min: 0, max: 1e4, noNaN: true})),
        maybe('restarts', fc.nat()),
        maybe('lastUsedAt', fc.oneof(time, fc.constant('never'))),
        maybe('lastError', fc.record({message: fc.string(), at: time})),
        maybe('reason', fc.string({maxLength: 2000, unit: 'binary'})),
        maybe('next', fc.string({maxLength: 200})),
        maybe('at', time),
      )
      .map(parts => Object.assign({}, ...parts) as Partial<ShownServer>),
  })
  .map(({more, ...server}) => ({...server, ...more}))
