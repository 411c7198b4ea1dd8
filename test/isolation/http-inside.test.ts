import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'
import {fixtureCatalog, type FixtureEntry} from '../support/fixture-images.ts'
import {
  startGateway,
  TestClient,
  testHome,
  testOptions,
  type TestGateway,
} from '../support/in-process-gateway.ts'

const run = promisify(execFile)
const inspected = z.array(
  z.object({
    HostConfig: z.object({NetworkMode: z.string()}),
    NetworkSettings: z.object({Ports: z.record(z.string(), z.unknown()).nullish()}),
  }),
)

const STREAMABLE = {url: 'http://localhost:8080/mcp', transport_type: 'streamable-http'}
const SSE = {url: 'http://localhost:8080/sse', transport_type: 'sse'}

/** Runs a test with one server that speaks HTTP; afterwards nothing of it is left. */
async function withServer(
  entry: FixtureEntry,
  use: (gateway: TestGateway, notices: readonly string[]) => Promise<void>,
): Promise<void> {
  await using home = await testHome()
  await using catalog = await fixtureCatalog({web: entry})
  const options = await testOptions(home, {servers: ['web'], catalog: catalog.file})
  await using gateway = await startGateway(home, options)
  await use(gateway, home.notices)
}

async function networkOf(gateway: TestGateway): Promise<unknown> {
  const [container] = await gateway.containers()
  const {stdout} = await run('docker', ['inspect', container?.id ?? ''])
  return inspected.parse(JSON.parse(stdout))[0]
}

describe('a server that speaks HTTP inside its container', () => {
  test.each([
    ['streamable HTTP', {fixture: 'http-counts', remote: STREAMABLE}],
    ['HTTP+SSE', {fixture: 'http-sse-counts', remote: SSE}],
  ] as const)('is reached over %s without a network and without a port', (_name, entry) =>
    withServer(entry, async gateway => {
      const client = new TestClient(gateway.gateway, 'one')
      await client.initialize()
      expect([await client.call('count'), await client.call('count')]).toEqual(['1', '2'])
      expect(await networkOf(gateway)).toEqual({
        HostConfig: {NetworkMode: 'none'},
        NetworkSettings: {Ports: {}},
      })
      await client.session.close()
      await expect.poll(() => gateway.containers()).toEqual([])
    }),
  )

  test('is reached the same way when it has a network', () =>
    withServer(
      {fixture: 'http-counts', remote: STREAMABLE, disableNetwork: false},
      async gateway => {
        const client = new TestClient(gateway.gateway, 'one')
        await client.initialize()
        expect(await client.call('count')).toBe('1')
        expect(await networkOf(gateway)).toEqual({
          HostConfig: {NetworkMode: 'default'},
          NetworkSettings: {Ports: {}},
        })
      },
    ))

  test('is another one for another client', () =>
    withServer({fixture: 'http-counts', remote: STREAMABLE}, async gateway => {
      const clients = ['one', 'two'].map(id => new TestClient(gateway.gateway, id))
      await Promise.all(clients.map(client => client.initialize()))
      expect(await Promise.all(clients.map(client => client.call('count')))).toEqual(['1', '1'])
    }))

  test('that listens somewhere else is an error with its last words, and no container', () =>
    withServer(
      {
        fixture: 'http-counts',
        startTimeout: 15,
        remote: {...STREAMABLE, url: 'http://localhost:8081/mcp'},
      },
      async (gateway, notices) => {
        const client = new TestClient(gateway.gateway, 'one')
        await client.initialize()
        await client.request('tools/list')
        await expect
          .poll(() => notices.join('\n'))
          .toMatch(
            /server web did not listen on port 8081 of its container within 15 s; its last words: listening on port 8080/,
          )
        await expect.poll(() => gateway.containers()).toEqual([])
      },
    ))

  test('that dies in a call fails this call, and the next one goes to a new container', () =>
    withServer({fixture: 'http-crashes-on-call', remote: STREAMABLE}, async gateway => {
      const client = new TestClient(gateway.gateway, 'one')
      await client.initialize()
      const dead = /server web ended with exit code 7; its last words: .*out of cheese/
      expect(await client.call('crash')).toMatch(dead)
      await expect.poll(() => gateway.containers()).toEqual([])
      await client.request('tools/list')
      await expect.poll(() => gateway.containers()).toHaveLength(1)
      expect(await client.call('crash')).toMatch(dead)
    }))
})
