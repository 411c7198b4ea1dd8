import {describe, expect, test} from 'vitest'
import {startHttpEndpoint} from '../../../support/http-endpoint.ts'
import {fetchRaw} from '../../../support/raw-http.ts'

const TOKEN = 'a-token-that-nobody-guesses-0123456789'

describe('the front page', () => {
  test.each([
    ['/', 200],
    ['/?token=x', 200],
    ['/anything', 404],
    ['/healthz', 404],
    ['//mcp', 404],
    ['/mcp%2f..', 404],
    ['/mcp/more', 404],
    ['/.well-known/oauth-protected-resource/mcp', 404],
  ])('tells a person at %s what this is, with status %i', async (path, status) => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    const answer = await fetchRaw({port: endpoint.port, path})
    expect(answer).toMatchObject({status, headers: {'content-type': 'text/plain; charset=utf-8'}})
    for (const part of ['MCP gateway', '/mcp', '/sse', '/health', 'Authorization: Bearer']) {
      expect(answer.body).toContain(part)
    }
    expect(answer.body).not.toMatch(new RegExp(`${TOKEN}|inside|token=x`))
    expect(answer.body.includes('nothing at this path')).toBe(status === 404)
  })

  test.each([
    ['/', 200, undefined],
    ['/anything', 404, 'there is nothing at this path'],
  ])('tells a program at %s the same, with status %i', async (path, status, error) => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    const headers = {accept: 'application/json'}
    const answer = await fetchRaw({port: endpoint.port, path, headers})
    expect(answer).toMatchObject({status, headers: {'content-type': 'application/json'}})
    expect(JSON.parse(answer.body)).toEqual({
      ...(error !== undefined && {error}),
      about: expect.any(String),
      endpoints: {'streamable-http': '/mcp', sse: '/sse'},
      health: '/health',
      authorization: expect.stringContaining('Bearer <token>'),
    })
  })

  test('does not speak of a token where none is needed', async () => {
    await using endpoint = await startHttpEndpoint()
    expect((await fetchRaw({port: endpoint.port, path: '/'})).body).not.toMatch(/token/i)
    const headers = {accept: 'application/json'}
    const {body} = await fetchRaw({port: endpoint.port, path: '/', headers})
    expect(JSON.parse(body)).toMatchObject({authorization: 'none'})
  })

  test.each([
    ['POST', '/', {}, '/mcp'],
    ['DELETE', '/', {}, '/mcp'],
    ['GET', '/', {accept: 'text/event-stream'}, '/sse'],
    ['GET', '/', {accept: 'text/event-stream', 'mcp-session-id': 'x'}, '/mcp'],
    ['POST', '/mcp/', {}, '/mcp'],
    ['GET', '/sse/', {accept: 'text/event-stream'}, '/sse'],
  ])('sends a client that %ss to %s with %j on', async (method, path, headers, location) => {
    await using endpoint = await startHttpEndpoint({token: TOKEN})
    const answer = await fetchRaw({port: endpoint.port, method, path, headers})
    expect(answer).toMatchObject({status: 307, headers: {location}})
  })
})
