import {once} from 'node:events'
import {connect} from 'node:net'
import {text as textFrom} from 'node:stream/consumers'
import * as fc from 'fast-check'
import {afterEach, describe, expect, test} from 'vitest'
import {startHttpEndpoint, type HttpEndpoint} from '../support/http-endpoint.ts'
import {fetchRaw, RawClient, send, type RawAnswer, type RawRequest} from '../support/raw-http.ts'
import {anyBytes, anyCuts, cutAt, expectUnpolluted, INHERITED} from './hostile.ts'

/** A header's value; undefined leaves it out, `own` stands for the id of a session that is open. */
const junk = fc.oneof(
  fc.constantFrom(undefined, '', '0', ...INHERITED),
  fc.string({unit: fc.integer({min: 0x20, max: 0x7e}).map(code => String.fromCharCode(code))}),
)
const mostly = (usual: string, ...others: readonly string[]) =>
  fc.oneof({weight: 6, arbitrary: fc.constantFrom(usual, ...others)}, {weight: 1, arbitrary: junk})

const anyRequest = fc.record({
  method: fc.oneof(
    {weight: 6, arbitrary: fc.constant('POST')},
    {weight: 1, arbitrary: fc.constantFrom('GET', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'PATCH')},
  ),
  path: fc.oneof(
    {weight: 9, arbitrary: fc.constantFrom('/mcp', '/mcp?x=__proto__')},
    {weight: 1, arbitrary: fc.constantFrom('/', '//mcp', '/mcp/', '/%00', '/health', '*')},
  ),
  headers: fc.record({
    'content-type': mostly('application/json', 'application/json; charset=utf-8'),
    accept: mostly('application/json, text/event-stream', 'text/event-stream', '*/*'),
    'mcp-session-id': mostly('own', 'own', 'nobody'),
    'mcp-protocol-version': mostly('2025-11-25', '2025-03-26', '2026-07-28'),
    'last-event-id': junk,
  }),
  body: anyBytes,
})

/** The same request, as it goes out. */
function filled(
  {
    headers,
    ...request
  }: {
    headers: Readonly<Record<string, string | undefined>>
    method: string
    path: string
    body: Buffer
  },
  {port, id}: RawClient,
): RawRequest {
  const present = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value === 'own' ? id : value] as const],
  )
  return {...request, port, headers: Object.fromEntries(present)}
}

/** The whole answer; of the stream that is open as long as its session, only the head. */
async function answerTo(request: RawRequest): Promise<RawAnswer> {
  const {incoming, outgoing} = await send(request)
  const {statusCode: status = 0, headers} = incoming
  const isOpenEnded = request.method === 'GET' && status === 200 && headers['content-type']
  if (isOpenEnded) outgoing.destroy()
  return {status, headers, body: isOpenEnded ? '' : await textFrom(incoming)}
}

/** Fails unless an HTTP client can make something of an answer, and an MCP client of one that is for it. */
function expectSound(answer: RawAnswer, path: string): void {
  expect(String(answer.status)).toMatch(/^([24]\d\d|307)$/)
  if (!path.startsWith('/mcp?') && path !== '/mcp') return
  const member = answer.status >= 400 ? 'error.code' : 'jsonrpc'
  for (const message of messagesOf(answer)) expect(message).toHaveProperty(member)
}

function messagesOf({headers, body}: RawAnswer): readonly unknown[] {
  const isJson = headers['content-type'] === 'application/json' && body !== ''
  const data = [...body.matchAll(/^data: (.+)$/gm)].map(([, line = '']) => line)
  return (isJson ? [body] : data).flatMap(text => JSON.parse(text))
}

/** Opens a session, calls a tool in it and ends it. */
async function expectServing({port}: HttpEndpoint): Promise<void> {
  const client = await RawClient.open(port)
  const [answer] = await client.call(7, 'echo', {text: 'otter'})
  expect(JSON.stringify(answer)).toContain('otter')
  expect((await client.delete()).status).toBe(204)
}

afterEach(expectUnpolluted)

describe('whatever comes to the HTTP endpoint', () => {
  test('is answered as HTTP and JSON-RPC say, leaves no session behind, and others are served', async () => {
    const endpoint = await startHttpEndpoint()
    const opened = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.array(anyRequest, {minLength: 1, maxLength: 8}), async requests => {
        const client = await RawClient.open(endpoint.port)
        opened.add(client.id)
        const outgoing = requests.map(each => filled(each, client))
        const answers = await Promise.all(outgoing.map(answerTo))
        for (const [at, answer] of answers.entries()) {
          expectSound(answer, outgoing[at]?.path ?? '')
          const id = answer.headers['mcp-session-id']
          if (id !== undefined) opened.add(String(id))
        }
        await expectServing(endpoint)
      }),
      {numRuns: 100},
    )
    for (const id of opened) {
      const {status} = await fetchRaw({
        port: endpoint.port,
        method: 'DELETE',
        headers: {'mcp-session-id': id},
      })
      expect([204, 404]).toContain(status)
    }
    const closed = [...endpoint.closed]
    expect(closed).toEqual(expect.arrayContaining([...opened]))
    await endpoint[Symbol.asyncDispose]()
    // Ending the endpoint ends the sessions that nobody knew of: there were none.
    expect(endpoint.closed).toEqual(closed)
    expect(endpoint.warnings).toEqual([])
  })

  test('even when it is no HTTP, others are served', async () => {
    await using endpoint = await startHttpEndpoint()
    const head = 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n'
    const anyHead = fc.constantFrom(
      '',
      `${head}Content-Length: 100000\r\n\r\n`,
      `${head}Content-Length: -1\r\n\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n`,
      `${head}Mcp-Session-Id: \u0000\r\n\r\n`,
      'POST /mcp HTTP/1.0\r\n\r\n',
      'GET /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    )
    await fc.assert(
      fc.asyncProperty(anyHead, anyBytes, anyCuts, async (start, bytes, cuts) => {
        const socket = connect(endpoint.port, '127.0.0.1')
        await once(socket, 'connect')
        let answer = ''
        const gone = new Promise<void>(resolve => void socket.once('close', () => resolve()))
        socket.on('error', () => undefined)
        socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
        for (const chunk of cutAt(Buffer.concat([Buffer.from(start), bytes]), cuts)) {
          socket.write(chunk)
        }
        socket.end()
        await gone
        expect(answer).toMatch(/^($|HTTP\/1\.1 [24]\d\d )/)
      }),
      {numRuns: 150},
    )
    await expectServing(endpoint)
    expect(endpoint.closed).toHaveLength(1)
  })
})
