import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'

function parseServer(entry: unknown, name = 'x') {
  const {catalog, problems} = parseCatalog({name: 'c', registry: {[name]: entry}}, 'c.yaml')
  return {server: catalog.servers.get(name), problems}
}

describe('parseCatalog', () => {
  test('reads a catalog with its servers in order', () => {
    const registry = {b: {image: 'mcp/b'}, a: {image: 'mcp/a', title: 'A'}}
    const {catalog, problems} = parseCatalog(
      {version: 2, name: 'mine', displayName: 'Mine', registry},
      'mine.yaml',
    )
    expect(problems).toEqual([])
    expect(catalog).toMatchObject({name: 'mine', displayName: 'Mine'})
    expect([...catalog.servers]).toEqual([
      ['b', {name: 'b', image: 'mcp/b'}],
      ['a', {name: 'a', image: 'mcp/a', title: 'A'}],
    ])
  })

  test('takes a catalog without name, version and servers', () => {
    const {catalog} = parseCatalog({registry: null}, 'mine.yaml')
    expect(catalog).toEqual({name: 'mine.yaml', servers: new Map()})
  })

  const documents: readonly (readonly [string, unknown, string])[] = [
    ['text', 'registry', 'it is not a map'],
    ['a list', [], 'it is not a map'],
    ['nothing', null, 'it is not a map'],
    ['a map without registry', {name: 'c'}, 'it has no "registry"'],
    ['a registry that is a list', {registry: []}, '"registry" is not a map'],
    ['a name that is a number', {name: 1, registry: {}}, '"name" is not text'],
    ['a newer version', {version: 4, registry: {}}, 'its version is not one of 1 to 3'],
    ['a strange version', {version: 'x', registry: {}}, 'its version is not one of 1 to 3'],
  ]
  for (const [label, document, why] of documents) {
    test(`refuses ${label}`, () => {
      let thrown: unknown
      try {
        parseCatalog(document, 'c.yaml')
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(PluginError)
      expect(thrown).toMatchObject({code: 'CATALOG_INVALID'})
      expect(String(thrown)).toContain(`c.yaml is not a catalog: ${why}`)
    })
  }

  test('leaves out only the server that is wrong', () => {
    const registry = {bad: {image: 'mcp/bad', command: 'run'}, good: {image: 'mcp/good'}}
    const {catalog, problems} = parseCatalog({name: 'c', registry}, 'c.yaml')
    expect([...catalog.servers.keys()]).toEqual(['good'])
    expect(problems).toEqual([
      {
        kind: 'invalid',
        keys: ['command'],
        server: 'bad',
        path: 'command',
        message: 'must be a list',
      },
    ])
  })

  test('takes every key that catalogs have, without a word', () => {
    const entry = {
      name: 'x',
      type: 'server',
      title: 'X',
      description: 'does x',
      icon: 'https://example.com/i.png',
      readme: 'https://example.com/r.md',
      toolsUrl: 'https://example.com/t.json',
      source: '',
      upstream: 'https://example.com',
      ref: '',
      dateAdded: '2025-05-05T20:00:00Z',
      image: 'mcp/x',
      command: ['--port', 8080, true],
      env: [{name: 'A', value: 1}, {name: 'B'}],
      secrets: [
        {name: 'x.token', env: 'TOKEN', example: '<token>', description: 'a token', file: true},
      ],
      volumes: ['{{x.paths|volume|into}}'],
      user: 1000,
      disableNetwork: false,
      allowHosts: ['a:443'],
      extraHosts: ['a:1.2.3.4'],
      connectTo: ['db-1'],
      security: 'strict',
      readOnly: true,
      capAdd: ['NET_RAW'],
      tmpfs: ['/tmp:size=64m'],
      longLived: true,
      oauth: {providers: [{provider: 'x', secret: 'x.token', env: 'TOKEN'}], scopes: ['repo']},
      config: [{name: 'x', description: 'd', type: 'object', properties: {a: {type: 'string'}}}],
      tools: [
        {
          name: 't',
          description: 'd',
          arguments: [{name: 'a', type: 'array', items: {type: 'string'}, desc: 'd'}],
          annotations: {readOnlyHint: true},
        },
      ],
      prefix: 'x_',
      metadata: {
        pulls: 1,
        stars: 2,
        githubStars: 3,
        category: 'devops',
        tags: ['a'],
        license: 'MIT License',
        owner: 'o',
        registryUrl: 'https://example.com',
      },
      resources: {limits: {cpus: 2, cpu: 2, memory: '1g', pids: 10, disk: '1g'}},
      prompts: 0,
      dynamic: {tools: true},
      policy: {allowed: true},
      startTimeout: 20,
      callTimeout: 60,
    }
    const {server, problems} = parseServer(entry)
    expect(problems).toEqual([])
    expect(server).toMatchObject({
      command: ['--port', '8080', 'true'],
      env: [{name: 'A', value: '1'}, {name: 'B'}],
      user: '1000',
    })
  })

  test('takes remotes and sets of tools', () => {
    const headers = {Authorization: 'Bearer $T'}
    const remote = {url: 'https://e.com', transport_type: 'sse', headers}
    expect(parseServer({type: 'remote', remote}).problems).toEqual([])
    expect(parseServer({remote: {url: 'https://{{x.host}}/mcp'}}).problems).toEqual([])
    expect(parseServer({sseEndpoint: 'https://e.com/sse'}).problems).toEqual([])
    const container = {image: 'curl', command: ['{{args|into}}'], volumes: []}
    const parameters = {type: 'object', properties: {args: {type: 'array'}}, required: ['args']}
    const tools = [{name: 'curl', parameters, container}]
    expect(parseServer({type: 'poci', tools}).problems).toEqual([])
  })

  test('takes the providers of oauth also as a bare list', () => {
    const {server} = parseServer({image: 'i', oauth: [{provider: 'github'}]})
    expect(server?.oauth).toEqual({providers: [{provider: 'github'}]})
  })

  test('reads a key without a value as absent', () => {
    const entry = {image: 'mcp/x', command: null, secrets: null, remote: {url: null}}
    expect(parseServer(entry)).toEqual({
      server: {name: 'x', image: 'mcp/x', remote: {}},
      problems: [],
    })
  })

  test('names the server after its key', () => {
    expect(parseServer({name: 'other', image: 'i'}).server?.name).toBe('x')
  })

  test('keeps keys that it does not know, and says so', () => {
    const entry = {
      image: 'mcp/x',
      allowHost: ['a:443'],
      env: [{name: 'A', valu: '1'}],
      secrets: [{name: 'a', env: 'A', fiel: 'x'}],
      resources: {limits: {memroy: '1g'}, reservations: {}},
    }
    const {server, problems} = parseServer(entry)
    expect(server).toMatchObject({allowHost: ['a:443'], env: [{valu: '1'}]})
    expect(problems.map(({kind, path}) => `${kind} ${path}`)).toEqual([
      'unknown allowHost',
      'unknown env.0.valu',
      'unknown secrets.0.fiel',
      'unknown resources.reservations',
      'unknown resources.limits.memroy',
    ])
  })

  test.each([
    [{allowhosts: ['a:443']}, 'allowhosts', 'allowHosts'],
    [{'disable-network': true}, 'disable-network', 'disableNetwork'],
    [{disable_network: true, disableNetwork: false}, 'disable_network', 'disableNetwork'],
    [{readonly: true}, 'readonly', 'readOnly'],
    [{CapAdd: []}, 'CapAdd', 'capAdd'],
    [{remote: {transportType: 'sse'}}, 'remote.transportType', 'transport_type'],
    [{env: [{name: 'A'}, {name: 'B', Value: 'b'}]}, 'env.1.Value', 'value'],
    [{secrets: [{name: 'a', env: 'A', FILE: true}]}, 'secrets.0.FILE', 'file'],
    [{resources: {limits: {PIDs: 5}}}, 'resources.limits.PIDs', 'pids'],
    [{standby: {mn: 1}}, 'standby.mn', 'min'],
    [{tools: [{name: 'a'}, {name: 'b', containr: {image: 'c'}}]}, 'tools.1.containr', 'container'],
    [{tools: [{name: 'a', container: {image: 'c', uesr: '1'}}]}, 'tools.0.container.uesr', 'user'],
  ])('leaves out an entry with %j', (keys, path, meant) => {
    const message = `is not a key of the format: did you mean ${meant}?`
    expect(parseServer({image: 'mcp/x', ...keys})).toEqual({
      server: undefined,
      problems: [{kind: 'invalid', server: 'x', path, keys: path.split('.'), message}],
    })
  })

  test.each([
    [{comandd: []}, 'comandd'],
    [{metadata: {catgory: 'x', tags: ['a']}}, 'metadata.catgory'],
    [{tools: [{name: 'a', descripton: 'b'}]}, 'tools.0.descripton'],
    [{tools: [{name: 'a', container: {image: 'c', cwd: '/'}}]}, 'tools.0.container.cwd'],
    [{oauth: {scops: []}}, 'oauth.scops'],
    [{oauth: {providers: [{provider: 'p', Secret: 's'}]}}, 'oauth.providers.0.Secret'],
    [{oauth: [{provider: 'p', scret: 's'}]}, 'oauth.providers.0.scret'],
    [{remote: {url: 'https://a.example.com', retries: 1}}, 'remote.retries'],
    [{standby: {min: 1, most: 2}}, 'standby.most'],
    [{resources: {limit: {}}}, 'resources.limit'],
  ])('keeps an entry with %j, and tells of the key that is none', (keys, path) => {
    const {server, problems} = parseServer({image: 'mcp/x', ...keys})
    expect(server?.image).toBe('mcp/x')
    expect(problems).toEqual([
      {
        kind: 'unknown',
        server: 'x',
        path,
        keys: path.split('.'),
        message: 'the catalog format has no such key; it has no effect',
      },
    ])
  })

  test('says nothing about what is free in its form', () => {
    const free = {any: {thing: [1]}}
    const {problems} = parseServer({
      image: 'mcp/x',
      env: [{name: 'A', example: 'b', description: 'c'}],
      config: [{name: 'x', ...free}],
      tools: [{name: 'a', arguments: [free], annotations: free, parameters: free}],
      policy: free,
      dynamic: free,
      prompts: free,
      resources: 3,
    })
    expect(problems).toEqual([])
  })

  test('tells of keys that the document has beside those of a catalog', () => {
    const {problems} = parseCatalog({regsitry: 3, registry: {}, name: 'c', version: 3}, 'c.yaml')
    expect(problems).toEqual([
      {
        kind: 'unknown',
        server: '',
        path: 'regsitry',
        keys: ['regsitry'],
        message: 'the catalog format has no such key; it has no effect',
      },
    ])
  })

  test('refuses a container that is to live for one call and for the session', () => {
    const message =
      'must not be true together with longLived: a container lives for one call, or for the session'
    expect(parseServer({image: 'mcp/x', ephemeral: true, longLived: true}).problems).toEqual([
      {kind: 'invalid', server: 'x', path: 'ephemeral', keys: ['ephemeral'], message},
    ])
    for (const keys of [{ephemeral: true, longLived: false}, {longLived: true}]) {
      expect(parseServer({image: 'mcp/x', ...keys}).problems).toEqual([])
    }
  })

  test('tells a misspelt key with what else is wrong', () => {
    const {problems} = parseServer({Image: 'mcp/x', allowHosts: 'a:1'})
    expect(problems.map(({path, message}) => `${path} ${message}`)).toEqual([
      'allowHosts must be a list',
      'Image is not a key of the format: did you mean image?',
    ])
  })

  test.each([
    [
      {disableNetwork: true, connectTo: ['db']},
      ['connectTo has no effect: disableNetwork is true'],
    ],
    [{disableNetwork: true, connectTo: []}, []],
    [
      {
        allowHosts: ['a:1', '*.ok:1'],
        extraHosts: ['a:1.2.3.4', 'b.ok:1.2.3.4', 'C:1.2.3.4', 'c:::1'],
      },
      ['extraHosts names c, which no rule of allowHosts allows'],
    ],
    [{extraHosts: ['a:1.2.3.4']}, []],
  ])('says of %j what has no effect', (keys, expected) => {
    const {server, problems} = parseServer({image: 'mcp/x', ...keys})
    expect(server).toBeDefined()
    expect(problems.map(({path, message}) => `${path} ${message}`)).toEqual(expected)
    expect(problems.every(({kind}) => kind === 'idle')).toBe(true)
  })

  test.each(['allowHosts', 'extraHosts', 'connectTo', 'capAdd', 'tmpfs'])(
    'refuses text and templates in %s',
    key => {
      expect(parseServer({image: 'i', [key]: 'x:1'}).problems).toMatchObject([
        {kind: 'invalid', path: key, message: 'must be a list'},
      ])
      expect(parseServer({image: 'i', [key]: ['{{x.host}}:1']}).problems).toMatchObject([
        {
          kind: 'invalid',
          path: `${key}.0`,
          message: '"{{x.host}}:1" has a template: {{…}} cannot be used here',
        },
      ])
    },
  )

  const wrong: readonly (readonly [string, unknown, string])[] = [
    ['an entry that is text', 'mcp/x', ''],
    ['an entry that is empty', null, ''],
    ['an entry with nothing to run', {title: 'X'}, ''],
    ['tools without container', {tools: [{name: 't'}]}, ''],
    ['an unknown type', {type: 'process', image: 'i'}, 'type'],
    [
      'an unknown transport',
      {remote: {url: 'https://e', transport_type: 'ws'}},
      'remote.transport_type',
    ],
    ['an address of another scheme', {remote: {url: 'file:///etc/passwd'}}, 'remote.url'],
    ['an endpoint of another scheme', {sseEndpoint: 'javascript:1'}, 'sseEndpoint'],
    ['an address that is none', {remote: {url: 'example'}}, 'remote.url'],
    ['a variable name with =', {image: 'i', env: [{name: 'A=B', value: ''}]}, 'env.0.name'],
    ['a secret without variable', {image: 'i', secrets: [{name: 'a'}]}, 'secrets.0.env'],
    ['a secret without name', {image: 'i', secrets: [{name: '', env: 'A'}]}, 'secrets.0.name'],
    ['an argument that is a map', {image: 'i', command: [{}]}, 'command.0'],
    ['a timeout of zero', {image: 'i', startTimeout: 0}, 'startTimeout'],
    ['a timeout in text', {image: 'i', callTimeout: '5s'}, 'callTimeout'],
    [
      'a size that is none',
      {image: 'i', resources: {limits: {memory: 'much'}}},
      'resources.limits.memory',
    ],
    ['a configuration that is text', {image: 'i', config: ['x']}, 'config.0'],
  ]
  for (const [label, entry, path] of wrong) {
    test(`reports ${label}`, () => {
      const {server, problems} = parseServer(entry)
      expect(server).toBeUndefined()
      expect(problems).toMatchObject([{kind: 'invalid', server: 'x', path}])
      expect(problems[0]?.message).not.toBe('')
    })
  }

  for (const name of [
    '',
    '-rm',
    '../x',
    'a/b',
    'a\\b',
    '.hidden',
    'a\nb',
    'a\u0000',
    'x'.repeat(129),
  ]) {
    test(`reports the server name ${JSON.stringify(name.slice(0, 9))}`, () => {
      const {server, problems} = parseServer({image: 'i'}, name)
      expect(server).toBeUndefined()
      expect(problems).toMatchObject([{kind: 'invalid', server: name, path: ''}])
    })
  }

  test('trusts no __proto__ key, at any depth', () => {
    const document: unknown = JSON.parse(`{"registry": {
      "__proto__": {"image": "evil"},
      "x": {"image": "i", "__proto__": {"disableNetwork": true},
            "metadata": {"__proto__": {"tags": ["evil"]}}}
    }}`)
    const {catalog, problems} = parseCatalog(document, 'c.json')
    expect([...catalog.servers.keys()]).toEqual(['x'])
    expect(problems).toMatchObject([{kind: 'invalid', server: '__proto__'}])
    const server = catalog.servers.get('x')
    expect(server?.disableNetwork).toBeUndefined()
    expect(server?.metadata?.tags).toBeUndefined()
    expect(Object.getPrototypeOf(server)).toBe(Object.prototype)
  })

  test('leaves out an entry that contains itself', () => {
    const entry: Record<string, unknown> = {image: 'i'}
    entry['metadata'] = {more: entry}
    expect(parseServer(entry)).toMatchObject({
      server: undefined,
      problems: [{kind: 'invalid', message: 'the entry nests too deep'}],
    })
  })

  test('is not shared with the document it came from', () => {
    const entry = {image: 'i', config: [{name: 'x', properties: {}}]}
    const {server} = parseServer(entry)
    entry.config.pop()
    expect(server?.config).toHaveLength(1)
  })

  test('throws nothing but CATALOG_INVALID, whatever comes in', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.anything(), (registry, entry) => {
        const {catalog, problems} = parseCatalog({registry: {...registry, x: entry}}, 'c.yaml')
        for (const [name, server] of catalog.servers) expect(server.name).toBe(name)
        const refused = new Set(problems.filter(({kind}) => kind === 'invalid').map(p => p.server))
        const names = Object.keys({...registry, x: entry})
        expect(catalog.servers.size + refused.size).toBe(names.length)
      }),
    )
  })
})
