import {type IncomingMessage, request} from 'node:http'
import type * as z from 'zod'
import {ERROR_CODES, type ErrorCode, messageOf, PluginError} from '../../base/errors.ts'
import {lineReader} from '../wire/lines.ts'
import {refusalSchema} from './state.ts'

/** Which gateway is asked. */
interface Asked {
  readonly socket: string
  readonly pid: number
}

interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Longest wait for the head of the answer, and then for the next piece of it, in milliseconds. */
  readonly within: number
  readonly signal?: AbortSignal | undefined
}

/** More than the state of a thousand servers takes. */
const LONGEST_ANSWER = 16 * 1024 * 1024
const LONGEST_LINE = 256 * 1024

/**
 * Asks a gateway and reads its whole answer.
 * @throws PluginError GATEWAY_UNREACHABLE when there is none that can be read; what the gateway refuses with; the
 *   signal's reason
 */
export async function ask<T>(to: Asked, question: Question, schema: z.ZodType<T>): Promise<T> {
  const response = await open(to, question)
  const body = await readAll(to, question, response)
  if (response.statusCode !== 200 || refusalSchema.safeParse(body).success) throw refused(to, body)
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  throw notUnderstood(to)
}

/**
 * Asks a gateway for a stream of JSON lines and gives each as it comes, until the stream or the signal ends it.
 * @throws as {@link ask}
 */
export async function* follow<T>(
  to: Asked,
  question: Question,
  schema: z.ZodType<T>,
): AsyncGenerator<T> {
  const response = await open(to, question)
  try {
    if (response.statusCode !== 200) throw refused(to, await readAll(to, question, response))
    // It lasts as long as it is wanted.
    response.socket.setTimeout(0)
    let found: T[] = []
    const reader = lineReader(LONGEST_LINE, {
      onLine: line => {
        const {data} = schema.safeParse(jsonOf(line))
        if (data !== undefined) found.push(data)
      },
      onOversize: () => undefined,
    })
    for await (const chunk of chunks(to, question, response)) {
      reader.push(chunk)
      const lines = found
      found = []
      yield* lines
    }
  } finally {
    response.destroy()
  }
}

/** Reads why a gateway refuses. Never rejects. */
export async function refusalOf(to: Asked, response: IncomingMessage): Promise<PluginError> {
  try {
    return refused(to, await readAll(to, {}, response))
  } catch (error) {
    return error instanceof PluginError ? error : unreachable(to, error)
  }
}

function open(to: Asked, {method, path, within, signal}: Question): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const asking = request({
      socketPath: to.socket,
      method,
      path,
      agent: false,
      timeout: within,
      ...(signal && {signal}),
    })
    const late = () => new Error(`it did not answer within ${within / 1000} s`)
    let answered: IncomingMessage | undefined
    asking.once('timeout', () => (answered ?? asking).destroy(late()))
    // It stays: a connection that breaks later is told by its response.
    asking.on('error', error => reject(signal?.aborted ? signal.reason : unreachable(to, error)))
    asking.once('response', response => {
      answered = response
      resolve(response)
    })
    asking.end()
  })
}

async function readAll(
  to: Asked,
  question: Pick<Question, 'signal'>,
  response: IncomingMessage,
): Promise<unknown> {
  const read: Buffer[] = []
  let length = 0
  for await (const chunk of chunks(to, question, response)) {
    length += chunk.length
    if (length > LONGEST_ANSWER) throw notUnderstood(to)
    read.push(chunk)
  }
  return jsonOf(Buffer.concat(read).toString())
}

async function* chunks(
  to: Asked,
  {signal}: Pick<Question, 'signal'>,
  response: IncomingMessage,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) yield chunk
  } catch (error) {
    signal?.throwIfAborted()
    throw unreachable(to, error)
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What a gateway says is wrong, as if it had happened here. */
function refused(to: Asked, body: unknown): PluginError {
  const {data} = refusalSchema.safeParse(body)
  if (!data) return notUnderstood(to)
  const {code, message, hint} = data
  // One of another version may have codes that this one does not know.
  return new PluginError(isCode(code) ? code : 'GATEWAY_UNREACHABLE', message, {
    ...(hint !== undefined && {hint}),
  })
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}

function unreachable({pid}: Asked, error: unknown): PluginError {
  return new PluginError(
    'GATEWAY_UNREACHABLE',
    `the gateway with process id ${pid} does not answer: ${messageOf(error)}`,
    {hint: 'when it hangs, end that process; its containers go with it', cause: error},
  )
}

function notUnderstood({pid}: Asked): PluginError {
  return new PluginError(
    'GATEWAY_UNREACHABLE',
    `the gateway with process id ${pid} gives an answer that this version cannot read`,
    {hint: 'start it again, so that both are of the same version'},
  )
}
