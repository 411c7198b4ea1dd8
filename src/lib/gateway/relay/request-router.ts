import {unlessAborted} from '../../base/async.ts'
import type {JsonObject} from '../../base/json.ts'
import type {Owner} from '../directory.ts'
import type {Caller} from '../pipeline/call.ts'
import type {Mirrored} from '../upstream/upstream.ts'
import type {Notification, Request, Response} from '../wire/jsonrpc.ts'
import type {Own} from './exposures.ts'
import type {Lists} from './lists.ts'

/** What comes with a request besides the message. */
export interface Inquiry {
  readonly caller: Caller
  /** Aborted when the client gives up; what it then gets is nobody's answer. */
  readonly signal: AbortSignal
  /** What the client has put into headers besides; undefined where there are none. */
  readonly mirrored?: Mirrored | undefined
}

/** Finds out whom the messages of clients are meant for. */
export interface RequestRouter {
  /** @throws Cancelled when the client gave up */
  answer(message: Request, inquiry: Inquiry): Promise<Response>
  /**
   * The servers that each URI may be of, with their own forms of it: of all, when nobody is known to have it. Servers
   * are asked for their lists once for all of the URIs.
   */
  owners(uris: readonly string[]): Promise<readonly (readonly Own[])[]>
  /** Whose task an id means; undefined when it can be nobody's. */
  task(id: string): Own | undefined
  /** A server's notification, or its request, as the client is to see it. */
  toClient<T extends Notification | Request>(server: string, message: T): T
  /** The client's answer to a server's request, as the server is to see it. */
  toServer(message: Response): Response
}

/** A tool as its server lists it. Whoever mirrors arguments into headers has them compared, and needs it known. */
export async function definitionOf(
  lists: Lists,
  {server, name}: Owner,
  {mirrored}: Inquiry,
): Promise<JsonObject | undefined> {
  const known = lists.definition(server, name)
  if (known || !mirrored) return known
  await lists.asked(server, 'tools', {isNeeded: false})
  return lists.definition(server, name)
}

/**
 * The same for whoever decides by it: the server is asked, and started for that, until it has said in this session how
 * the tool is defined.
 * @returns a function that gives undefined for a tool that the server does not list; it throws PluginError when the
 *   server cannot be asked, and the signal's reason
 */
export function defining(
  lists: Lists,
  {server, name}: Owner,
  {signal}: Inquiry,
): () => Promise<JsonObject | undefined> {
  return async () => {
    const known = lists.definition(server, name)
    if (known || lists.isConfirmed(server, 'tools')) return known
    await unlessAborted(lists.asked(server, 'tools', {isNeeded: true}), signal)
    return lists.definition(server, name)
  }
}
