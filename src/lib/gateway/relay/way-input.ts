import type {PluginError} from '../../base/errors.ts'
import type {LifePolicy} from '../life-policy.ts'
import type {ServerLife} from '../lives.ts'
import type {Request} from '../wire/jsonrpc.ts'
import type {Connection} from './connection.ts'
import type {Restarts} from './restarts.ts'

/** What belongs to an open server. */
export interface Opened {
  readonly connection: Connection
}

/** How a server is to be opened. */
export interface Opening<C> {
  /** What whoever opens it first has given. */
  readonly context: C
  /** Aborted when it need not be there any more, also after it was opened. */
  readonly signal: AbortSignal
  /** To be called as soon as there is something to end. */
  readonly onDialled: (connection: Connection) => void
}

/** What a way need not be told of what it serves is a session. */
export type WayPolicy = Pick<LifePolicy, 'idleMs' | 'isPinged'> &
  Partial<Pick<LifePolicy, 'serves'>>

export interface WayInput<L extends Opened, C> {
  readonly server: string
  readonly policy: WayPolicy
  readonly life: ServerLife
  readonly restarts: Restarts
  readonly open: (opening: Opening<C>) => Promise<L>
  /** What is told of a cause that kept it from being opened. */
  readonly errorOf: (cause: unknown) => Error
  /** Whether an error is a reason not to open the server again soon. */
  readonly isFailure?: (error: Error) => boolean
  /** Whether somebody relies on what runs, also when nothing is in flight. */
  readonly isKept: () => boolean
  /** What it is asked to see whether it is there; `ping`, unless that is given. */
  readonly ping?: (live: L) => Request
  readonly events: WayEvents<L>
}

export interface WayEvents<L> {
  /** It is open; nothing was asked of it yet. */
  onOpened(live: L): void
  /** What was open is gone, whether it was put to sleep or lost. */
  onEnded(live: L): void
  /** The server could not be opened, or ended by itself; the next request opens it again. */
  onFailed(error: PluginError): void
}
