import {describe, expect, test} from 'vitest'
import {gatewayDiscovery} from '../../../../src/lib/gateway/modern/own-discovery.ts'

const SERVER = 'io.modelcontextprotocol/serverInfo'
const modern = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: {tools: {}, extensions: {'io.modelcontextprotocol/ui': {}}},
  instructions: 'Be kind.',
  ttlMs: 5000,
  cacheScope: 'public',
  _meta: {[SERVER]: {name: 'one', version: '1'}, more: 1},
}

describe('what the gateway says of itself to modern clients', () => {
  test('is what its only server said, as long as that may be kept', () => {
    const answer = gatewayDiscovery({
      version: '1',
      servers: [{name: 'one', hello: modern, ageMs: 1000}],
    })
    expect(answer).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
      capabilities: {extensions: {'io.modelcontextprotocol/ui': {}}},
      instructions: 'Be kind.',
      ttlMs: 4000,
      cacheScope: 'public',
      _meta: modern._meta,
    })
  })

  test('is the union of its servers, kept no longer than the shortest-lived part', () => {
    const legacy = {
      protocolVersion: '2025-11-25',
      capabilities: {prompts: {}, tasks: {list: {}}},
      serverInfo: {name: 'two', version: '2'},
    }
    const answer = gatewayDiscovery({
      version: '1',
      servers: [
        {name: 'one', hello: modern, ageMs: 0},
        {name: 'two', hello: legacy, ageMs: 0},
      ],
    })
    expect(answer).toMatchObject({ttlMs: 0, cacheScope: 'private'})
    expect(answer['capabilities']).toEqual({
      tools: {listChanged: true},
      prompts: {listChanged: true},
      resources: {listChanged: true},
      extensions: {'io.modelcontextprotocol/ui': {}},
    })
    expect(answer['_meta']).toMatchObject({[SERVER]: {name: 'docker-mcp-gateway'}})
    expect(answer).not.toHaveProperty('protocolVersion')
    expect(answer).not.toHaveProperty('serverInfo')
  })

  test('may not be kept when a server was never seen', () => {
    const answer = gatewayDiscovery({
      version: '1',
      servers: [{name: 'one', hello: undefined, ageMs: Infinity}],
    })
    expect(answer).toMatchObject({ttlMs: 0, cacheScope: 'private', capabilities: {tools: {}}})
  })
})
