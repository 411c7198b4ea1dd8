import type {JsonObject} from '../../base/json.ts'
import {
  failure,
  isResult,
  request,
  result,
  RPC,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import {can} from './pages.ts'
import type {Inquiry, RequestRouter} from './request-router.ts'
import type {ServerLink} from './server-link.ts'

/** The levels of a log, MCP 2025-11-25, logging (RFC 5424). */
export const LEVELS: ReadonlySet<unknown> = new Set([
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
])

/** The log level of a session, for the servers that are there and for those that come. */
export class LogLevel {
  #params: JsonObject | undefined

  /** Takes the client's `logging/setLevel`. A single server answers for itself; several are told. */
  async set(
    message: Request,
    {
      servers: {links, router, isAlone},
      inquiry,
    }: {
      servers: {
        readonly links: readonly ServerLink[]
        readonly router: RequestRouter
        readonly isAlone: boolean
      }
      inquiry: Inquiry
    },
  ): Promise<Response> {
    const params = message.params ?? {}
    if (isAlone) {
      const answer = await router.answer(message, inquiry)
      if (isResult(answer)) this.#params = params
      return answer
    }
    if (!LEVELS.has(params['level'])) {
      return failure(message.id, RPC.invalidParams, `level is none of ${[...LEVELS].join(', ')}`)
    }
    this.#params = params
    for (const link of links) if (link.isOpen) this.tell(link.hello, link)
    return result(message.id, {})
  }

  /** Tells it to a server that has a log. What it answers makes no difference: the client was told that it is done. */
  tell(hello: JsonObject | undefined, server: Pick<ServerLink, 'request'>): void {
    if (!this.#params || !can(hello, 'logging')) return
    server.request(request('level', 'logging/setLevel', this.#params)).catch(() => undefined)
  }
}
