import type {MessageListener, Upstream} from '../upstream/upstream.ts'
import type {Connection} from './connection.ts'
import type {Opening} from './way-input.ts'

export interface Dialling extends Pick<Opening<unknown>, 'signal' | 'onDialled'> {
  readonly open: (onMessage: MessageListener) => Promise<Upstream>
  readonly make: (upstream: Upstream) => Connection
}

/**
 * Connects to a server, which is asked nothing yet.
 * @throws what keeps it from being opened; the signal's reason, when it arrives too late
 */
export async function dial({open, make, signal, onDialled}: Dialling): Promise<Connection> {
  let connection: Connection | undefined
  // A server has nothing to say before it is asked something.
  const upstream = await open((message, origin) => connection?.receive(message, origin))
  connection = make(upstream)
  onDialled(connection)
  if (!signal.aborted) return connection
  await connection.dispose()
  throw signal.reason
}
