import {IncomingMessage} from 'node:http'
import {Duplex} from 'node:stream'
import type * as z from 'zod'
import {PluginError} from '../base/errors.ts'
import {refusal} from './answers.ts'
import type {Endpoint} from './endpoint.ts'
import {silent, unreachable} from './failures.ts'

/** One request of the Engine API. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Without the version. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: object
  /** Sent as it is, as a tar archive, instead of a body in JSON. */
  readonly archive?: Buffer
  /** Sent as `X-Registry-Auth`: the login that the engine is to use with a registry. A secret. */
  readonly registryAuth?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Longest wait for the whole answer, in milliseconds; without it only the signal ends the wait. */
  readonly within?: number
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** The part of docker-modem that is used: it sends a request and gives the response or the hijacked socket. */
export interface Modem {
  dial(
    options: {
      path: string
      method: string
      options?: {_query: object; _body: object}
      file?: Buffer
      headers?: Record<string, string>
      hijack?: boolean
      isStream: boolean
      statusCodes: Readonly<Record<number, boolean>>
      abortSignal?: AbortSignal
    },
    callback: (error: Error | null, result: unknown) => void,
  ): void
}

/** More than the longest list of containers; an endless answer must not fill the memory. */
const LONGEST_BODY = 32 * 1024 * 1024
/** Every status is an answer here, so that the engine's own words are read and not the library's summary. */
const ANY_STATUS = Object.fromEntries(Array.from({length: 500}, (_, index) => [index + 100, true]))

/** Speaks HTTP with one engine, and says which one in every error. */
export class Connection {
  readonly endpoint: Endpoint
  readonly #modem: Modem
  #prefix = ''

  constructor(modem: Modem, endpoint: Endpoint) {
    this.#modem = modem
    this.endpoint = endpoint
  }

  /** @param apiVersion such as `1.41`: what every later request asks for */
  useVersion(apiVersion: string): void {
    this.#prefix = `/v${apiVersion}`
  }

  /**
   * Sends a request and reads the whole answer, whatever its status.
   * @throws PluginError ENGINE_UNREACHABLE when there is none; the signal's reason when it is aborted
   */
  async ask({within, ...call}: Call): Promise<Answer> {
    const deadline = within === undefined ? undefined : AbortSignal.timeout(within)
    const signals = [call.signal, deadline].filter(signal => signal !== undefined)
    const bounded = {...call, signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0]}
    try {
      const response = await this.open(bounded)
      return {status: response.statusCode ?? 0, body: await this.read(response, bounded.signal)}
    } catch (error) {
      call.signal?.throwIfAborted()
      if (within !== undefined && deadline?.aborted) throw silent(this.endpoint, within)
      throw error
    }
  }

  /** Sends a request and gives the response as soon as its head is there; the caller reads or destroys it. */
  async open(call: Call): Promise<IncomingMessage> {
    const query = call.query ?? {}
    // The library adds the query where the path ends in a question mark.
    const path = Object.keys(query).length > 0 ? `${call.path}?` : call.path
    const result = await this.#dial(
      {...call, path},
      {
        // The body is given apart from the query: by itself the library puts both into the URL, secrets included.
        options: {_query: query, _body: call.body ?? {}},
        ...(call.archive && {file: call.archive, headers: {'Content-Type': 'application/x-tar'}}),
        ...(call.registryAuth !== undefined && {headers: {'X-Registry-Auth': call.registryAuth}}),
      },
    )
    if (result instanceof IncomingMessage) return result
    throw unreachable(this.endpoint, new Error('the answer is not one of HTTP'))
  }

  /** Sends a request that turns the connection into a raw two-way stream (HTTP upgrade to `tcp`). */
  async hijack(call: Call): Promise<Duplex | Answer> {
    const query = new URLSearchParams(call.query).toString()
    const result = await this.#dial(
      // The library drops the last character of a query that it did not make.
      {...call, path: `${call.path}?${query}&`},
      call.body
        ? {hijack: true, options: {_query: {}, _body: call.body}}
        : // An empty body of known length: anything else may reach the container as input.
          {hijack: true, file: Buffer.alloc(0), headers: {'Content-Type': 'text/plain'}},
    )
    if (result instanceof Duplex && !(result instanceof IncomingMessage)) return result
    if (!(result instanceof IncomingMessage))
      throw unreachable(this.endpoint, new Error('no stream'))
    if ((result.statusCode ?? 0) >= 400) {
      return {status: result.statusCode ?? 0, body: await this.read(result, call.signal)}
    }
    result.destroy()
    throw unreachable(this.endpoint, new Error('something between does not pass raw streams on'))
  }

  /** Reads a response to its end: JSON when it is, else text. */
  async read(response: IncomingMessage, signal?: AbortSignal): Promise<unknown> {
    const bytes = await this.bytes(response, LONGEST_BODY, signal)
    if (bytes === undefined) throw unreachable(this.endpoint, new Error('the answer does not end'))
    return parse(bytes.toString())
  }

  /** Reads a response to its end; undefined when it has more bytes than the limit, and is not read on. */
  async bytes(
    response: IncomingMessage,
    limit: number,
    signal?: AbortSignal,
  ): Promise<Buffer | undefined> {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of this.chunks(response, signal)) {
      length += chunk.length
      if (length > limit) return undefined
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  /** A response in the pieces in which it comes. */
  async *chunks(response: IncomingMessage, signal?: AbortSignal): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of response) yield chunk
    } catch (error) {
      signal?.throwIfAborted()
      throw unreachable(this.endpoint, error)
    }
  }

  async #dial(
    {method, path, signal}: Call,
    extra: Partial<Parameters<Modem['dial']>[0]>,
  ): Promise<unknown> {
    signal?.throwIfAborted()
    try {
      return await new Promise((resolve, reject) =>
        this.#modem.dial(
          {
            method,
            path: `${this.#prefix}${path}`,
            isStream: true,
            statusCodes: ANY_STATUS,
            ...(signal && {abortSignal: signal}),
            ...extra,
          },
          (error, result) => (error ? reject(error) : resolve(result)),
        ),
      )
    } catch (error) {
      signal?.throwIfAborted()
      throw unreachable(this.endpoint, error)
    }
  }
}

/**
 * Takes what the engine should have answered.
 * @param what was asked, as the end of "the engine would not …"
 * @throws PluginError ENGINE_FAILED with the engine's own words
 */
export function expectAnswer<T>(answer: Answer, schema: z.ZodType<T>, what: string): T {
  if (answer.status < 200 || answer.status > 299) throw engineFailed(what, reasonOf(answer))
  const parsed = schema.safeParse(answer.body)
  if (parsed.success) return parsed.data
  throw engineFailed(what, 'its answer does not have the shape that the Engine API promises')
}

/** The error for a request that the engine refused. */
export function engineFailed(what: string, why: string): PluginError {
  return new PluginError('ENGINE_FAILED', `the Docker engine would not ${what}: ${why}`, {
    hint: "the reason is the engine's own; `docker info` and the log of the engine may say more",
  })
}

/** Why the engine refused, in its own words. */
export function reasonOf({status, body}: Answer): string {
  const said = refusal.safeParse(body)
  if (said.success) return said.data.message.trim()
  const text = typeof body === 'string' ? body.trim().slice(0, 200) : ''
  return text === '' ? `HTTP status ${status}` : text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}
