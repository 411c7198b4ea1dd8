import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {Json, JsonObject} from '../../../../src/lib/base/json.ts'
import {ALL_KINDS, convertServer} from '../../../../src/lib/catalog/community/convert.ts'
import type {PackageKind} from '../../../../src/lib/catalog/community/packages.ts'
import {isServerJson, readServerJson} from '../../../../src/lib/catalog/community/server-json.ts'
import {readEntry} from '../../../../src/lib/catalog/entry.ts'
import {expandSecrets} from '../../../../src/lib/model/expand.ts'
import {bindServer} from '../../../../src/lib/model/server.ts'
import {serverJson} from '../../../support/community.ts'

/** What becomes of a `server.json`. */
function convert(
  document: JsonObject,
  kinds: ReadonlySet<PackageKind> = ALL_KINDS,
  runtime?: string,
) {
  return convertServer(readServerJson(document, 'test'), {kinds, runtime})
}

function oci(more: JsonObject = {}): JsonObject {
  const packaged = {registryType: 'oci', identifier: 'example/weather:1.0', ...more}
  return serverJson('com.example/weather', {packages: [packaged]})
}

/** What the program gets when a server of that description is started. */
function started(
  document: JsonObject,
  {
    config = {},
    secrets = {},
  }: {config?: JsonObject; secrets?: Readonly<Record<string, string>>} = {},
) {
  const {name, entry} = convert(document)
  const spec = bindServer(readEntry(name, entry), config, '/home/me')
  if (spec.kind !== 'container') throw new Error(`it is ${spec.kind}`)
  const {env, command} = expandSecrets(spec, new Map(Object.entries(secrets)))
  return {env: Object.fromEntries(env), command, spec}
}

/** @returns the code of the refusal; undefined when there is none */
function codeOf(task: () => unknown): string | undefined {
  try {
    task()
    return undefined
  } catch (error) {
    if (error instanceof PluginError) return error.code
    throw error
  }
}

function refusal(document: JsonObject, kinds?: ReadonlySet<PackageKind>): PluginError {
  try {
    convert(document, kinds)
  } catch (error) {
    if (error instanceof PluginError) return error
    throw error
  }
  throw new Error('it was converted')
}

describe('a server.json', () => {
  test('with an image becomes a server in a container', () => {
    const {name, kind, entry} = convert(
      serverJson('io.github.example/weather', {
        title: 'Weather',
        icons: [{src: 'http://example.com/no.png'}, {src: 'https://example.com/yes.png'}],
        repository: {
          url: 'https://github.com/example/weather',
          source: 'github',
          subfolder: 'src/a',
        },
        packages: [{registryType: 'oci', identifier: 'ghcr.io/example/weather:1.2.3'}],
      }),
    )
    expect([name, kind]).toEqual(['io-github-example-weather', 'oci'])
    expect(entry).toEqual({
      name: 'io-github-example-weather',
      type: 'server',
      title: 'Weather',
      description: 'What io.github.example/weather does.',
      icon: 'https://example.com/yes.png',
      readme: 'https://raw.githubusercontent.com/example/weather/HEAD/src/a/README.md',
      image: 'ghcr.io/example/weather:1.2.3',
    })
  })

  test.each([
    [{identifier: 'example/a', version: '1.0'}, 'example/a:1.0'],
    [{identifier: 'example/a:2', version: '1.0'}, 'example/a:2'],
    [
      {identifier: 'example/a', version: `sha256:${'a'.repeat(64)}`},
      `example/a@sha256:${'a'.repeat(64)}`,
    ],
    [{identifier: 'example/a', registryBaseUrl: 'https://docker.io', version: '1'}, 'example/a:1'],
    [{identifier: 'example/a', registryBaseUrl: 'https://ghcr.io'}, 'ghcr.io/example/a'],
    [{identifier: 'ghcr.io/example/a', registryBaseUrl: 'https://ghcr.io'}, 'ghcr.io/example/a'],
    [{identifier: 'localhost:5000/a', version: '3'}, 'localhost:5000/a:3'],
  ])('with the package %j has the image %s', (packaged, image) => {
    expect(convert(oci(packaged)).entry['image']).toBe(image)
  })

  test('of the older form says the same', () => {
    const older = {
      name: 'io.modelcontextprotocol/brave-search',
      description: 'Searches.',
      version_detail: {version: '1.0.2'},
      packages: [
        {
          registry_type: 'npm',
          registry_base_url: 'https://registry.npmjs.org',
          identifier: '@modelcontextprotocol/server-brave-search',
          version: '1.0.2',
          environment_variables: [
            {name: 'BRAVE_API_KEY', description: 'the key', is_required: true, is_secret: true},
          ],
        },
      ],
    }
    const {entry, kind} = convert(older)
    expect(kind).toBe('npm')
    expect(entry).toEqual({
      name: 'io-modelcontextprotocol-brave-search',
      type: 'server',
      description: 'Searches.',
      image: 'node:24-bookworm-slim',
      command: ['npx', '--yes', '@modelcontextprotocol/server-brave-search@1.0.2'],
      volumes: ['docker-mcp-npm-cache-io-modelcontextprotocol-brave-search:/root/.npm'],
      longLived: true,
      secrets: [
        {
          name: 'io-modelcontextprotocol-brave-search.BRAVE_API_KEY',
          env: 'BRAVE_API_KEY',
          description: 'the key',
        },
      ],
    })
  })

  test('with a package of PyPI runs it with uvx', () => {
    const packaged = {
      registryType: 'pypi',
      registryBaseUrl: 'https://packages.example.com/simple',
      identifier: 'weather-mcp[http]',
      version: '0.5.0',
      runtimeHint: 'uvx',
      runtimeArguments: [{type: 'positional', value: '--no-cache'}],
      packageArguments: [{type: 'positional', value: 'serve'}],
    }
    const {entry} = convert(serverJson('a/weather', {packages: [packaged]}), ALL_KINDS, '3.12')
    expect(entry).toMatchObject({
      image: 'ghcr.io/astral-sh/uv:python3.12-bookworm-slim',
      command: [
        'uvx',
        '--index-url',
        'https://packages.example.com/simple',
        '--no-cache',
        '--from',
        'weather-mcp[http]==0.5.0',
        'weather-mcp',
        'serve',
      ],
      volumes: ['docker-mcp-uv-cache-a-weather:/root/.cache/uv'],
      longLived: true,
    })
  })

  test('takes an image rather than PyPI rather than npm, and only kinds that are allowed', () => {
    const packages = ['npm', 'pypi', 'oci'].map(registryType => ({
      registryType,
      identifier: 'mcp/a',
    }))
    const document = serverJson('a/b', {
      packages: packages.map(one => ({
        ...one,
        identifier: one.registryType === 'oci' ? 'mcp/a' : 'a',
      })),
    })
    expect(convert(document).kind).toBe('oci')
    expect(convert(document, new Set(['pypi', 'npm'])).kind).toBe('pypi')
    expect(convert(document, new Set(['npm'])).kind).toBe('npm')
    expect(refusal(document, new Set()).message).toContain(
      'kinds that are not taken: npm, pypi, oci',
    )
  })

  test('takes a remote rather than a package', () => {
    const {entry, kind} = convert({
      ...oci(),
      remotes: [
        {
          type: 'streamable-http',
          url: 'https://{tenant}.example.com/mcp',
          variables: {tenant: {isRequired: true, description: 'yours'}},
          headers: [
            {
              name: 'Authorization',
              value: 'Bearer {token}',
              variables: {token: {isSecret: true, isRequired: true}},
            },
            {name: 'X-Key', isSecret: true},
            {name: 'X-Region', default: 'eu', choices: ['eu', 'us']},
          ],
        },
        {type: 'sse', url: 'https://example.com/sse'},
      ],
    })
    expect(kind).toBe('remote')
    expect(entry).toEqual({
      name: 'com-example-weather',
      description: 'What com.example/weather does.',
      type: 'remote',
      remote: {
        url: 'https://{{com-example-weather.tenant}}.example.com/mcp',
        transport_type: 'streamable-http',
        headers: {
          Authorization: 'Bearer ${TOKEN}',
          'X-Key': '${X_KEY}',
          'X-Region': '{{com-example-weather.X-Region|or:eu}}',
        },
      },
      secrets: [
        {name: 'com-example-weather.token', env: 'TOKEN'},
        {name: 'com-example-weather.X-Key', env: 'X_KEY', required: false},
      ],
      config: [
        {
          name: 'com-example-weather',
          type: 'object',
          description: 'Configuration of com-example-weather',
          properties: {
            tenant: {type: 'string', description: 'yours'},
            'X-Region': {type: 'string', description: '', enum: ['eu', 'us'], default: 'eu'},
          },
          required: ['tenant'],
        },
      ],
    })
  })

  test('takes the first remote or package that an entry can say', () => {
    const remotes = [
      {type: 'sse', url: 'https://example.com/{key}', variables: {key: {isSecret: true}}},
      {type: 'sse', url: 'https://example.com/sse'},
    ]
    expect(convert({...oci(), remotes}).entry['remote']).toEqual({
      url: 'https://example.com/sse',
      transport_type: 'sse',
    })
    expect(convert({...oci(), remotes: remotes.slice(0, 1)}).kind).toBe('oci')
  })

  test('takes an image that serves HTTP when none speaks over stdin and stdout', () => {
    const transport = {type: 'streamable-http', url: 'http://localhost:8080/mcp'}
    const remote = {url: transport.url, transport_type: 'streamable-http'}
    expect(convert(oci({transport})).entry).toMatchObject({type: 'server', remote})
    expect(started(oci({transport})).spec.http).toMatchObject({port: 8080, path: '/mcp'})
    const [http] = oci({transport})['packages'] as Json[]
    const npm: Json = {registryType: 'npm', identifier: 'a'}
    expect(convert(serverJson('a/b', {packages: [http ?? null, npm]})).kind).toBe('npm')
  })

  test('of the older form has the kind of its remotes under another key', () => {
    const remotes = [{transport_type: 'sse', url: 'https://example.com/sse'}]
    const {entry} = convert({name: 'a/b', description: '', remotes})
    expect(entry['remote']).toMatchObject({transport_type: 'sse'})
  })

  test.each<[string, JsonObject]>([
    ['has no package and no remote', serverJson('a/b')],
    ['kinds that are not taken: nuget', serverJson('a/b', {packages: [{registryType: 'nuget'}]})],
    [
      'speak neither over stdin and stdout nor',
      oci({transport: {type: 'sse', url: 'http://0.0.0.0:1/'}}),
    ],
    ['names an image that is none', oci({identifier: '--privileged'})],
    [
      'names a package that is none',
      serverJson('a/b', {packages: [{registryType: 'npm', identifier: '--eval=1'}]}),
    ],
    [
      'names a package that is none',
      serverJson('a/b', {packages: [{registryType: 'npm', identifier: 'a', version: '--x'}]}),
    ],
    [
      'names a package that is none',
      serverJson('a/b', {packages: [{registryType: 'pypi', identifier: '-e git+x'}]}),
    ],
    [
      'no https address',
      serverJson('a/b', {
        packages: [{registryType: 'npm', identifier: 'a', registryBaseUrl: 'http://x.example'}],
      }),
    ],
    [
      'without an http or https address',
      serverJson('a/b', {remotes: [{type: 'sse', url: 'file:///etc/passwd'}]}),
    ],
    ['refers to $HOME', oci({environmentVariables: [{name: 'A', value: '$HOME/x'}]})],
    ['no letter and no digit', {...oci(), name: '../--'}],
    [
      'needs a secret where',
      oci({
        runtimeArguments: [
          {type: 'named', name: '-u', value: '{u}', variables: {u: {isSecret: true}}},
        ],
      }),
    ],
    [
      'a default that no template can hold',
      oci({environmentVariables: [{name: 'A', default: 'a|b'}]}),
    ],
  ])('is refused when it %s', (why, document) => {
    expect(refusal(document)).toMatchObject({
      code: 'SERVER_UNSUPPORTED',
      message: expect.stringContaining(why),
    })
  })

  test.each<[string, unknown]>([
    ['name', {packages: []}],
    ['packages.0.registryType', {name: 'a/b', packages: [{}]}],
    ['packages', {name: 'a/b', packages: {}}],
    [
      'packages.0.runtimeArguments.0.type',
      {name: 'a/b', packages: [{registryType: 'oci', runtimeArguments: [{type: 'x'}]}]},
    ],
    ['name', null],
  ])('says that its %s is wrong', (path, document) => {
    expect(() => readServerJson(document, './a.json')).toThrow(
      `./a.json is not a server.json: ${path}: `,
    )
  })

  test('is told from an entry of a catalog', () => {
    expect(isServerJson({server: {remotes: []}})).toBe(true)
    expect(isServerJson(oci())).toBe(true)
    expect(isServerJson({name: 'a', image: 'a/b', remote: {}})).toBe(false)
    expect(isServerJson([])).toBe(false)
  })
})

describe('what a user sets', () => {
  test('reaches variables, with secrets and other values in one text', () => {
    const document = oci({
      environmentVariables: [
        {name: 'PLAIN', value: 'as it is'},
        {name: 'LOG_LEVEL', default: 'info'},
        {name: 'PORT', format: 'number', isRequired: true},
        {name: 'API_KEY', isSecret: true, isRequired: true},
        {name: 'OPTIONAL', description: 'none'},
        {
          name: 'URL',
          value: 'postgres://{user}:{pass}@{host}/db?{unknown}',
          variables: {user: {}, pass: {isSecret: true}, host: {default: 'localhost'}},
        },
        {name: 'AGAIN', value: 'key=${API_KEY}'},
      ],
    })
    const {env} = started(document, {
      config: {PORT: 80, user: 'me $HOME'},
      secrets: {API_KEY: 'k', PASS: 's$PLAIN'},
    })
    expect(env).toMatchObject({
      PLAIN: 'as it is',
      LOG_LEVEL: 'info',
      PORT: '80',
      API_KEY: 'k',
      URL: 'postgres://me $HOME:s$PLAIN@localhost/db?{unknown}',
      AGAIN: 'key=k',
    })
    expect(env).not.toHaveProperty('OPTIONAL')
  })

  test('reaches arguments; what is not set and need not be is none', () => {
    const document = oci({
      packageArguments: [
        {type: 'positional', value: 'serve'},
        {type: 'named', name: '--verbose'},
        {type: 'named', name: '--host', default: 'localhost'},
        {type: 'named', name: '--port', description: 'the port', format: 'number'},
        {type: 'named', name: '--data', value: '{"a": 1}'},
        {type: 'named', name: '--header', value: 'Bearer {t}', variables: {t: {isSecret: true}}},
        {type: 'positional', valueHint: 'folders', isRequired: true, isRepeated: true},
        {type: 'positional', valueHint: 'last'},
      ],
    })
    const {command} = started(document, {config: {folders: ['/a', '/b c']}, secrets: {T: 'top'}})
    const first = [
      'serve',
      '--verbose',
      '--host=localhost',
      '--data={"a": 1}',
      '--header=Bearer top',
    ]
    expect(command).toEqual([...first, '/a', '/b c'])
    const more = {folders: ['/a'], 'extra-arguments': ['--port=1'], last: 'z', host: 'h'}
    const again = started(document, {config: more, secrets: {T: 'top'}}).command
    expect(again).toEqual([...first.with(2, '--host=h'), '/a', 'z', '--port=1'])
  })

  test('reaches what docker run is given; what no entry can say is noted', () => {
    const document = oci({
      runtimeArguments: [
        {type: 'positional', value: 'run'},
        {type: 'named', name: '-i'},
        {type: 'named', name: '--rm'},
        {type: 'named', name: '--user', value: '1000:1000'},
        {type: 'named', name: '-v', value: '{data}:/data', variables: {data: {isRequired: true}}},
        {
          type: 'named',
          name: '--mount',
          value: 'type=bind,src={src},dst=/project,readonly',
          variables: {src: {}},
        },
        {type: 'positional', value: '-e'},
        {type: 'positional', value: 'KIND={kind}', variables: {kind: {choices: ['a', 'b']}}},
        {type: 'positional', value: '--tmpfs=/scratch'},
        {type: 'named', name: '--add-host', value: 'db:10.0.0.1'},
        {type: 'named', name: '--network', value: 'none'},
        {type: 'named', name: '--read-only'},
        {type: 'named', name: '--privileged'},
        {type: 'named', name: '-p', value: '80:80'},
        {type: 'positional', value: 'example/weather:1.0'},
      ],
    })
    const {spec, env} = started(document, {config: {data: '/d', src: '/s', kind: 'a'}})
    expect(spec).toMatchObject({
      user: '1000:1000',
      volumes: ['/d:/data', '/s:/project:ro'],
      network: {kind: 'none'},
      security: {readOnly: true},
    })
    expect(env).toEqual({KIND: 'a'})
    const {notes, entry} = convert(document)
    expect(entry).toMatchObject({tmpfs: ['/scratch'], extraHosts: ['db:10.0.0.1']})
    expect(notes).toEqual([
      'its argument --privileged of docker run is left out',
      'its argument -p of docker run is left out',
    ])
  })

  test('is checked by the kind and the choices that the publisher names', () => {
    const document = oci({
      environmentVariables: [
        {name: 'N', format: 'number', default: '5', choices: ['5', '6']},
        {name: 'B', format: 'boolean', default: 'true', placeholder: 'false'},
        {name: 'F', format: 'filepath'},
      ],
    })
    expect(convert(document).entry['config']).toMatchObject([
      {
        properties: {
          N: {type: 'number', default: 5, enum: [5, 6]},
          B: {type: 'boolean', default: true, placeholder: 'false'},
          F: {type: 'string'},
        },
      },
    ])
  })
})

const plainText = fc.string({unit: fc.constantFrom(...'ab1 =,:/$-_.{}|"'.split('')), maxLength: 8})
const piece = fc.oneof(
  plainText.map(text => ({text})),
  fc.constantFrom('one', 'two').map(config => ({config})),
  fc.constantFrom('alpha', 'beta').map(secret => ({secret})),
)
const VALUES: Readonly<Record<string, string>> = {
  one: '1{$x}',
  two: ' zwei ',
  alpha: 'A$ONE',
  beta: '}B{',
}
const VARIABLES = {one: {}, two: {}, alpha: {isSecret: true}, beta: {isSecret: true}}

type Piece = {text?: string; config?: string; secret?: string}

function written(pieces: readonly Piece[]): string {
  return pieces.map(({text, config, secret}) => text ?? `{${config ?? secret ?? ''}}`).join('')
}

/** What a publisher means by it. */
function meant(pieces: readonly Piece[]): string {
  return written(pieces).replaceAll(
    /\{(one|two|alpha|beta)\}/g,
    (_all, name: string) => VALUES[name] ?? '',
  )
}

describe('any value', () => {
  const config = {one: '1{$x}', two: ' zwei '}
  const secrets = {ALPHA: 'A$ONE', BETA: '}B{'}

  test('reaches the program as it is meant, or is refused', () => {
    let converted = 0
    fc.assert(
      fc.property(fc.array(piece, {minLength: 1, maxLength: 5}), pieces => {
        const value = written(pieces)
        fc.pre(value !== '')
        const variables: Json = VARIABLES
        const document = oci({
          environmentVariables: [{name: 'THE_VALUE', value, variables}],
          packageArguments: [{type: 'positional', value, variables}],
        })
        const code = codeOf(() => convert(document))
        if (code !== undefined) return code === 'SERVER_UNSUPPORTED'
        converted += 1
        const {env, command} = started(document, {config, secrets})
        // Where a value is an argument, what it refers to is put in as docker's own plugin does.
        const isSame = meant(pieces).includes('$') || command.join('\n') === meant(pieces)
        return isSame && (env['THE_VALUE'] ?? '') === meant(pieces)
      }),
      {numRuns: 600},
    )
    expect(converted).toBeGreaterThan(100)
  })

  test('of any shape is an entry that catalogs take, or a refusal', () => {
    const leaf = fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant(null))
    const input = fc.record(
      {
        value: leaf,
        default: leaf,
        isRequired: fc.boolean(),
        isSecret: fc.boolean(),
        format: fc.constantFrom('number', 'boolean', 'string', 'filepath'),
        choices: fc.array(fc.string()),
        variables: fc.dictionary(fc.string(), fc.record({isSecret: fc.boolean()})),
      },
      {requiredKeys: []},
    )
    const named = fc.tuple(input, fc.string({minLength: 1})).map(([one, name]) => ({...one, name}))
    const argument = fc
      .tuple(
        named,
        fc.constantFrom('positional', 'named'),
        fc.constantFrom('-v', '--mount', '-e', '-u', '--x'),
      )
      .map(([one, type, flag]) => ({...one, type, name: flag}))
    const packaged = fc.record({
      registryType: fc.constantFrom('oci', 'npm', 'pypi'),
      identifier: fc.constantFrom('a/b', 'a', '@a/b', '-x'),
      runtimeArguments: fc.array(argument, {maxLength: 3}),
      packageArguments: fc.array(argument, {maxLength: 3}),
      environmentVariables: fc.array(named, {maxLength: 3}),
    })
    fc.assert(
      fc.property(
        fc.string({minLength: 1}),
        packaged,
        fc.array(named, {maxLength: 2}),
        (name, one, headers) => {
          const remotes =
            headers.length > 0 ? [{type: 'sse', url: 'https://a.example', headers}] : []
          const document = {name, description: 'x', packages: [one], remotes}
          const code = codeOf(() => {
            const converted = convertServer(readServerJson(document, 'x'), {kinds: ALL_KINDS})
            readEntry(converted.name, converted.entry)
          })
          return code === undefined || /^(?:SERVER_UNSUPPORTED|CATALOG_INVALID)$/.test(code)
        },
      ),
      {numRuns: 600},
    )
  })
})
