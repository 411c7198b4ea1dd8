import {onTestFinished} from 'vitest'
import type {JsonObject} from '../../src/lib/base/json.ts'
import type {PluginError} from '../../src/lib/base/errors.ts'
import type {Era} from '../../src/lib/gateway/bridge/eras.ts'
import {Exchanges} from '../../src/lib/gateway/modern/exchanges.ts'
import type {Handler} from '../../src/lib/gateway/pipeline/call.ts'
import type {ListsByKind} from '../../src/lib/gateway/relay/list-state.ts'
import {
  isResult,
  request,
  type Id,
  type Notification,
  type Response,
} from '../../src/lib/gateway/wire/jsonrpc.ts'
import {META} from '../../src/lib/gateway/wire/meta.ts'
import type {Openers} from '../../src/lib/gateway/upstream/upstream.ts'
import type {FakeServer} from './fake-upstream.ts'
import {Inbox} from './inbox.ts'
import {fixedMemory} from './memory.ts'
import {lasting} from './server-life.ts'

export interface ModernGatewayInput {
  /** By name, in configured order. One in memory is asked in both eras, over what is like stdio. */
  readonly servers: Readonly<Record<string, FakeServer | Openers>>
  readonly prefixes?: Readonly<Record<string, string>>
  readonly allows?: (tool: string) => boolean
  readonly known?: Readonly<Record<string, JsonObject>>
  readonly remembered?: Readonly<Record<string, ListsByKind>>
  readonly govern?: (send: Handler) => Handler
  readonly patienceMs?: number
  /** What is said of the life of a server; as long as it is needed, unless anything is. */
  readonly life?: (server: string) => Partial<ReturnType<typeof lasting>>
  /** Milliseconds; as long as it is not given, the member `now` counts. */
  readonly now?: () => number
}

/** What a request of a modern client says besides its params. */
export interface Call {
  readonly id?: Id
  readonly capabilities?: JsonObject
  readonly meta?: JsonObject
  readonly signal?: AbortSignal
  readonly mirrored?: ReadonlyMap<string, string>
}

const key = (server: string, era: Era) => `${server} ${era}`

/** Modern clients at a gateway, without any wire between. */
export class ModernGateway {
  readonly exchanges: Exchanges
  readonly opened: string[] = []
  readonly failed: {server: string; error: PluginError}[] = []
  readonly warnings: string[] = []
  /** By `server era`. */
  readonly eras = new Map<string, boolean>()
  /** What the gateway takes for the time, in milliseconds. */
  now = 0

  constructor(input: ModernGatewayInput) {
    this.exchanges = new Exchanges({
      version: '1',
      servers: Object.entries(input.servers).map(([name, server]) => ({
        name,
        prefix: input.prefixes?.[name],
        allows: input.allows ?? (() => true),
        openers:
          'legacy' in server
            ? server
            : {legacy: server.open, modern: server.open, tellsOrigin: false},
        startTimeoutMs: 60_000,
        ...lasting(name),
        ...input.life?.(name),
        isDoubtful: false,
      })),
      memory: {
        ...fixedMemory(input.known, input.remembered),
        speaks: (server, era) => this.eras.get(key(server, era)),
        learn: (server, era, speaks) => void this.eras.set(key(server, era), speaks),
      },
      govern: input.govern ?? (send => send),
      patienceMs: input.patienceMs ?? 60_000,
      now: input.now ?? (() => this.now),
      events: {
        onOpened: name => void this.opened.push(name),
        onFailed: (server, error) => void this.failed.push({server, error}),
        onListed: () => undefined,
        onTools: () => undefined,
        onWarning: text => void this.warnings.push(text),
      },
    })
    onTestFinished(() => this.exchanges[Symbol.asyncDispose]())
  }

  /** Makes a request; what comes before its answer goes into the inbox. */
  async call(
    method: string,
    params: JsonObject = {},
    {id = 1, capabilities = {}, meta = {}, signal, mirrored}: Call = {},
    notices = new Inbox<Notification>(),
  ): Promise<Response> {
    const own = {[META.version]: '2026-07-28', [META.capabilities]: capabilities, ...meta}
    return this.exchanges.answer({
      request: request(id, method, {...params, _meta: own}),
      signal: signal ?? new AbortController().signal,
      mirrored,
      notify: notice => notices.add(notice),
    })
  }

  /** The result of a request. @throws Error for an error answer */
  async ask(method: string, params: JsonObject = {}, call: Call = {}): Promise<JsonObject> {
    const answer = await this.call(method, params, call)
    if (isResult(answer)) return answer.result
    throw new Error(`${method}: ${answer.error.code} ${answer.error.message}`)
  }
}
