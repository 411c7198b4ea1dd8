import {createParser} from 'eventsource-parser'
import {isJsonObject, type JsonObject} from '../../src/lib/base/json.ts'
import {META} from '../../src/lib/gateway/wire/meta.ts'
import {
  answerTo,
  capabilitiesFor,
  Refusal,
  type Answers,
  type AskOptions,
  type EraClient,
} from './era-client.ts'
import {Inbox} from './inbox.ts'

const VERSION = '2026-07-28'
/** Where the name stands that the header `Mcp-Name` repeats. */
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}
/** How often a request may be asked back; no fixture asks more. */
const ROUNDS = 5
const EVERY_LIST = {toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true}

/** A client of revision 2026-07-28 over HTTP: every request says all there is to say. */
export class ModernClient implements EraClient {
  readonly era = 'modern'
  readonly notices = new Inbox<JsonObject>()
  readonly #url: string
  readonly #answers: Answers
  readonly #end = new AbortController()
  readonly #listening: Promise<unknown>[] = []
  #level: string | undefined
  #lastId = 0

  constructor(url: string, answers: Answers) {
    this.#url = url
    this.#answers = answers
  }

  async ask(
    method: string,
    params: JsonObject = {},
    options: AskOptions = {},
  ): Promise<JsonObject> {
    let asked = params
    for (let round = 0; round < ROUNDS; round += 1) {
      const result = await this.#exchange(++this.#lastId, method, asked, options)
      if (result['resultType'] !== 'input_required') return result
      asked = {...params, ...this.#retryOf(result)}
    }
    throw new Error(`${method} was asked back ${ROUNDS} times`)
  }

  async setLevel(level: string): Promise<void> {
    this.#level = level
  }

  async watch(uris: readonly string[]): Promise<void> {
    const id = ++this.#lastId
    const notifications = {...EVERY_LIST, resourceSubscriptions: [...uris]}
    const listening = this.#exchange(id, 'subscriptions/listen', {notifications}, {})
    const ended = new Promise<never>((_, reject) => {
      this.#listening.push(listening.catch(reject))
    })
    const acknowledged = this.notices.find(
      ({method}) => method === 'notifications/subscriptions/acknowledged',
    )
    await Promise.race([acknowledged, ended])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await Promise.all(this.#listening)
  }

  /** What a request has in addition when it comes again, with answers (basic/patterns/mrtr). */
  #retryOf({inputRequests, requestState}: JsonObject): JsonObject {
    const questions = isJsonObject(inputRequests) ? Object.entries(inputRequests) : []
    const inputResponses = questions.map(([key, question]) => {
      const method = isJsonObject(question) ? question['method'] : undefined
      const answer = answerTo(this.#answers, method)
      if (!answer) throw new Error(`asked for what was not declared: ${JSON.stringify(question)}`)
      return [key, answer] as const
    })
    return {
      inputResponses: Object.fromEntries(inputResponses),
      ...(requestState === undefined ? {} : {requestState}),
    }
  }

  /** One request and its answer. A connection that is given up has cancelled (basic/patterns/cancellation). */
  async #exchange(
    id: number,
    method: string,
    params: JsonObject,
    {signal, mirrored = {}}: AskOptions,
  ): Promise<JsonObject> {
    const own = {...params, _meta: {...this.#meta(), ...ownMeta(params)}}
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: headersOf(method, params, mirrored),
      body: JSON.stringify({jsonrpc: '2.0', id, method, params: own}),
      signal: AbortSignal.any([this.#end.signal, ...(signal ? [signal] : [])]),
    })
    const {result, error} = await this.#read(response)
    if (isJsonObject(result)) return result
    throw new Refusal(isJsonObject(error) ? error : {})
  }

  /** Reads to the end of a response and gives the answer; what comes before is kept. */
  async #read(response: Response): Promise<JsonObject> {
    const type = response.headers.get('content-type') ?? ''
    if (!type.startsWith('text/event-stream')) return parsed(await response.text())
    let answer: JsonObject = {}
    const parser = createParser({
      onEvent: ({data}) => {
        const message = parsed(data)
        if ('method' in message) this.notices.add(message)
        else answer = message
      },
    })
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? [])
      parser.feed(decoder.decode(chunk, {stream: true}))
    return answer
  }

  #meta(): JsonObject {
    return {
      [META.version]: VERSION,
      [META.capabilities]: capabilitiesFor(this.#answers),
      [META.client]: {name: 'modern-client', version: '1'},
      ...(this.#level === undefined ? {} : {[META.logLevel]: this.#level}),
    }
  }
}

function headersOf(
  method: string,
  params: JsonObject,
  mirrored: Readonly<Record<string, string>>,
): Headers {
  const headers = new Headers({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
  })
  const {[NAMED[method] ?? '']: name} = params
  if (typeof name === 'string') headers.set('mcp-name', name)
  for (const [key, value] of Object.entries(mirrored)) headers.set(`mcp-param-${key}`, value)
  return headers
}

function ownMeta({_meta}: JsonObject): JsonObject {
  return isJsonObject(_meta) ? _meta : {}
}

function parsed(text: string): JsonObject {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw new Error(`not a message: ${text}`)
  return value
}
