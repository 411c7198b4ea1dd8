import type {Id, Message} from '../wire/jsonrpc.ts'

/**
 * The `Mcp-Param-*` headers of a modern client, by their names in lower case, with their values as they came (MCP
 * 2026-07-28, streamable HTTP, custom headers).
 */
export type Mirrored = ReadonlyMap<string, string>

/** A running server at the other end of one connection that belongs to one client session. */
export interface Upstream extends AsyncDisposable {
  /** @param mirrored what the client has put into headers, for a server that is reached over HTTP, too */
  send(message: Message, mirrored?: Mirrored): void
  /** Masks the server's secrets in what it has said, before that is put into words of ours. */
  redact(text: string): string
  /** Settles when the server is gone, by itself or because it was disposed of. Never rejects. */
  readonly closed: Promise<CloseReason>
}

/**
 * Where a message came from: the stream that answers a request, or the one for what belongs to none (MCP 2025-11-25,
 * transports). Undefined where all messages come the same way.
 */
export type Origin = {readonly request: Id} | 'alone' | undefined

/** What a server sends, in order. */
export type MessageListener = (message: Message, origin?: Origin) => void

/** How a server ended, for the error of whoever was waiting on it. */
export interface CloseReason {
  /** One clause, such as "ended with exit code 3". */
  readonly what: string
  /** The last lines the server wrote to stderr, secrets masked. */
  readonly stderr: readonly string[]
  /** The first line on stdout that was no message, if there was one. */
  readonly junk: string | undefined
  /** The requests that the server refused for no other reason than its end, or never saw: they may be sent again. */
  readonly refused?: ReadonlySet<Id> | undefined
}

/** Opens a server for one session. Rejects with a PluginError that names the server, the cause and the next step. */
export type OpenUpstream = (input: {
  readonly session: string
  readonly onMessage: MessageListener
  readonly signal: AbortSignal
}) => Promise<Upstream>

/**
 * How a server is opened in each of the protocol's two eras. Over stdio both are the same; over HTTP they are
 * different transports.
 */
export interface Openers {
  /** With `initialize` and a session. */
  readonly legacy: OpenUpstream
  /** Every request carries what it needs (MCP 2026-07-28). Undefined where that cannot be. */
  readonly modern: OpenUpstream | undefined
  /** Whether every message of a session says which request it belongs to, as over streamable HTTP. */
  readonly tellsOrigin: boolean
}
