import {PluginError} from '../../base/errors.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {nameTable, type Listed, type NameTable} from '../directory.ts'
import {isResult, request, RPC} from '../wire/jsonrpc.ts'
import type {Link} from './link.ts'

/** The four lists of MCP: how each is asked for, and which capability a server needs to have it. */
const KINDS = {
  tools: {method: 'tools/list', key: 'tools', capability: 'tools'},
  prompts: {method: 'prompts/list', key: 'prompts', capability: 'prompts'},
  resources: {method: 'resources/list', key: 'resources', capability: 'resources'},
  templates: {
    method: 'resources/templates/list',
    key: 'resourceTemplates',
    capability: 'resources',
  },
} as const

export type Kind = keyof typeof KINDS

/** A server of a session, in configured order. */
export interface ListedServer {
  readonly link: Link
  readonly prefix: string | undefined
  /** Whether the configuration lets a client see and call this tool; undefined means all of them. */
  readonly allows: (tool: string) => boolean
}

export interface ListsOptions {
  /** How long a list waits for a server; one that answers later is announced by a list change. */
  readonly patienceMs: number
  /** A server answered after the list it was missing from had gone out. */
  readonly onLate: (kind: Kind) => void
  /** A server answered a list. */
  readonly onListed: (server: string, kind: Kind, count: number) => void
}

/** A page that a server sends again and again would keep us reading for ever. */
const MOST_PAGES = 1000

/** What the servers of one session list: asked in parallel, all pages, kept until the server says they changed. */
export class Lists {
  readonly #servers: readonly ListedServer[]
  readonly #options: ListsOptions
  readonly #asked = new Map<string, Promise<void>>()
  readonly #answered = new Map<string, Answer>()
  readonly #tables = new Map<Kind, NameTable>()
  #turn = 0

  constructor(servers: readonly ListedServer[], options: ListsOptions) {
    this.#servers = servers
    this.#options = options
  }

  /**
   * Asks every server that has not answered yet and gives what is known when all have answered or failed, or when
   * patience is over. One that fails is left out; it is asked again the next time.
   */
  async collect(kind: Kind): Promise<readonly Listed[]> {
    await Promise.all(this.#servers.map(server => this.#answerInTime(server, kind)))
    return this.known(kind)
  }

  /** What is known now, without asking anybody. */
  known(kind: Kind): readonly Listed[] {
    return this.#servers.map(({link, prefix}) => ({
      server: link.server,
      prefix,
      items: this.#answered.get(keyOf(link, kind))?.items ?? [],
    }))
  }

  /** The servers that have not answered a list, because they are slow or do not start. */
  unanswered(kind: Kind): readonly string[] {
    return this.#servers
      .filter(({link}) => !this.#answered.has(keyOf(link, kind)))
      .map(({link}) => link.server)
  }

  /** The exposed names, from what every server lists. */
  async table(kind: 'tools' | 'prompts'): Promise<NameTable> {
    const table = nameTable(await this.collect(kind), this.#tables.get(kind))
    this.#tables.set(kind, table)
    return table
  }

  /** The exposed names as they were last made, for a call that must not wait; undefined before the first. */
  shown(kind: 'tools' | 'prompts'): NameTable | undefined {
    return this.#tables.get(kind)
  }

  /** A server said that a list has changed: it is asked again, and until then its last answer counts. */
  forget(server: string, kind: Kind): void {
    for (const {link} of this.#servers) {
      if (link.server === server) this.#asked.delete(keyOf(link, kind))
    }
  }

  async #answerInTime(server: ListedServer, kind: Kind): Promise<void> {
    let late = false
    const answer = this.#ask(server, kind).then(
      () => late && this.#options.onLate(kind),
      // Whoever opened the server has reported why; the list goes on without it.
      () => undefined,
    )
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>(resolve => {
      timer = setTimeout(() => {
        late = true
        resolve()
      }, this.#options.patienceMs)
    })
    await Promise.race([answer, patience])
    clearTimeout(timer)
  }

  #ask(server: ListedServer, kind: Kind): Promise<void> {
    const key = keyOf(server.link, kind)
    const asked = this.#asked.get(key)
    if (asked) return asked
    const turn = ++this.#turn
    const answer = this.#fetch(server, kind).then(
      items => this.#keep(server.link, kind, {turn, items}),
      (error: unknown) => {
        if (this.#asked.get(key) === answer) this.#asked.delete(key)
        throw error
      },
    )
    this.#asked.set(key, answer)
    return answer
  }

  /** An answer that was asked for before a change may arrive after the one that was asked for since. */
  #keep(link: Link, kind: Kind, answer: Answer): void {
    const key = keyOf(link, kind)
    if ((this.#answered.get(key)?.turn ?? 0) > answer.turn) return
    this.#answered.set(key, answer)
    this.#options.onListed(link.server, kind, answer.items.length)
  }

  async #fetch({link, allows}: ListedServer, kind: Kind): Promise<readonly JsonObject[]> {
    if (!can(await link.ready(), KINDS[kind].capability)) return []
    const items = await fetchPages(link, kind)
    return kind === 'tools'
      ? items.filter(({name}) => typeof name === 'string' && allows(name))
      : items
  }
}

interface Answer {
  /** Later askings have greater numbers. */
  readonly turn: number
  readonly items: readonly JsonObject[]
}

function keyOf(link: Link, kind: Kind): string {
  return `${kind} ${link.server}`
}

/** Whether a server said in its answer to `initialize` that it has this capability. */
export function can(hello: JsonObject | undefined, capability: string): boolean {
  const capabilities = hello?.['capabilities']
  return isJsonObject(capabilities) && Boolean(capabilities[capability])
}

/**
 * All pages of one list. A cursor that comes a second time ends the reading. A server that does not know the method
 * has nothing to list: many have resources, but no templates.
 * @throws PluginError when the server answers with any other error
 */
async function fetchPages(link: Link, kind: Kind): Promise<readonly JsonObject[]> {
  const {method, key} = KINDS[kind]
  const items: JsonObject[][] = []
  const seen = new Set<string>()
  let params: JsonObject | undefined
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const response = await link.request(request(`${method} ${page}`, method, params))
    if (!isResult(response)) {
      if (response.error.code === RPC.methodNotFound) break
      throw listError(link.server, method, response.error.message)
    }
    const listed = response.result[key]
    if (Array.isArray(listed)) items.push(listed.filter(isJsonObject))
    const cursor = response.result['nextCursor']
    if (typeof cursor !== 'string' || seen.has(cursor)) break
    seen.add(cursor)
    params = {cursor}
  }
  return items.flat()
}

function listError(server: string, method: string, message: string): PluginError {
  return new PluginError('TOOL_FAILED', `server ${server} refused ${method}: ${message}`)
}
