import type {PluginError} from '../../base/errors.ts'
import type {Listed} from '../directory.ts'
import type {LifePolicy} from '../life-policy.ts'
import type {ServerLife} from '../lives.ts'
import type {Memory} from '../memory.ts'
import type {Handler} from '../pipeline/call.ts'
import type {OpenUpstream} from '../upstream/upstream.ts'
import type {Id, Message} from '../wire/jsonrpc.ts'
import type {Allows} from './list-state.ts'
import type {Kind} from './pages.ts'

/** The client's end of a session. */
export interface Downstream {
  /**
   * Sends a message to the client.
   * @param about the client's request that it belongs to, which decides the stream over HTTP
   */
  send(message: Message, about?: Id): void
  /** A request that will get no answer, because the client cancelled it. */
  drop(about: Id): void
}

/** One server as a session needs it. */
export interface SessionServer {
  readonly name: string
  readonly prefix: string | undefined
  readonly allows: Allows
  readonly open: OpenUpstream
  readonly startTimeoutMs: number
  readonly policy: LifePolicy
  readonly life: ServerLife
  /** Its last start failed: nobody should wait long for it. */
  readonly isDoubtful?: boolean
  /** As it is configured it cannot be started. */
  readonly isBroken?: boolean
}

/** What is remembered of servers, and told of them for later sessions. */
export type ServersMemory = Pick<Memory, 'recall' | 'opened' | 'listed' | 'nameOf' | 'named'>

export interface SessionInput {
  readonly id: string
  readonly version: string
  readonly servers: readonly SessionServer[]
  readonly memory: ServersMemory
  readonly downstream: Downstream
  /** Wraps the sending of a governed call with everything that governs it. */
  readonly govern: (send: Handler) => Handler
  readonly patienceMs: number
  readonly now: () => number
  readonly events: SessionEvents
  readonly onClose: () => void
}

/** News of a session that concern the whole gateway. */
export interface SessionEvents {
  onOpened(server: string): void
  onFailed(server: string, error: PluginError): void
  onListed(server: string, kind: Kind, count: number): void
  /** A client is shown the tools that these servers list. */
  onTools(listed: readonly Listed[]): void
  /** Something that a person may want to know; no part of it is made fit for a log. */
  onWarning(text: string): void
}
