import type {IncomingMessage, ServerResponse} from 'node:http'
import {type ErrorCode, messageOf, PluginError} from '../../base/errors.ts'
import {sendLog} from './log-stream.ts'
import type {GatewayRecord} from './record.ts'
import {type ReportInput, reportState, wordsOf} from './report.ts'
import type {GatewayState} from './state.ts'

export interface ControlInput extends ReportInput {
  readonly record: GatewayRecord
  /**
   * Starts a server anew, and waits until it answers.
   * @returns how many of its containers, or connections to it, were started
   */
  readonly restart: (server: string) => Promise<number>
  /** Has the gateway end as a signal would. */
  readonly stop: () => void
}

const DEFAULT_LINES = 100
/** Often enough for whoever waits for the next sign of life. */
const BEAT_MS = 1000

/** Answers what is asked of a running gateway from outside: see `docs/watching.md`. */
export class ControlApp implements Disposable {
  readonly #input: ControlInput
  /** One look for all who ask while it is under way. */
  #look: Promise<GatewayState> | undefined
  /** Servers that are being started anew: who asks for the same waits for the same. */
  readonly #restarts = new Map<string, Promise<number>>()
  readonly #ending = new AbortController()

  constructor(input: ControlInput) {
    this.#input = input
  }

  /** Answers one request. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A reader that leaves is no news.
    response.on('error', () => undefined)
    try {
      await this.#route(request, response)
    } catch (error) {
      refuse(response, 500, wordsOf(known(error), this.#input.redact))
    }
  }

  /** Lets those who follow a log read it to its end. */
  [Symbol.dispose](): void {
    this.#ending.abort()
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (hasBody(request)) return refuse(response, 413, usage('a body is not read here'))
    const url = URL.parse(`http://gateway${request.url}`)
    if (!url) return refuse(response, 400, usage('this is no path'))
    const {pathname, searchParams} = url
    switch (`${request.method} ${pathname}`) {
      case 'GET /state':
        return answer(response, 200, await this.#state())
      case 'GET /logs':
        return this.#logs(searchParams, response)
      case 'POST /restart': {
        const server = this.#served(searchParams, response)
        if (server !== undefined) await this.#answerRestart(server, response)
        return
      }
      case 'POST /stop':
        answer(response, 200, {pid: this.#input.record.pid})
        return this.#input.stop()
      default:
        refuse(response, 404, usage('this gateway knows no such request'))
    }
  }

  async #state(): Promise<GatewayState> {
    const {record} = this.#input
    this.#look ??= reportState(record, this.#input).finally(() => (this.#look = undefined))
    return this.#look
  }

  #logs(query: URLSearchParams, response: ServerResponse): void {
    const server = this.#served(query, response)
    if (server === undefined) return
    const {lives, redact} = this.#input
    const asked = query.get('lines') ?? String(DEFAULT_LINES)
    const isFollowed = query.get('follow') === '1'
    if (!/^\d{1,6}$/.test(asked)) refuse(response, 400, usage('lines must be a number'))
    else {
      const lines = Number(asked)
      const ending = this.#ending.signal
      sendLog(response, lives.of(server).log, {lines, isFollowed, redact, ending})
    }
  }

  /**
   * Sends the head at once, and a space now and then: whoever waits can tell a server that is slow from a gateway that
   * hangs. What has been asked by somebody who has left since is not done: nobody would know of it.
   */
  async #answerRestart(server: string, response: ServerResponse): Promise<void> {
    response.writeHead(200, {'content-type': 'application/json'})
    if (!(await isReached(response))) return
    const beat = setInterval(() => response.write(' '), BEAT_MS)
    try {
      const restarted = await this.#restart(server)
      response.end(JSON.stringify({restarted, isRemote: this.#isRemote(server)}))
    } catch (error) {
      response.end(JSON.stringify(wordsOf(known(error), this.#input.redact)))
    } finally {
      clearInterval(beat)
    }
  }

  #isRemote(server: string): boolean {
    const start = this.#input.servers().find(({name}) => name === server)?.start
    return start !== undefined && 'kind' in start && start.kind === 'remote'
  }

  async #restart(server: string): Promise<number> {
    const under = this.#restarts.get(server)
    if (under) return under
    const begun = this.#input.restart(server).finally(() => this.#restarts.delete(server))
    this.#restarts.set(server, begun)
    return begun
  }

  /** The server that is asked about; undefined when there is none, which is answered. */
  #served(query: URLSearchParams, response: ServerResponse): string | undefined {
    const server = query.get('server') ?? ''
    if (this.#input.servers().some(({name}) => name === server)) return server
    const error = {code: 'SERVER_UNKNOWN', message: 'this gateway does not serve it'}
    refuse(response, 404, error)
    return undefined
  }
}

/** Everything that can be asked fits into the line of the request. */
function hasBody({headers}: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function known(error: unknown): {code: string; message: string; hint?: string | undefined} {
  return error instanceof PluginError ? error : {code: 'INTERNAL', message: messageOf(error)}
}

/** Whether the other side still takes what is sent. */
function isReached(response: ServerResponse): Promise<boolean> {
  return new Promise(resolve => {
    response.once('close', () => resolve(false))
    response.write(' ', error => resolve(!error))
  })
}

function usage(message: string): {code: ErrorCode; message: string} {
  return {code: 'USAGE', message}
}

function refuse(response: ServerResponse, status: number, error: object): void {
  answer(response, status, error)
}

function answer(response: ServerResponse, status: number, value: object): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(value))
}
