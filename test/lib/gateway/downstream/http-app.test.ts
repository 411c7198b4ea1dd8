import {connect} from 'node:net'
import {text} from 'node:stream/consumers'
import {describe, expect, test} from 'vitest'
import {isLocalName} from '../../../../src/lib/gateway/downstream/http-app.ts'
import {startHttpEndpoint} from '../../../support/http-endpoint.ts'
import {fetchRaw} from '../../../support/raw-http.ts'

const TOKEN = 'a-token-that-nobody-guesses-0123456789'
const authorization = `Bearer ${TOKEN}`

describe('httpApp', () => {
  test.each([
    ['127.0.0.1:1', undefined, 400],
    ['localhost', undefined, 400],
    ['LOCALHOST:8811', undefined, 400],
    ['[::1]:8811', undefined, 400],
    ['127.0.0.9', undefined, 400],
    ['localhost', 'http://localhost:3000', 400],
    ['localhost', 'https://127.0.0.1', 400],
    ['localhost', 'http://[::1]:1', 400],
    ['evil.example', undefined, 403],
    ['localhost.evil.example', undefined, 403],
    ['127.0.0.1.evil.example', undefined, 403],
    ['localhost@evil.example', undefined, 403],
    ['0.0.0.0', undefined, 403],
    ['local host', undefined, 403],
    ['localhost', 'http://evil.example', 403],
    ['localhost', 'https://localhost.evil.example', 403],
    ['localhost', 'http://localhost@evil.example', 403],
    ['localhost', 'null', 403],
    ['localhost', '', 403],
    ['localhost', 'file:///localhost', 403],
    ['localhost', 'chrome-extension://localhost', 403],
  ])('with Host %j and Origin %j answers %i', async (host, origin, status) => {
    await using endpoint = await startHttpEndpoint()
    const headers = {host, ...(origin !== undefined && {origin}), accept: 'text/event-stream'}
    expect(await fetchRaw({port: endpoint.port, headers})).toMatchObject({status})
  })

  test.each([
    ['gateway.example', undefined, 400],
    ['gateway.example', 'https://gateway.example', 400],
    ['Gateway.example:8811', 'http://gateway.example:8811', 400],
    ['gateway.example', 'http://localhost:3000', 400],
    ['gateway.example', 'http://other.example', 403],
    ['gateway.example', 'http://gateway.example:8811', 403],
    ['gateway.example', 'http://gateway.example.evil.example', 403],
    ['gateway.example', 'null', 403],
    ['gateway.example', 'file://gateway.example', 403],
  ])(
    'where others may reach it, with Host %j and Origin %j answers %i',
    async (host, origin, status) => {
      await using endpoint = await startHttpEndpoint({loopback: false})
      const headers = {host, ...(origin !== undefined && {origin}), accept: 'text/event-stream'}
      expect(await fetchRaw({port: endpoint.port, headers})).toMatchObject({status})
    },
  )

  test('refuses a foreign page on every path, before it looks at the token or the body', async () => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    for (const path of ['/mcp', '/', '/sse', '/messages', '/anything']) {
      const answer = await fetchRaw({
        port: endpoint.port,
        method: 'POST',
        path,
        headers: {origin: 'http://evil.example', authorization},
        body: '{',
      })
      expect(answer.status).toBe(403)
    }
  })

  test.each([
    [undefined, 401],
    ['', 401],
    ['Bearer', 401],
    ['Bearer ', 401],
    [`Bearer ${TOKEN}x`, 401],
    [`Bearer ${TOKEN.slice(1)}`, 401],
    [`Bearer ${TOKEN.slice(0, -1)}`, 401],
    [`Bearer ${TOKEN.repeat(100)}`, 401],
    [`Bearer ${TOKEN} x`, 401],
    [`Basic ${TOKEN}`, 401],
    [TOKEN, 401],
    [authorization, 400],
    [`bearer ${TOKEN}`, 400],
  ])('with Authorization %j answers %i', async (given, status) => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    const headers = {
      accept: 'text/event-stream',
      ...(given !== undefined && {authorization: given}),
    }
    const answer = await fetchRaw({port: endpoint.port, headers})
    expect(answer.status).toBe(status)
    const challenge = status === 401 ? 'Bearer realm="MCP Gateway"' : undefined
    expect(answer.headers['www-authenticate']).toBe(challenge)
  })

  test('does not take the token from the address', async () => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    const path = `/mcp?token=${TOKEN}&access_token=${TOKEN}`
    expect(await fetchRaw({port: endpoint.port, path})).toMatchObject({status: 401})
  })

  test('tells everybody whether it is ready, and nothing else', async () => {
    let ready = false
    await using endpoint = await startHttpEndpoint({token: TOKEN, isReady: () => ready})
    const ask = {port: endpoint.port, path: '/health?from=probe', headers: {host: 'a.probe'}}
    expect(await fetchRaw(ask)).toMatchObject({status: 503, body: ''})
    ready = true
    expect(await fetchRaw(ask)).toMatchObject({status: 200, body: ''})
  })

  test.each(['/mcp', '/sse', '/messages', '/messages?sessionId=x'])(
    'asks for the token at %s',
    async path => {
      await using endpoint = await startHttpEndpoint({token: TOKEN})
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        const answer = await fetchRaw({port: endpoint.port, path, method})
        expect(answer).toMatchObject({status: 401, body: 'a bearer token is needed\n'})
      }
    },
  )

  test.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['no Host', 'GET /mcp HTTP/1.1\r\n\r\n'],
    ['no length', 'GET /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n'],
    [
      'too much of a head',
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    ],
    [
      'two lengths',
      'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
  ])('survives bytes that are no request: %s', async (_, bytes) => {
    await using endpoint = await startHttpEndpoint()
    const socket = connect(endpoint.port, '127.0.0.1')
    socket.write(bytes)
    expect(await text(socket)).toMatch(/^HTTP\/1.1 4\d\d /)
    expect(await fetchRaw({port: endpoint.port, path: '/health'})).toMatchObject({status: 200})
  })

  test('answers 500 and tells the log when a request fails inside', async () => {
    await using endpoint = await startHttpEndpoint({
      now: () => {
        throw new Error('the clock is broken')
      },
    })
    const headers = {'content-type': 'application/json'}
    const body = JSON.stringify({jsonrpc: '2.0', id: 1, method: 'initialize'})
    const answer = await fetchRaw({port: endpoint.port, method: 'POST', headers, body})
    expect(answer).toMatchObject({status: 500, body: 'the gateway failed on this request\n'})
    expect(endpoint.warnings).toEqual(['! POST /mcp: the clock is broken'])
  })
})

describe('isLocalName', () => {
  test.each([
    'localhost',
    'LOCALHOST',
    '127.0.0.1',
    '127.1.2.3',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
  ])('%s is this machine', name => {
    expect(isLocalName(name)).toBe(true)
  })
  test.each([
    undefined,
    '',
    '0.0.0.0',
    '::',
    '127.0.0.1.example',
    '127.evil',
    '10.0.0.1',
    'local',
    'localhost/x',
    '::ffff:10.0.0.1',
    '::ffff:7.240.0.1',
  ])('%s is not', name => {
    expect(isLocalName(name)).toBe(false)
  })
})
