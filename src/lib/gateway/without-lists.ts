import type {EraMemory} from './bridge/eras.ts'
import type {Memory} from './memory.ts'
import type {ServersMemory} from './relay/session-input.ts'

/** The same memory without lists: what servers can do is of use also where their lists must be fresh. */
export function withoutLists(memory: Memory): ServersMemory & EraMemory {
  return {
    speaks: (...args) => memory.speaks(...args),
    learn: (...args) => memory.learn(...args),
    recall: (server, client) => {
      const {hello} = memory.recall(server, client)
      return {hello, lists: {}, guesses: {}, isTrusted: false}
    },
    opened: (...args) => memory.opened(...args),
    listed: (...args) => memory.listed(...args),
    nameOf: (...args) => memory.nameOf(...args),
    named: (...args) => memory.named(...args),
  }
}
