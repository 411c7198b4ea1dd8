import {describe, expect, test} from 'vitest'
import {parseAllowRule} from '../../../src/lib/model/allow-rule.ts'
import type {CatalogServer} from '../../../src/lib/model/catalog.ts'
import {bindServer} from '../../../src/lib/model/server.ts'

const FACTS = {
  longLived: false,
  ephemeral: false,
  limits: {},
  requiredConfig: [],
  secrets: [],
  secretNames: [],
}

describe('bindServer', () => {
  test('makes a container of an entry with an image', () => {
    expect(bindServer({name: 'x', image: 'mcp/x'}, {}, '/home/me')).toEqual({
      kind: 'container',
      name: 'x',
      image: 'mcp/x',
      command: [],
      env: [],
      volumes: [],
      network: {kind: 'unsaid', rules: [], extraHosts: [], connectTo: []},
      security: {profile: undefined, readOnly: undefined, capAdd: [], tmpfs: []},
      ...FACTS,
    })
  })

  test('carries everything that an entry says about its container', () => {
    const entry: CatalogServer = {
      name: 'x',
      image: 'mcp/x',
      command: ['--dir={{x.dir}}', '{{x.absent}}', '$TOKEN'],
      env: [
        {name: 'DIR', value: '{{x.dir}}'},
        {name: 'AUTH', value: 'Bearer $TOKEN'},
        {name: 'NONE'},
        {name: 'PORT', value: '{{x.port}}'},
      ],
      volumes: ['{{x.dir|volume}}', '{{x.absent|volume}}', 'data:/data'],
      user: '{{x.user}}',
      extraHosts: ['db:10.0.0.1'],
      connectTo: ['db-1', 'db-1'],
      security: 'strict',
      readOnly: true,
      capAdd: ['cap_net_raw', 'NET_RAW', 'Chown'],
      tmpfs: ['/tmp/:size=64m,exec', '/run'],
      remote: {url: 'http://localhost:{{x.port}}/mcp?a=1', transport_type: 'sse'},
      secrets: [
        {name: 'x.token', env: 'TOKEN'},
        {name: 'x.token', env: 'TOKEN_TOO', required: false, file: true},
      ],
      longLived: true,
      ephemeral: false,
      allowHosts: ['api.example.com:443'],
      prefix: 'x_',
      startTimeout: 30,
      callTimeout: 2.5,
      resources: {limits: {cpu: '1.5', memory: '512m', pids: 64, disk: '1g'}},
      config: [{name: 'x', type: 'object', properties: {dir: {type: 'string'}}, required: ['dir']}],
    }
    expect(bindServer(entry, {dir: '/work', port: 80, user: 1000}, '/home/me')).toEqual({
      kind: 'container',
      name: 'x',
      image: 'mcp/x',
      command: ['--dir=/work', '', '$TOKEN'],
      env: [
        {name: 'DIR', value: '/work', expand: false},
        {name: 'AUTH', value: 'Bearer $TOKEN', expand: true},
        {name: 'NONE', value: '', expand: true},
        {name: 'PORT', value: '80', expand: false},
      ],
      volumes: ['/work:/work', 'data:/data'],
      user: '1000',
      network: {
        kind: 'allow',
        rules: [parseAllowRule('api.example.com:443')],
        extraHosts: [{name: 'db', address: '10.0.0.1'}],
        connectTo: ['db-1'],
      },
      security: {
        profile: 'strict',
        readOnly: true,
        capAdd: ['NET_RAW', 'CHOWN'],
        tmpfs: [
          {path: '/tmp', options: 'size=64m,exec'},
          {path: '/run', options: ''},
        ],
      },
      http: {port: 80, path: '/mcp?a=1', transport: 'sse'},
      secrets: [
        {name: 'x.token', env: 'TOKEN', required: true},
        {name: 'x.token', env: 'TOKEN_TOO', required: false, file: 'TOKEN_TOO'},
      ],
      secretNames: ['x.token'],
      longLived: true,
      ephemeral: false,
      toolPrefix: 'x_',
      startTimeout: 30,
      callTimeout: 2.5,
      limits: {cpus: 1.5, memoryBytes: 512 * 1024 ** 2, pids: 64, diskBytes: 1024 ** 3},
      requiredConfig: ['dir'],
    })
  })

  test.each([
    ['http://localhost:{{x.port}}/mcp', 8080, {port: 8080, path: '/mcp', transport: 'streamable'}],
    ['http://{{x.host}}:8080/mcp', 8080, undefined],
    ['https://example.com/mcp', 8080, undefined],
    ['http://localhost:{{x.absent}}/mcp', 8080, undefined],
  ])('speaks to an image with the address %s', (url, port, http) => {
    const entry: CatalogServer = {name: 'x', image: 'i', remote: {url}, allowHosts: ['a:443']}
    const spec = bindServer(entry, {port, host: 'x.test'}, '/home/me')
    expect(spec).toMatchObject({kind: 'container', network: {kind: 'allow'}})
    expect('http' in spec ? spec.http : undefined).toEqual(http)
  })

  test.each([
    [443, 'its allowHosts.0 "a:443" needs port 443 in the container, where the server listens, as'],
    [3128, "its remote.url names port 3128, which the gateway's proxy has in the container"],
    [0, 'its remote.url has a port that is not from 1 to 65535'],
    [99_999, 'its remote.url has a port that is not from 1 to 65535'],
  ])('refuses an address inside that is of port %d after evaluation', (port, why) => {
    const remote = {url: 'http://localhost:{{x.port}}/mcp'}
    const entry = {name: 'x', image: 'i', remote, allowHosts: ['a:443']}
    expect(() => bindServer(entry, {port}, '/home/me')).toThrow(
      expect.objectContaining({
        code: 'CATALOG_INVALID',
        message: expect.stringContaining(`server x cannot be started: ${why}`),
      }),
    )
  })

  test('names the file of a secret', () => {
    const entry: CatalogServer = {
      name: 'x',
      image: 'i',
      secrets: [
        {name: 'x.a', env: 'A', file: true},
        {name: 'x.b', env: 'B_FILE', file: true},
        {name: 'x.c', env: 'C', file: 'c.pem'},
        {name: 'x.d', env: '_FILE', file: true},
        {name: 'x.e', env: 'E'},
      ],
    }
    const files = bindServer(entry, {}, '/home/me').secrets.map(({file}) => file)
    expect(files).toEqual(['A', 'B', 'c.pem', '_FILE', undefined])
  })

  test('prefers cpus to cpu', () => {
    const limits = {cpus: 2, cpu: '1'}
    expect(bindServer({name: 'x', image: 'i', resources: {limits}}, {}, '/').limits).toEqual({
      cpus: 2,
    })
  })

  test('has no user when the template for it comes out empty', () => {
    const spec = bindServer({name: 'x', image: 'i', user: '{{x.user}}'}, {}, '/home/me')
    expect(spec).not.toHaveProperty('user')
  })

  test('leaves out limits that say nothing', () => {
    const spec = bindServer({name: 'x', image: 'i', resources: {limits: {cpus: 0}}}, {}, '/home/me')
    expect(spec.limits).toEqual({})
  })

  const transports = [
    ['sse', 'sse'],
    ['http', 'streamable'],
    ['streamable', 'streamable'],
    ['streaming', 'streamable'],
    ['streamable-http', 'streamable'],
    ['', 'auto'],
    [undefined, 'auto'],
  ] as const
  for (const [transport_type, transport] of transports) {
    test(`speaks ${transport} to a remote of type ${JSON.stringify(transport_type)}`, () => {
      const remote = {url: 'https://example.com/mcp', transport_type}
      expect(bindServer({name: 'r', remote}, {}, '/home/me')).toMatchObject({
        kind: 'remote',
        transport,
      })
    })
  }

  test('fills in the address and the headers of a remote, but for the secrets', () => {
    const headers = {Authorization: 'Bearer $TOKEN', 'X-A': '{{r.a}}'}
    const remote = {url: 'https://{{r.host}}/mcp', transport_type: 'http', headers}
    const oauth = {providers: [{provider: 'p', secret: 'p.token', env: 'TOKEN'}]}
    expect(
      bindServer({name: 'r', remote, oauth}, {host: 'example.com', a: 'b'}, '/home/me'),
    ).toEqual({
      kind: 'remote',
      name: 'r',
      url: 'https://example.com/mcp',
      transport: 'streamable',
      headers: [
        {name: 'Authorization', parts: [{text: 'Bearer '}, {reference: 'TOKEN'}]},
        {name: 'X-A', parts: [{text: 'b'}]},
      ],
      ...FACTS,
    })
  })

  test('takes the older sseEndpoint as a remote', () => {
    expect(bindServer({name: 'r', sseEndpoint: 'http://h/sse'}, {}, '/home/me')).toMatchObject({
      kind: 'remote',
      url: 'http://h/sse',
      transport: 'sse',
    })
  })

  test('refuses a remote with a header that no secret can fill', () => {
    const remote = {url: 'https://h/mcp', headers: {'X-Key': '$KEY'}}
    expect(() => bindServer({name: 'r', remote}, {}, '/home/me')).toThrow(
      /server r cannot be started: it refers to \$KEY in its header X-Key/u,
    )
  })

  test('refuses an address that is not one after evaluation', () => {
    const entry = {name: 'r', remote: {url: '{{r.scheme}}://x'}}
    expect(() => bindServer(entry, {scheme: 'file'}, '/home/me')).toThrow(
      /remote server r is not an http/u,
    )
    expect(() => bindServer(entry, {}, '/home/me')).toThrow(/not an http/u)
  })

  test('takes an entry without image and address as a set of tools', () => {
    const entry: CatalogServer = {
      name: 'curl',
      env: [{name: 'A', value: '$B'}],
      disableNetwork: true,
      tools: [
        {
          name: 'curl',
          description: 'loads an address',
          parameters: {type: 'object', properties: {args: {type: 'array'}}},
          container: {image: 'curl', command: ['{{args|into}}'], volumes: ['a:/a'], user: '1'},
        },
        {name: 'plain', container: {image: 'busybox'}},
        {name: 'not-runnable'},
      ],
    }
    expect(bindServer(entry, {}, '/home/me')).toEqual({
      kind: 'poci',
      name: 'curl',
      tools: [
        {
          name: 'curl',
          description: 'loads an address',
          parameters: {type: 'object', properties: {args: {type: 'array'}}},
          image: 'curl',
          command: ['{{args|into}}'],
          volumes: ['a:/a'],
          user: '1',
        },
        {
          name: 'plain',
          description: '',
          parameters: {type: 'object'},
          image: 'busybox',
          command: [],
          volumes: [],
        },
      ],
      env: [{name: 'A', value: '$B', expand: true}],
      network: {kind: 'none', rules: [], extraHosts: [], connectTo: []},
      security: {capAdd: [], tmpfs: []},
      ...FACTS,
    })
    expect(bindServer({name: 'none'}, {}, '/home/me')).toMatchObject({kind: 'poci', tools: []})
  })

  test('looks up values under the name with underscores for dots', () => {
    const entry: CatalogServer = {name: 'a.b', image: 'i', command: ['{{a_b.key}}']}
    expect(bindServer(entry, {key: 'v'}, '/home/me')).toMatchObject({command: ['v']})
  })

  test('changes neither the entry nor the values', () => {
    const entry = Object.freeze<CatalogServer>({name: 'x', image: 'i', command: ['{{x.a}}']})
    const config = Object.freeze({a: ['1']})
    expect(bindServer(entry, config, '/home/me')).toEqual(bindServer(entry, config, '/home/me'))
  })
})
