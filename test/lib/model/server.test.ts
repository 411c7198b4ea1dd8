import {describe, expect, test} from 'vitest'
import type {CatalogServer} from '../../../src/lib/model/catalog.ts'
import {bindServer} from '../../../src/lib/model/server.ts'

const FACTS = {
  longLived: false,
  limits: {},
  allowHosts: [],
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
      networkDisabled: false,
      extraHosts: [],
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
      disableNetwork: true,
      extraHosts: ['db:10.0.0.1'],
      secrets: [
        {name: 'x.token', env: 'TOKEN'},
        {name: 'x.token', env: 'TOKEN_TOO', required: false},
      ],
      longLived: true,
      allowHosts: ['api.example.com:443'],
      prefix: 'x_',
      startTimeout: 30,
      callTimeout: 2.5,
      resources: {limits: {cpus: '1.5', memory: '512m', pids: 64}},
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
      networkDisabled: true,
      extraHosts: ['db:10.0.0.1'],
      secrets: [
        {name: 'x.token', env: 'TOKEN', required: true},
        {name: 'x.token', env: 'TOKEN_TOO', required: false},
      ],
      secretNames: ['x.token'],
      longLived: true,
      allowHosts: ['api.example.com:443'],
      toolPrefix: 'x_',
      startTimeout: 30,
      callTimeout: 2.5,
      limits: {cpus: 1.5, memoryBytes: 512 * 1024 * 1024, pids: 64},
      requiredConfig: ['dir'],
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
    [undefined, 'streamable'],
  ] as const
  for (const [transport_type, transport] of transports) {
    test(`speaks ${transport} to a remote of type ${transport_type ?? 'none'}`, () => {
      const remote = {url: 'https://example.com/mcp', transport_type}
      expect(bindServer({name: 'r', remote}, {}, '/home/me')).toMatchObject({
        kind: 'remote',
        transport,
      })
    })
  }

  test('keeps the headers of a remote as templates and fills in its address', () => {
    const headers = {Authorization: 'Bearer $TOKEN', 'X-A': '{{r.a}}'}
    const remote = {url: 'https://{{r.host}}/mcp', transport_type: 'http', headers}
    expect(bindServer({name: 'r', remote}, {host: 'example.com', a: 'b'}, '/home/me')).toEqual({
      kind: 'remote',
      name: 'r',
      url: 'https://example.com/mcp',
      transport: 'streamable',
      headers: [
        {name: 'Authorization', value: 'Bearer $TOKEN'},
        {name: 'X-A', value: '{{r.a}}'},
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
