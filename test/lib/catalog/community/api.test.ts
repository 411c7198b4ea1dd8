import {once} from 'node:events'
import {createServer} from 'node:http'
import type {AddressInfo} from 'node:net'
import * as fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {objectOf} from '../../../../src/lib/base/json.ts'
import {
  listServers,
  parseServerAddress,
  type RegistryInput,
} from '../../../../src/lib/catalog/community/api.ts'
import {importCommunity, importLines} from '../../../../src/lib/catalog/community/import.ts'
import {serverOfRegistry} from '../../../../src/lib/catalog/community/resolve.ts'
import {newestPython} from '../../../../src/lib/catalog/community/runtime.ts'
import {listed, registryApi, serverJson, withImage} from '../../../support/community.ts'
import {httpsHost, type Handler, type HttpsHost} from '../../../support/https-host.ts'

let host: HttpsHost

beforeAll(async () => {
  host = await httpsHost((_request, response) => response.end())
})

afterAll(() => host[Symbol.asyncDispose]())

function input(more: Partial<RegistryInput> = {}): RegistryInput {
  return {outgoing: {env: {}, ca: host.ca}, allowPrivateHosts: ['127.0.0.1'], ...more}
}

async function all(): Promise<readonly unknown[]> {
  const names: unknown[] = []
  for await (const {server} of listServers(`${host.url}/v0`, input())) {
    names.push(objectOf(server)['name'])
  }
  return names
}

/** Answers everything with a JSON document, or what is made of the address. */
function json(answer: unknown): Handler {
  return ({url = ''}, response) =>
    response.end(JSON.stringify(typeof answer === 'function' ? answer(url) : answer))
}

function sending(status: number, text: string): Handler {
  return (_request, response) => response.writeHead(status).end(text)
}

describe('listing a registry', () => {
  test('goes from page to page, asking for the latest versions', async () => {
    const servers = Array.from({length: 5}, (_, index) => listed(serverJson(`a/${index}`)))
    host.answer(registryApi(servers))
    const before = host.asked.length
    expect(await all()).toEqual(['a/0', 'a/1', 'a/2', 'a/3', 'a/4'])
    expect(host.asked.slice(before).map(({path}) => path)).toEqual([
      '/v0/servers?version=latest&limit=100',
      '/v0/servers?version=latest&limit=100&cursor=2',
      '/v0/servers?version=latest&limit=100&cursor=4',
    ])
  })

  test('knows the older name of the place to go on from', async () => {
    host.answer(
      json((url: string) =>
        url.includes('cursor')
          ? {servers: [listed(serverJson('a/2'))], metadata: {next_cursor: ''}}
          : {servers: [listed(serverJson('a/1'))], metadata: {next_cursor: 'x y'}},
      ),
    )
    expect(await all()).toEqual(['a/1', 'a/2'])
  })

  test('takes no list for an empty one', async () => {
    host.answer(json({servers: null}))
    expect(await all()).toEqual([])
  })

  test.each([
    [
      'its pages come again and again',
      json({servers: [listed(serverJson('a/b'))], metadata: {nextCursor: 'a'}}),
    ],
    ['it sent no list of servers', json({servers: {}})],
    ['a place to go on from that is none', json({servers: [], metadata: {nextCursor: {}}})],
    [
      'a place to go on from that is none',
      json({servers: [], metadata: {nextCursor: 'x'.repeat(5000)}}),
    ],
    ['sent no JSON object for /v0/servers', json([])],
    ['sent no JSON object for /v0/servers', sending(200, '<html>')],
    ['it answered with status 500', sending(500, '')],
    ['more than 16777216 bytes', sending(200, 'x'.repeat(16 * 1024 * 1024 + 1))],
  ])('fails when %s', async (why, handler) => {
    host.answer(handler)
    await expect(all()).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      message: expect.stringContaining(why),
    })
  })

  test('ends though every page names a new one', async () => {
    let page = 0
    const server = createServer((_request, response) => {
      const servers = [listed(serverJson('a/b'))]
      response.end(JSON.stringify({servers, metadata: {nextCursor: String((page += 1))}}))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const {port} = server.address() as AddressInfo
    const listing = async () => {
      for await (const _server of listServers(`http://127.0.0.1:${port}/v0`, input())) continue
    }
    await expect(listing()).rejects.toThrow('it has more than 1000 pages')
    expect(page).toBe(1000)
    server.close()
    server.closeAllConnections()
  })

  test('fails when a page has nothing and goes on all the same', async () => {
    let page = 0
    host.answer(json(() => ({servers: [], metadata: {nextCursor: String((page += 1))}})))
    await expect(all()).rejects.toThrow('a page of it is empty, and not the last')
    expect(page).toBe(1)
  })

  test('asks no host of this machine that nobody allows', async () => {
    const before = host.asked.length
    const asked = listServers(`${host.url}/v0`, input({allowPrivateHosts: []})).next()
    await expect(asked).rejects.toMatchObject({code: 'ADDRESS_REFUSED'})
    expect(host.asked.length).toBe(before)
  })
})

describe('one server of a registry', () => {
  const versions = [
    listed(
      {...withImage('com.example/a', 'example/a:3'), version: '3.0.0'},
      {status: 'deleted', isLatest: false},
    ),
    listed({...withImage('com.example/a', 'example/a:2'), version: '2.0.0'}),
    listed({...withImage('com.example/a', 'example/a:1'), version: '1.0.0'}, {isLatest: false}),
  ]

  test.each(['v0', 'v0.1'])('is the latest one of %s, whatever comes first', async version => {
    host.answer(registryApi(versions, {version}))
    for (const end of ['', '/versions', '/versions/latest']) {
      const address = `${host.url}/${version}/servers/com.example%2Fa${end}`
      const source = `${host.url}/${version}/servers/com.example%2Fa/versions/2.0.0`
      const server = await serverOfRegistry(address, input())
      expect(server).toMatchObject({name: 'com-example-a', type: 'registry', source})
      expect(server.entry).toMatchObject({image: 'example/a:2', metadata: {registryUrl: source}})
    }
  })

  test('is the version that is named', async () => {
    host.answer(registryApi(versions))
    const address = `${host.url}/v0/servers/com.example/a/versions/1.0.0`
    expect((await serverOfRegistry(address, input())).entry['image']).toBe('example/a:1')
  })

  test('is found by its id where there are no versions yet', async () => {
    host.answer(({url}, response) => {
      if (url !== '/v0/servers/4711') response.writeHead(404).end()
      else response.end(JSON.stringify(withImage('a/b', 'example/b')))
    })
    const {name} = await serverOfRegistry(`${host.url}/v0/servers/4711`, input())
    expect(name).toBe('a-b')
  })

  test('that is not there, or deleted, is refused', async () => {
    host.answer(registryApi(versions))
    const at = (end: string) => serverOfRegistry(`${host.url}/v0/servers/${end}`, input())
    await expect(at('com.example%2Fb')).rejects.toMatchObject({code: 'FETCH_FAILED'})
    await expect(at('com.example%2Fa/versions/9')).rejects.toMatchObject({code: 'FETCH_FAILED'})
    host.answer(registryApi(versions.slice(0, 1)))
    await expect(at('com.example%2Fa')).rejects.toMatchObject({
      code: 'SERVER_UNSUPPORTED',
      message: `com.example/a was deleted from ${host.url}/v0`,
    })
    host.answer(json({servers: []}))
    await expect(at('com.example%2Fa')).rejects.toMatchObject({code: 'SERVER_UNKNOWN'})
    host.answer(json(listed(withImage('com.example/a', 'example/a'))))
    await expect(at('com.example%2Fa/versions/9')).rejects.toMatchObject({code: 'SERVER_UNKNOWN'})
  })

  test('has the Python that PyPI says it needs', async () => {
    const packaged = {
      registryType: 'pypi',
      registryBaseUrl: host.url,
      identifier: 'weather',
      version: '0.5',
    }
    const described = listed(serverJson('a/weather', {packages: [packaged]}))
    host.answer((request, response) =>
      request.url === '/pypi/weather/0.5/json'
        ? response.end('{"info": {"requires_python": ">=3.10,<3.13"}}')
        : registryApi([described])(request, response),
    )
    const {entry} = await serverOfRegistry(`${host.url}/v0/servers/a%2Fweather`, input())
    expect(entry['image']).toBe('ghcr.io/astral-sh/uv:python3.12-bookworm-slim')
  })

  test('has an address', () => {
    const parsed = {base: 'https://h.example/v0', name: 'a/b', version: undefined}
    expect(parseServerAddress('https://h.example/v0/servers/a%2Fb')).toEqual(parsed)
    expect(parseServerAddress('https://h.example/v0/servers/a/b/versions/latest')).toEqual(parsed)
    expect(parseServerAddress('https://h.example/x/v0.1/servers/a/versions/1%2Bb')).toEqual({
      base: 'https://h.example/x/v0.1',
      name: 'a',
      version: '1+b',
    })
    for (const other of [
      'https://h.example/',
      'ftp://h/v0/servers/a',
      'https://h/v0/servers/',
      'https://h/v0/servers/%',
    ]) {
      expect(parseServerAddress(other)).toBeUndefined()
    }
  })
})

describe('importing a registry', () => {
  const servers = [
    listed(withImage('com.example/image', 'example/image:1')),
    listed(serverJson('com.example/remote', {remotes: [{type: 'sse', url: 'https://a.example/'}]})),
    listed(serverJson('com.example/npm', {packages: [{registryType: 'npm', identifier: 'a'}]})),
    listed(
      serverJson('com.example/pypi', {
        packages: [{registryType: 'pypi', registryBaseUrl: 'https://127.0.0.1:1', identifier: 'a'}],
      }),
    ),
    listed(withImage('com.example/image', 'example/image:0'), {isLatest: false}),
    listed(withImage('com.example/gone', 'example/gone'), {status: 'deleted'}),
    listed(withImage('com.example/unwanted', 'example/unwanted')),
    listed({name: 'com.example/wrong', packages: 'none'}),
  ]

  test('gives what can run here, and counts the rest', async () => {
    host.answer(registryApi(servers))
    const exclude = ['com.example/unwanted']
    const address = `127.0.0.1:${host.port}`
    const found = await importCommunity(address, {...input(), exclude})
    expect(found.servers.map(({name}) => name)).toEqual(['com-example-image', 'com-example-remote'])
    expect(found.servers[0]).toMatchObject({
      type: 'registry',
      source: `${host.url}/v0/servers/com.example%2Fimage/versions/1.0.0`,
      entry: {image: 'example/image:1'},
    })
    expect(found.report).toEqual({
      total: 8,
      added: {oci: 1, remote: 1, npm: 0, pypi: 0},
      excluded: 1,
      skipped: 2,
      incompatible: 2,
      invalid: 1,
    })
    expect(importLines(found.report)[0]).toContain('8 servers are in the registry, 2 of them')
  })

  test('takes packages of npm and PyPI only when it is told to', async () => {
    host.answer(registryApi(servers, {version: 'v0.1'}))
    const more = {includeNpm: true, includePypi: true}
    const {report} = await importCommunity(host.url, {...input(), ...more})
    expect(report.added).toEqual({oci: 2, remote: 1, npm: 1, pypi: 1})
    const named = await importCommunity(`${host.url}/v0.1/servers/`, input())
    expect(named.report.total).toBe(8)
  })

  test('fails as a whole when a page does', async () => {
    const api = registryApi(servers)
    host.answer((request, response) =>
      request.url?.includes('cursor=4') ? response.writeHead(502).end() : api(request, response),
    )
    await expect(importCommunity(host.url, input())).rejects.toMatchObject({code: 'FETCH_FAILED'})
    await expect(importCommunity('a b', input())).rejects.toMatchObject({code: 'USAGE'})
  })
})

describe('the Python of a package', () => {
  test.each([
    ['>=3.10', '3.14'],
    ['>=3.10,<3.13', '3.12'],
    ['~=3.11', '3.14'],
    ['~=3.11.2', '3.11'],
    ['==3.12.*', '3.12'],
    ['==3.*', '3.14'],
    ['!=3.14.*', '3.13'],
    ['<=3.12', '3.11'],
    ['>3.12, <4', '3.14'],
    ['>=3.8,!=3.9.0,!=3.9.1', '3.14'],
    ['', '3.14'],
    ['>=4', undefined],
  ])('for %j is %s', (requires, version) => expect(newestPython(requires)).toBe(version))

  test('is one or none, whatever stands there', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        expect(newestPython(text) ?? '3.1').toMatch(/^3\.\d+$/)
      }),
    )
  })
})
