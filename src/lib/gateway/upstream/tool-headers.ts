import {isJsonObject, type Json, type JsonObject} from '../../base/json.ts'
import {oneLine} from '../../base/one-line.ts'
import {paramHeadersOf, type ParamHeader} from '../wire/param-headers.ts'
import type {SizeLimit} from './oversize.ts'

/** A server must not fill our memory page by page. */
const MOST_TOOLS = 10_000
const LONGEST_NAME = 100

/** Which headers the tools of one server want, as far as its lists have gone by. */
export class ToolHeaders {
  readonly #input: SizeLimit
  readonly #tools = new Map<string, readonly ParamHeader[]>()
  readonly #warned = new Set<string>()

  /** @param input the server, and who is told of tools that are left out: of each once */
  constructor(input: SizeLimit) {
    this.#input = input
  }

  /** What a tool wants; undefined for one that no list had, or only in front of the last {@link forget}. */
  of(tool: string): readonly ParamHeader[] | undefined {
    return this.#tools.get(tool)
  }

  /** The list has changed. */
  forget(): void {
    this.#tools.clear()
  }

  /**
   * Learns from a page of `tools/list`.
   * @returns the page without the tools whose annotations are invalid, which must be left out (MCP 2026-07-28,
   *   streamable HTTP, schema extension); the same object when there are none
   */
  admit(page: JsonObject): JsonObject {
    const {tools} = page
    if (!Array.isArray(tools)) return page
    const valid = tools.filter(tool => this.#learn(tool))
    return valid.length === tools.length ? page : {...page, tools: valid}
  }

  /** Whether a tool may be passed on. */
  #learn(tool: Json): boolean {
    if (!isJsonObject(tool)) return true
    const {name} = tool
    const headers = paramHeadersOf(tool['inputSchema'])
    if ('invalid' in headers) {
      this.#warn(typeof name === 'string' ? name : '', headers.invalid)
      return false
    }
    const isFull = this.#tools.size >= MOST_TOOLS
    if (typeof name === 'string' && (!isFull || this.#tools.has(name))) {
      this.#tools.set(name, headers.length === 0 ? NONE : headers)
    }
    return true
  }

  #warn(tool: string, reason: string): void {
    if (this.#warned.has(tool) || this.#warned.size >= MOST_TOOLS) return
    this.#warned.add(tool)
    const name = oneLine(tool.slice(0, LONGEST_NAME))
    this.#input.warn(`the tool ${name} of server ${this.#input.server} is left out: ${reason}`)
  }
}

const NONE: readonly ParamHeader[] = []
