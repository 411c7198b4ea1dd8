import {createParser} from 'eventsource-parser'
import {isJsonObject, type Json, type JsonObject} from '../../../src/lib/base/json.ts'
import {META} from '../../../src/lib/gateway/wire/meta.ts'
import {mirroredName} from '../../../src/lib/gateway/wire/mirror.ts'
import {request, type Id} from '../../../src/lib/gateway/wire/jsonrpc.ts'
import {Inbox} from '../../support/inbox.ts'

const VERSION = '2026-07-28'

/** How a request differs from an ordinary one. */
export interface Asked {
  readonly id?: Id
  readonly capabilities?: JsonObject
  readonly meta?: JsonObject
  /** Headers in addition, or others; an empty one is left out. */
  readonly headers?: Readonly<Record<string, string>>
  /** In place of `_meta`. */
  readonly wholeMeta?: JsonObject
  readonly signal?: AbortSignal
}

/** All that came of one request. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly answer: JsonObject
  /** What came before the answer. */
  readonly notices: readonly JsonObject[]
}

/** Makes one request of revision 2026-07-28 over HTTP, exactly so, and reads to the end. */
export async function post(
  url: string,
  method: string,
  params: JsonObject = {},
  asked: Asked = {},
  arrived = new Inbox<JsonObject>(),
): Promise<Reply> {
  const _meta = asked.wholeMeta ?? {
    [META.version]: VERSION,
    [META.capabilities]: asked.capabilities ?? {},
    [META.client]: {name: 'reader', version: '1'},
    ...asked.meta,
  }
  const message = request(asked.id ?? 1, method, {...params, _meta})
  const name = mirroredName(message)
  const own = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...(name !== undefined && {'mcp-name': name}),
    ...asked.headers,
  }
  const response = await fetch(url, {
    method: 'POST',
    headers: Object.entries(own).filter(([, value]) => value !== ''),
    body: JSON.stringify(message),
    ...(asked.signal && {signal: asked.signal}),
  })
  await readInto(response, arrived)
  const {items} = arrived
  const answer = items.find(item => !('method' in item)) ?? {}
  const notices = items.filter(item => 'method' in item)
  return {status: response.status, headers: response.headers, answer, notices}
}

/** The result of a request. @throws Error for an error answer */
export async function ask(
  url: string,
  method: string,
  params: JsonObject = {},
  asked: Asked = {},
): Promise<JsonObject> {
  const {answer} = await post(url, method, params, asked)
  if (isJsonObject(answer['result'])) return answer['result']
  throw new Error(`${method}: ${JSON.stringify(answer)}`)
}

async function readInto(response: Response, arrived: Inbox<JsonObject>): Promise<void> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const text = await response.text()
    if (text !== '') arrived.add(parsed(text))
    return
  }
  const parser = createParser({onEvent: ({data}) => arrived.add(parsed(data))})
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, {stream: true}))
}

function parsed(text: string): JsonObject {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw new Error(`not a message: ${text}`)
  return value
}

/** A member of each item of a list. */
export function pluck(list: Json | undefined, key: string): readonly (Json | undefined)[] {
  return Array.isArray(list) ? list.filter(isJsonObject).map(item => item[key]) : []
}
