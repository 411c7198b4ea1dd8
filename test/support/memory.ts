import type {JsonObject} from '../../src/lib/base/json.ts'
import type {ListsByKind} from '../../src/lib/gateway/relay/list-state.ts'
import type {ServersMemory} from '../../src/lib/gateway/relay/session-input.ts'

/**
 * A memory that keeps nothing of what it is told.
 * @param hellos what servers are known to have answered to `initialize`, by name
 * @param lists what servers are known to have listed, by name
 * @param isTrusted whether that is good enough not to start servers for a list
 * @param names the names under which items were shown, by `server name`
 */
export function fixedMemory(
  hellos: Readonly<Record<string, JsonObject>> = {},
  lists: Readonly<Record<string, ListsByKind>> = {},
  names: Readonly<Record<string, string>> = {},
  isTrusted = false,
): ServersMemory {
  return {
    recall: server => ({
      hello: hellos[server],
      lists: lists[server] ?? {},
      guesses: {},
      isTrusted,
    }),
    opened: () => undefined,
    listed: () => undefined,
    nameOf: (_kind, {server, name}) => names[`${server} ${name}`],
    named: () => undefined,
  }
}
