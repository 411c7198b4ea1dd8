import type {Fleet} from '../../src/lib/gateway/upstream/fleet.ts'

/** A fleet that opens servers this way, and has no containers. */
export function fakeFleet(openers: Fleet['openers']): Fleet {
  return {
    openers,
    ensureImage: () => Promise.reject(new Error('there are no images here')),
    begin: async () => undefined,
    flush: async () => undefined,
    forget: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
}
