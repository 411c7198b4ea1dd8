import type {JsonObject} from '../../src/lib/base/json.ts'
import type {ListsByKind} from '../../src/lib/gateway/relay/lists.ts'
import type {ServersMemory} from '../../src/lib/gateway/relay/session-input.ts'

/**
 * A memory that keeps nothing of what it is told.
 * @param hellos what servers are known to have answered to `initialize`, by name
 * @param lists what servers are known to have listed, by name
 */
export function fixedMemory(
  hellos: Readonly<Record<string, JsonObject>> = {},
  lists: Readonly<Record<string, ListsByKind>> = {},
): ServersMemory {
  return {
    recall: server => ({hello: hellos[server], lists: lists[server] ?? {}}),
    opened: () => undefined,
    listed: () => undefined,
    nameOf: () => undefined,
    named: () => undefined,
  }
}
