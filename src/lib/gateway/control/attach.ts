import {randomBytes} from 'node:crypto'
import type {IncomingMessage} from 'node:http'
import type {Duplex} from 'node:stream'
import {withDeadline} from '../../base/async.ts'
import {messageOf, PluginError} from '../../base/errors.ts'
import {serveStdio, type StdioClient} from '../downstream/stdio.ts'
import type {Exchange} from '../modern/exchange.ts'
import {clientName} from '../pipeline/call.ts'
import type {Downstream} from '../relay/session-input.ts'
import type {Session} from '../relay/session.ts'
import type {Notification, Response} from '../wire/jsonrpc.ts'
import {META, metaOf} from '../wire/meta.ts'

/** What a connection to the control socket becomes that asks for it: the stdio transport, one message a line. */
export const ATTACH_PROTOCOL = 'mcp-stdio'
export const ATTACH_PATH = '/attach'

export interface AttachInput {
  /** Throws the PluginError of a client that is not to come in under the name that it says. */
  readonly admit: (client: string | undefined) => void
  readonly openSession: (id: string, downstream: Downstream, client?: string) => Session
  /** Answers one request of a revision without sessions. */
  readonly answer: (exchange: Exchange, client?: string) => Promise<Response>
  readonly notify: (message: Notification, client?: string) => void
  readonly maxMessageBytes: number
  readonly warn: (text: string) => void
}

const MOST_ATTACHED = 200
/** What answers may take that are under way when the client has said its last word. */
const LAST_ANSWERS_MS = 1500
/** What a client may take to take what is left for it when the gateway ends. */
const LAST_WORDS_MS = 500

/**
 * Clients that come through the control socket, in `gateway connect`. Who may open that socket is this user, so that no
 * token is asked for. The first bytes are an HTTP request with `Upgrade`; everything after it is the stdio transport, so
 * that whatever passes there passes here.
 */
export class AttachedClients implements AsyncDisposable {
  readonly #input: AttachInput
  readonly #open = new Map<Duplex, StdioClient>()
  /** What they have called themselves the last time that they asked something without a session. */
  readonly #names = new Map<StdioClient, string>()
  #isStopped = false

  constructor(input: AttachInput) {
    this.#input = input
  }

  /** What the clients that are connected without a session call themselves, in the order in which they came. */
  get withoutSession(): readonly string[] {
    return [...this.#names].flatMap(([{session}, name]) =>
      session.clientName === undefined ? name : [],
    )
  }

  /**
   * Takes over a connection. Never throws.
   * @param head what came behind the request already
   */
  attach(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client that leaves is no news; `close` follows.
    socket.on('error', () => undefined)
    const url = URL.parse(`http://gateway${request.url}`)
    if (url?.pathname !== ATTACH_PATH || request.headers.upgrade !== ATTACH_PROTOCOL) {
      return refuse(socket, '404 Not Found')
    }
    if (this.#isStopped || this.#open.size >= MOST_ATTACHED) {
      return refuse(socket, '503 Service Unavailable')
    }
    try {
      const client = url.searchParams.get('client') || undefined
      this.#input.admit(client)
      this.#serve(socket, head, client)
    } catch (error) {
      if (error instanceof PluginError) return refuse(socket, '403 Forbidden', error)
      // The gateway is about to stop.
      this.#input.warn(`! a client was not let in: ${messageOf(error)}`)
      socket.destroy()
    }
  }

  /** Answers what is under way, and lets clients read that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    await Promise.all(
      [...this.#open].map(async ([socket, client]) => {
        // What is in flight is answered at once, and before anything that takes time.
        void this.#close(client)
        const read = new Promise<void>(resolve => void socket.end(resolve))
        await withDeadline(read, LAST_WORDS_MS, late).catch(() => undefined)
        socket.destroy()
      }),
    )
  }

  #serve(socket: Duplex, head: Buffer, name: string | undefined): void {
    const {openSession, answer, notify, warn, maxMessageBytes} = this.#input
    const id = randomBytes(16).toString('base64url')
    if (head.length > 0) socket.unshift(head)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${ATTACH_PROTOCOL}\r\n\r\n`,
    )
    const client = serveStdio({
      stdin: socket,
      write: line => void socket.write(line),
      unreadBytes: () => socket.writableLength,
      onStuck: () => socket.destroy(),
      warn,
      maxMessageBytes,
      openSession: downstream => openSession(id, downstream, name),
      answer: exchange => {
        this.#names.set(client, clientName(metaOf(exchange.request.params)[META.client]))
        return answer(exchange, name)
      },
      notify: message => notify(message, name),
    })
    this.#open.set(socket, client)
    this.#names.set(client, clientName(undefined))
    socket.once('end', () => {
      void withDeadline(client.idle(), LAST_ANSWERS_MS, late)
        .catch(() => undefined)
        .finally(() => socket.end())
    })
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#names.delete(client)
      void this.#close(client)
    })
  }

  /** Never rejects. */
  async #close(client: StdioClient): Promise<void> {
    client[Symbol.dispose]()
    await client.session.close().catch((error: unknown) => {
      this.#input.warn(`! a session did not end cleanly: ${messageOf(error)}`)
    })
  }
}

/** @param why what the client is to be told, as other refusals of the control socket are */
function refuse(socket: Duplex, status: string, why?: PluginError): void {
  const {code, message, hint} = why ?? {}
  const body = why ? JSON.stringify({code, message, hint}) : ''
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function late(): Error {
  return new Error('too late')
}
