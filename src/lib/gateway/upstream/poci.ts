import {messageOf, PluginError} from '../../base/errors.ts'
import {isJsonObject, type JsonObject} from '../../base/json.ts'
import {bindRun} from '../../model/poci.ts'
import type {ContainerSpec, PociSpec, PociTool} from '../../model/server.ts'
import {negotiateVersion} from '../relay/hello.ts'
import {
  failure,
  isRequest,
  notification,
  result,
  RPC,
  type Id,
  type Message,
  type Request,
  type Response,
} from '../wire/jsonrpc.ts'
import type {RunOutcome} from './one-run.ts'
import type {SizeLimit} from './oversize.ts'
import type {CloseReason, MessageListener, Upstream} from './upstream.ts'

export interface PociInput extends SizeLimit {
  readonly spec: PociSpec
  /** The user's home, for mounts of `~/…`. */
  readonly home: string
  readonly onMessage: MessageListener
  /** Runs a container to its end; see `runOnce`. */
  readonly run: (
    container: ContainerSpec,
    signal: AbortSignal,
    onSign: () => void,
  ) => Promise<RunOutcome>
}

/**
 * A set of tools as an MCP server (2025-11-25): what a client asks about them is answered from the catalog entry, and
 * each call is one run of a container, which is gone when the call is answered or given up.
 */
export class PociUpstream implements Upstream {
  readonly closed: Promise<CloseReason>
  readonly #input: PociInput
  readonly #stop = new AbortController()
  readonly #calls = new Map<Id, AbortController>()
  readonly #running = new Set<Promise<void>>()
  #close: (reason: CloseReason) => void = () => undefined

  constructor(input: PociInput) {
    this.#input = input
    this.closed = new Promise(resolve => {
      this.#close = resolve
    })
  }

  /** Nothing that a server says is put into words of ours here; what a container says is masked before. */
  redact(text: string): string {
    return text
  }

  send(message: Message): void {
    if (isRequest(message)) {
      const served = this.#serve(message).finally(() => this.#running.delete(served))
      this.#running.add(served)
      return
    }
    const {params} = message
    if (message['method'] !== 'notifications/cancelled' || !isJsonObject(params)) return
    const {requestId} = params
    if (typeof requestId === 'string' || typeof requestId === 'number') {
      this.#calls.get(requestId)?.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
    this.#close({what: 'was left', stderr: [], junk: undefined})
  }

  /** Never rejects. */
  async #serve(message: Request): Promise<void> {
    const {id} = message
    const leave = new AbortController()
    const signal = AbortSignal.any([this.#stop.signal, leave.signal])
    this.#calls.set(id, leave)
    const answer = await this.#answer(message, signal).catch((error: unknown) =>
      this.#refusal(id, error),
    )
    this.#calls.delete(id)
    if (!signal.aborted) this.#input.onMessage(answer)
  }

  async #answer({id, method, params = {}}: Request, signal: AbortSignal): Promise<Response> {
    const {spec} = this.#input
    switch (method) {
      case 'initialize':
        return result(id, helloOf(spec, params['protocolVersion']))
      case 'ping':
        return result(id, {})
      case 'tools/list':
        return result(id, {tools: spec.tools.map(shown)})
      case 'tools/call':
        return this.#call(id, params, signal)
      default:
        return failure(id, RPC.methodNotFound, `server ${spec.name} has tools, and no ${method}`)
    }
  }

  /** @throws PluginError when the container cannot be started; the signal's reason */
  async #call(id: Id, params: JsonObject, signal: AbortSignal): Promise<Response> {
    const {spec, home, run} = this.#input
    const {name, arguments: args = {}} = params
    const tool = spec.tools.find(each => each.name === name)
    if (!tool) return failure(id, RPC.invalidParams, `server ${spec.name} has no tool of that name`)
    if (!isJsonObject(args)) return failure(id, RPC.invalidParams, 'arguments must be an object')
    let container: ContainerSpec
    try {
      container = bindRun(spec, {tool, args, home})
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return result(id, failed([`server ${spec.name}: ${messageOf(error)}`]))
    }
    const onSign = () => this.#input.onMessage(PRINTING, {request: id})
    return result(id, this.#resultOf(tool, await run(container, signal, onSign)))
  }

  #resultOf({name}: PociTool, {stdout, exitCode, what, stderr}: RunOutcome): JsonObject {
    const {server, maxMessageBytes} = this.#input
    if (stdout === undefined) {
      return failed([
        `server ${server}: ${name} printed more than the ${maxMessageBytes} bytes that --max-message-size allows, and was stopped`,
      ])
    }
    if (exitCode === 0) return {content: [{type: 'text', text: stdout}]}
    const said = stderr.length > 0 ? `; on stderr it wrote last:\n${stderr.join('\n')}` : ''
    const why = `server ${server}: ${name} ${what}${said}`
    return failed(stdout === '' ? [why] : [stdout, why])
  }

  #refusal(id: Id, error: unknown): Response {
    const {server} = this.#input
    const {code: reason, hint} =
      error instanceof PluginError ? error : {code: 'SERVER_START_FAILED', hint: undefined}
    const text = hint === undefined ? messageOf(error) : `${messageOf(error)} (${hint})`
    return failure(id, RPC.internalError, text, {server, reason})
  }
}

/** What comes on a request is a sign that it is worked on. No client has asked for this token, so none is told. */
const PRINTING = notification('notifications/progress', {progressToken: 'prints'})

function helloOf({name}: PociSpec, asked: unknown): JsonObject {
  return {
    protocolVersion: negotiateVersion(asked),
    capabilities: {tools: {}},
    serverInfo: {name, version: 'catalog'},
  }
}

function shown({name, description, parameters, annotations}: PociTool): JsonObject {
  return {name, description, inputSchema: parameters, ...(annotations && {annotations})}
}

/** A model can act on a failed tool, so it is told as a result (MCP 2025-11-25, tools, error handling). */
function failed(texts: readonly string[]): JsonObject {
  return {isError: true, content: texts.map(text => ({type: 'text', text}))}
}
