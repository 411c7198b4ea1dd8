import {createHash} from 'node:crypto'
import {once} from 'node:events'
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http'
import type {AddressInfo} from 'node:net'
import {describe, expect, onTestFinished, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import type {Credentials} from '../../../src/lib/images/credentials.ts'
import {RegistryError} from '../../../src/lib/images/registry-answer.ts'
import {openRepository} from '../../../src/lib/images/registry.ts'
import {BUNDLE} from '../../support/signing.ts'

const CONTENT = Buffer.from('what a blob holds')
const DIGEST = `sha256:${createHash('sha256').update(CONTENT).digest('hex')}`
const BLOB = {digest: DIGEST, size: CONTENT.length}
const LOGIN = {username: 'tester', password: 'sesame-of-the-test'}
const BASIC = `Basic ${Buffer.from('tester:sesame-of-the-test').toString('base64')}`
const never = new AbortController().signal
const nobody: Credentials = async () => undefined
const tester: Credentials = async () => LOGIN
const testerByToken: Credentials = async () => ({identityToken: 'refresh-of-the-test'})
const broken: Credentials = async () => {
  throw new PluginError('CREDENTIALS_FAILED', 'the helper of the test is broken')
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A registry that does what no real one would; `asked` is what it got, in turn. */
async function serve(answer: Answer) {
  const asked: {path: string; authorization: string | undefined}[] = []
  const server = createServer((request, response) => {
    asked.push({path: request.url ?? '', authorization: request.headers.authorization})
    answer(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const {port} = server.address() as AddressInfo
  return {host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, asked}
}

function open(registry: string, credentials = nobody) {
  return openRepository({registry, repository: 'acme/tool'}, credentials)
}

function challenge(response: ServerResponse, text: string): void {
  response.writeHead(401, {'www-authenticate': text}).end()
}

describe('a repository', () => {
  test('gives a blob that has the bytes of its digest, and no other', async () => {
    const good = await serve((_request, response) => response.end(CONTENT))
    expect(await open(good.host).blob(BLOB, never)).toEqual(CONTENT)
    expect(good.asked).toEqual([{path: `/v2/acme/tool/blobs/${DIGEST}`, authorization: undefined}])
    const bad = await serve((_request, response) => response.end(CONTENT.toString().toUpperCase()))
    await expect(open(bad.host).blob(BLOB, never)).rejects.toThrow(`what it sent is not ${DIGEST}`)
    await expect(open(bad.host).manifest(DIGEST, never)).rejects.toThrow(RegistryError)
  })

  test('stops to read where a blob should end, and where no manifest goes on', async () => {
    const sent: number[] = []
    const flood = await serve((_request, response) => {
      const index = sent.push(0) - 1
      const more = () => {
        while (response.writable && response.write(Buffer.alloc(65_536))) {
          sent[index] = (sent[index] ?? 0) + 65_536
        }
      }
      response.on('drain', more)
      more()
    })
    await expect(open(flood.host).blob(BLOB, never)).rejects.toThrow('sent more than 17 bytes')
    await expect(open(flood.host).manifest('tag', never)).rejects.toThrow('more than 4194304 bytes')
    expect(sent).toHaveLength(2)
    expect(Math.max(...sent)).toBeLessThan(64 * 1024 * 1024)
  })

  test('takes a manifest that is missing for none, and what is no manifest for an error', async () => {
    const missing = await serve((_request, response) => response.writeHead(404).end('not here'))
    expect(await open(missing.host).manifest('tag', never)).toBeUndefined()
    const text = await serve((_request, response) => response.end('<html>'))
    await expect(open(text.host).manifest('tag', never)).rejects.toThrow('a manifest is not JSON')
  })

  test('leaves out descriptors that are none', async () => {
    const layers = [
      null,
      'x',
      {digest: '../../../other/blobs/x', size: 5},
      {digest: `sha256:${'A'.repeat(64)}`, size: 5},
      {digest: DIGEST, size: -1},
      {digest: DIGEST, size: 1.5},
      {digest: DIGEST, size: 5, mediaType: 7},
      {digest: DIGEST, size: 5, mediaType: 'a/b', annotations: 'none'},
    ]
    const registry = await serve((_request, response) => response.end(JSON.stringify({layers})))
    expect((await open(registry.host).manifest('tag', never))?.layers).toEqual([
      {digest: DIGEST, size: 5, mediaType: 'a/b', artifactType: '', annotations: {}},
    ])
  })

  test('asks for what is attached, and for the tag where nobody knows of attaching', async () => {
    const manifests = [{mediaType: 'a/b', digest: DIGEST, size: 5, artifactType: BUNDLE}]
    const index = JSON.stringify({schemaVersion: 2, manifests})
    const young = await serve((_request, response) => response.end(index))
    expect(await open(young.host).referrers(DIGEST, never)).toMatchObject(manifests)
    expect(young.asked.map(({path}) => path)).toEqual([`/v2/acme/tool/referrers/${DIGEST}`])
    for (const status of [400, 404, 405, 501]) {
      const old = await serve((request, response) =>
        request.url?.includes('/manifests/')
          ? response.end(index)
          : response.writeHead(status).end(),
      )
      expect(await open(old.host).referrers(DIGEST, never)).toMatchObject(manifests)
      expect(old.asked[1]?.path).toBe(`/v2/acme/tool/manifests/${DIGEST.replace(':', '-')}`)
    }
  })

  test.each([
    [403, 'log in with docker login'],
    [429, 'asked too often'],
    [500, 'status 500'],
  ])('says why it was refused with %i', async (status, reason) => {
    const registry = await serve((_request, response) => response.writeHead(status).end())
    await expect(open(registry.host).manifest('tag', never)).rejects.toThrow(`${registry.host}: it`)
    await expect(open(registry.host).manifest('tag', never)).rejects.toThrow(reason)
  })

  test('stops when nobody waits any more', async () => {
    const stop = new AbortController()
    const silent = await serve(() => stop.abort(new Error('stopped by the test')))
    await expect(open(silent.host).manifest('tag', stop.signal)).rejects.toThrow(
      'stopped by the test',
    )
  })
})

describe('a login', () => {
  test('is not given unless it is asked for, and then once for many questions', async () => {
    const open401 = await serve((request, response) =>
      request.headers.authorization === BASIC
        ? response.end(CONTENT)
        : challenge(response, 'Basic realm="x"'),
    )
    const repository = open(open401.host, tester)
    await repository.blob(BLOB, never)
    await repository.blob(BLOB, never)
    expect(open401.asked.map(({authorization}) => authorization)).toEqual([undefined, BASIC, BASIC])
  })

  test('goes to whom the registry names for tokens; the token comes back to the registry', async () => {
    const tokens = await serve((_request, response) => response.end('{"token": "a.token"}'))
    const registry = await serve((request, response) =>
      request.headers.authorization === 'Bearer a.token'
        ? response.end(CONTENT)
        : challenge(
            response,
            `Bearer realm="${tokens.url}/t?a=b",service="s",scope="repository:*:push,pull"`,
          ),
    )
    expect(await open(registry.host, tester).blob(BLOB, never)).toEqual(CONTENT)
    // To read this one repository, whatever more the registry wanted.
    expect(tokens.asked).toEqual([
      {path: '/t?a=b&service=s&scope=repository%3Aacme%2Ftool%3Apull', authorization: BASIC},
    ])
    expect(registry.asked.map(({authorization}) => authorization)).toEqual([
      undefined,
      'Bearer a.token',
    ])
  })

  test('by a token of a login is posted, never in an address', async () => {
    let body = ''
    const tokens = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => response.end('{"access_token": "another.token"}'))
    })
    const registry = await serve((request, response) =>
      request.headers.authorization === 'Bearer another.token'
        ? response.end(CONTENT)
        : challenge(response, `Bearer realm="${tokens.url}/t",service="s"`),
    )
    await open(registry.host, testerByToken).blob(BLOB, never)
    expect(tokens.asked).toEqual([{path: '/t', authorization: undefined}])
    expect(Object.fromEntries(new URLSearchParams(body))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-of-the-test',
      scope: 'repository:acme/tool:pull',
    })
  })

  test.each([
    ['http://tokens.example/t', 'over TLS'],
    ['ftp://127.0.0.1/t', 'over TLS'],
    ['no address', 'over TLS'],
  ])('is not given to %s', async (realm, reason) => {
    const registry = await serve((_request, response) =>
      challenge(response, `Bearer realm="${realm}"`),
    )
    await expect(open(registry.host, tester).blob(BLOB, never)).rejects.toThrow(reason)
  })

  test.each([
    ['no JSON', 'x'],
    ['no token', '{}'],
    ['one with a line break', String.raw`{"token": "a\r\nx: y"}`],
    ['too much', JSON.stringify({token: 'x'.repeat(100_000)})],
  ])('ends where the answer has %s', async (_what, text) => {
    const tokens = await serve((_request, response) => response.end(text))
    const registry = await serve((_request, response) =>
      challenge(response, `Bearer realm="${tokens.url}/t"`),
    )
    await expect(open(registry.host, tester).blob(BLOB, never)).rejects.toThrow(RegistryError)
    expect(registry.asked).toHaveLength(1)
  })

  test('is not sent on by whoever gives tokens', async () => {
    const elsewhere = await serve((_request, response) => response.end('{"token": "a.token"}'))
    const tokens = await serve((_request, response) =>
      response.writeHead(307, {location: `${elsewhere.url}/t`}).end(),
    )
    const registry = await serve((_request, response) =>
      challenge(response, `Bearer realm="${tokens.url}/t"`),
    )
    await expect(open(registry.host, tester).blob(BLOB, never)).rejects.toThrow(RegistryError)
    expect(elsewhere.asked).toEqual([])
  })

  test('that is wrong is tried once, and is in no error', async () => {
    const registry = await serve((_request, response) => challenge(response, 'Basic realm="x"'))
    const failure = await open(registry.host, tester)
      .blob(BLOB, never)
      .catch((error: unknown) => error)
    expect(String(failure)).toContain('log in with docker login')
    expect(JSON.stringify(failure) + String(failure)).not.toContain(LOGIN.password)
    expect(registry.asked).toHaveLength(2)
  })

  test('that cannot be got is told of where it is needed, and nowhere else', async () => {
    const tokens = await serve((_request, response) => response.end('{"token": "a.token"}'))
    const wanted = `Bearer realm="${tokens.url}/t"`
    const all = await serve((request, response) =>
      request.headers.authorization ? response.end(CONTENT) : challenge(response, wanted),
    )
    expect(await open(all.host, broken).blob(BLOB, never)).toEqual(CONTENT)
    const few = await serve((_request, response) => challenge(response, wanted))
    await expect(open(few.host, broken).blob(BLOB, never)).rejects.toThrow(
      /log in with docker login; the helper of the test is broken/,
    )
  })
})

describe('a redirect', () => {
  test('is followed without the login where it leads to another host', async () => {
    const storage = await serve((_request, response) => response.end(CONTENT))
    const registry = await serve((request, response) =>
      request.headers.authorization === BASIC
        ? response.writeHead(307, {location: `${storage.url}/deep/in/it?signed=1`}).end()
        : challenge(response, 'Basic realm="x"'),
    )
    expect(await open(registry.host, tester).blob(BLOB, never)).toEqual(CONTENT)
    expect(storage.asked).toEqual([{path: '/deep/in/it?signed=1', authorization: undefined}])
  })

  test('is followed with the login on the same host', async () => {
    const registry = await serve((request, response) => {
      if (request.headers.authorization !== BASIC) challenge(response, 'Basic realm="x"')
      else if (request.url === '/moved') response.end(CONTENT)
      else response.writeHead(302, {location: '/moved'}).end()
    })
    await open(registry.host, tester).blob(BLOB, never)
    expect(registry.asked.at(-1)).toEqual({path: '/moved', authorization: BASIC})
  })

  test('does not let the host that it leads to say where the login should go', async () => {
    const tokens = await serve((_request, response) => response.end('{"token": "a.token"}'))
    for (const wanted of ['Basic realm="x"', `Bearer realm="${tokens.url}/t"`]) {
      const thief = await serve((_request, response) => challenge(response, wanted))
      const registry = await serve((_request, response) =>
        response.writeHead(307, {location: `${thief.url}/x`}).end(),
      )
      await expect(open(registry.host, tester).blob(BLOB, never)).rejects.toThrow(RegistryError)
      expect(thief.asked).toEqual([{path: '/x', authorization: undefined}])
      expect(tokens.asked).toEqual([])
    }
  })

  test.each([
    ['http://elsewhere.example/x', 'without TLS'],
    ['http://169.254.169.254/latest/meta-data', 'without TLS'],
    ['file:///etc/passwd', 'without TLS'],
    ['http://', 'not where to'],
  ])('to %s is not followed', async (location, reason) => {
    const registry = await serve((_request, response) => response.writeHead(307, {location}).end())
    await expect(open(registry.host).blob(BLOB, never)).rejects.toThrow(reason)
  })

  test('is followed so often and no more', async () => {
    const registry = await serve((_request, response) =>
      response.writeHead(307, {location: '/again'}).end(),
    )
    await expect(open(registry.host).blob(BLOB, never)).rejects.toThrow('more than 5 times')
    expect(registry.asked).toHaveLength(6)
  })
})
