import type {JsonObject} from '../../base/json.ts'
import {request} from '../wire/jsonrpc.ts'
import type {Link} from './link.ts'
import {can} from './pages.ts'

/** The log level of a session (MCP 2025-11-25, logging), for the servers that are there and for those that come. */
export class LogLevel {
  #params: JsonObject | undefined

  /** Takes what the client asked for in `logging/setLevel`. */
  keep(params: JsonObject | undefined): void {
    this.#params = params ?? {}
  }

  /** Tells it to a server that is open and has a log. */
  tell(link: Link): void {
    if (!this.#params || !link.isOpen || !can(link.hello, 'logging')) return
    // What it answers makes no difference: the client was told that it is done.
    link.request(request('level', 'logging/setLevel', this.#params)).catch(() => undefined)
  }
}
