import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as fc from 'fast-check'
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import type {JsonObject} from '../../../src/lib/base/json.ts'
import {fitsGlob} from '../../../src/lib/catalog/catalog-refs.ts'
import {extraServers} from '../../../src/lib/catalog/extra-servers.ts'
import {saveCatalog} from '../../../src/lib/catalog/saved.ts'
import {resolveServers, type ServerRefInput} from '../../../src/lib/catalog/server-refs.ts'
import {openEngine} from '../../../src/lib/engine/dockerode.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {pushArtifact} from '../../../src/lib/images/artifact.ts'
import {parseCatalog} from '../../../src/lib/model/catalog.ts'
import {listed, registryApi, serverJson, withImage} from '../../support/community.ts'
import {httpsHost, type HttpsHost} from '../../support/https-host.ts'
import {pushImage, pushIndex, removeImages} from '../../support/registry-image.ts'
import {registryServer, type TestRegistry} from '../../support/registry.ts'

const LABEL = 'io.docker.server.metadata'
const SERVER_ARTIFACT = 'application/vnd.docker.mcp.server'

let folder: string
let input: ServerRefInput
let host: HttpsHost
let registry: TestRegistry

beforeAll(async () => {
  ;[host, registry] = await Promise.all([
    httpsHost((_request, response) => response.writeHead(404).end()),
    registryServer(),
  ])
})

afterAll(async () => {
  await removeImages(registry)
  await Promise.all([host[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()])
})

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-mcp-refs-'))
  const paths = statePaths({configFlag: folder, env: {}})
  await mkdir(paths.catalogsDir, {recursive: true})
  const {catalog} = parseCatalog(
    {name: 'docker-mcp', registry: {fetch: {image: 'mcp/fetch'}, time: {image: 'mcp/time'}}},
    'embedded',
  )
  input = {
    paths,
    cwd: folder,
    env: {},
    embedded: async () => catalog,
    settings: async () => ({catalogs: {allowPrivateHosts: ['127.0.0.1']}}),
    outgoing: {env: {}, ca: host.ca},
    engine: () => openEngine({kind: 'unix', path: '/var/run/docker.sock', from: 'the test'}),
  }
})

afterEach(() => rm(folder, {recursive: true, force: true}))

/** A file in the current folder. */
async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

function push(repository: string, label: string | undefined) {
  const labels = label === undefined ? {} : {[LABEL]: label}
  return pushImage(registry, {repository, tag: '1', labels})
}

async function noEngine(): Promise<never> {
  throw new PluginError('ENGINE_UNREACHABLE', 'no engine')
}

/** Servers for one gateway. */
function extra(ociRefs: readonly string[], mcpRegistries: readonly string[] = []) {
  return extraServers({ociRefs, mcpRegistries}, input)
}

describe('a reference', () => {
  test('is one of the four kinds', async () => {
    for (const wrong of ['fetch', 'docker:/a', 'ftp://a/b', '', 'catalog://', 'file://']) {
      await expect(resolveServers([wrong], input)).rejects.toMatchObject({code: 'USAGE'})
    }
    expect(await resolveServers([], input)).toEqual([])
  })

  test('may name what another one names, but not something else of the same name', async () => {
    const uris = ['catalog://docker-mcp/time+fetch', 'catalog://docker-mcp/*']
    const found = await resolveServers(uris, input)
    expect(found.map(({name}) => name)).toEqual(['time', 'fetch'])
    const path = await file('fetch.yaml', 'image: other/fetch\n')
    await expect(resolveServers([...uris, `file://${path}`], input)).rejects.toMatchObject({
      code: 'USAGE',
      message: 'two different servers are named fetch',
    })
  })
})

describe('catalog://', () => {
  beforeEach(async () => {
    const text = JSON.stringify({
      registry: {
        'git-hub': {image: 'mcp/git', extra: {kept: true}},
        'git-lab': {remote: {url: 'https://lab.example/mcp'}},
        tools: {tools: [{name: 't', container: {image: 'a/t'}}]},
      },
    })
    await saveCatalog(input.paths, {name: 'team/mine:latest'}, text)
  })

  test.each([
    ['team/mine:latest', 'git-hub'],
    ['team/mine', 'git-h*'],
    ['docker.io/team/mine', '*-hub'],
    ['team/mine', 'git-[gh]ub'],
  ])('finds servers of %s by %s', async (catalog, name) => {
    expect(await resolveServers([`catalog://${catalog}/${name}`], input)).toEqual([
      {
        name: 'git-hub',
        type: 'image',
        image: 'mcp/git',
        catalogRef: 'team/mine:latest',
        entry: {name: 'git-hub', image: 'mcp/git', extra: {kept: true}},
      },
    ])
  })

  test('finds several, of each kind', async () => {
    const found = await resolveServers(['catalog://team/mine/tools+git-*+git-hub'], input)
    expect(found).toMatchObject([
      {name: 'tools', type: 'poci'},
      {name: 'git-hub', type: 'image'},
      {name: 'git-lab', type: 'remote', endpoint: 'https://lab.example/mcp'},
    ])
  })

  test('takes all servers of a reference that ends in its tag', async () => {
    const all = await resolveServers(['catalog://team/mine/*'], input)
    expect(all).toHaveLength(3)
    expect(await resolveServers(['catalog://team/mine:latest'], input)).toEqual(all)
  })

  test.each([
    ['team/mine:2', 'CATALOG_UNKNOWN', 'there is no catalog team/mine:2 here'],
    ['team/other/x', 'CATALOG_UNKNOWN', 'there is no catalog team/other here'],
    ['../../etc/x', 'CATALOG_UNKNOWN', 'there is no catalog ../../etc here'],
    ['team/mine/git-hub+nothing', 'SERVER_UNKNOWN', 'team/mine:latest has no server nothing'],
    ['team/mine/git-hub+', 'USAGE', 'names no server of a catalog'],
    ['git-hub', 'USAGE', 'names no server of a catalog'],
  ])('refuses %s', async (rest, code, message) => {
    await expect(resolveServers([`catalog://${rest}`], input)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })

  test('reads patterns as a shell does', () => {
    const text = fc.string({unit: fc.constantFrom('a', 'b', '.'), maxLength: 6})
    const pattern = fc.string({
      unit: fc.constantFrom('a', 'b', '.', '*', '?', '[ab]', '[^a]', '\\*'),
      maxLength: 6,
    })
    fc.assert(
      fc.property(text, pattern, (name, glob) => {
        const expression = glob
          .replaceAll('.', String.raw`\.`)
          .replaceAll(/(?<!\\)\*/g, '.*')
          .replaceAll('?', '.')
        expect(fitsGlob(name, glob)).toBe(new RegExp(`^${expression}$`, 's').test(name))
      }),
    )
    expect(fitsGlob('a'.repeat(128), '*a'.repeat(500) + 'b')).toBe(false)
  })
})

describe('file://', () => {
  test('takes a catalog, an entry, a server.json and what a registry answers', async () => {
    await file('catalog.yaml', 'registry:\n  a: {image: x/a}\n  b: {image: x/b}\n')
    await file('one entry.yml', 'image: x/c\nlongLived: true\n')
    await file('named.json', {name: 'named', type: 'server', image: 'x/d'})
    await file('server.json', withImage('com.example/e', 'x/e'))
    await file(
      'answer.json',
      listed(serverJson('com.example/f', {remotes: [{type: 'sse', url: 'https://f.example/'}]})),
    )
    const whole = join(folder, 'server.json')
    const uris = [
      'file://./catalog.yaml',
      'file://one%20entry.yml',
      'file://named.json',
      `file://${whole}`,
      'FILE://answer.json',
    ]
    const found = await resolveServers(uris, input)
    expect(found.map(({name, type}) => [name, type])).toEqual([
      ['a', 'image'],
      ['b', 'image'],
      ['one entry', 'image'],
      ['named', 'image'],
      ['com-example-e', 'image'],
      ['com-example-f', 'remote'],
    ])
    expect(found[2]?.entry).toEqual({name: 'one entry', image: 'x/c', longLived: true})
  })

  test.each([
    ['none.yaml', undefined, 'FILE_MISSING', 'none.yaml does not exist'],
    ['a.txt', 'image: a', 'USAGE', 'neither a .yaml nor a .json file'],
    ['a%.yaml', undefined, 'USAGE', 'a % that encodes nothing'],
    ['a.yaml', 'image: [', 'FILE_INVALID', 'a.yaml:1:'],
    ['a.yaml', 'image: a\nimage: b\n', 'FILE_INVALID', 'a.yaml:2:'],
    ['a.yaml', 'image: 5\nvolume: x\n', 'CATALOG_INVALID', 'the entry of a is wrong: image'],
    [
      'a.yaml',
      'registry: {x: {image: a}, y: {command: 5}}',
      'CATALOG_INVALID',
      'y: command must be a list',
    ],
    [
      'a.yaml',
      '{name: ../../x, image: a}',
      'CATALOG_INVALID',
      'characters that a server name cannot have',
    ],
    [
      'a.json',
      '{"name": "a/b", "packages": [{"registryType": "nuget"}]}',
      'SERVER_UNSUPPORTED',
      'nuget',
    ],
  ])('refuses %s with %j', async (name, content, code, message) => {
    if (content !== undefined) await file(name, content)
    await expect(resolveServers([`file://./${name}`], input)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })
})

describe('https://', () => {
  test('takes a server of a registry', async () => {
    host.answer(registryApi([listed(withImage('a/b', 'example/b'))]))
    const [server] = await resolveServers([`${host.url}/v0/servers/a%2Fb`], input)
    expect(server).toMatchObject({
      name: 'a-b',
      type: 'registry',
      source: `${host.url}/v0/servers/a%2Fb/versions/1.0.0`,
    })
  })

  test('asks no host of this machine unless the gateway file allows it', async () => {
    const closed = {...input, settings: async () => ({})}
    const before = host.asked.length
    const asked = resolveServers([`${host.url}/v0/servers/a`], closed)
    await expect(asked).rejects.toMatchObject({code: 'ADDRESS_REFUSED'})
    await expect(resolveServers([`${host.url}/other`], input)).rejects.toMatchObject({
      code: 'USAGE',
    })
    expect(host.asked.length).toBe(before)
  })
})

describe('docker://', () => {
  const metadata = {
    name: 'described',
    title: 'Described',
    description: 'Says what it is.',
    type: 'poci',
    image: 'evil/other',
    command: ['--evil'],
    volumes: ['/:/host'],
    user: 'root',
    secrets: [{name: 'a.b', env: 'B'}],
    remote: {url: 'https://evil.example'},
    allowHosts: ['evil.example:443'],
    longLived: true,
    env: [{name: 'MODE', value: 'evil'}],
    tools: [{name: 'one', description: 'does', container: {image: 'evil/tool'}}],
    config: [{name: 'described', type: 'object', properties: {}}],
    prefix: 'd',
    metadata: {category: 'test'},
  }
  const kept = {
    name: 'described',
    type: 'server',
    title: 'Described',
    description: 'Says what it is.',
    env: [{name: 'MODE'}],
    tools: [{name: 'one', description: 'does'}],
    config: [{name: 'described', type: 'object', properties: {}}],
    prefix: 'd',
    metadata: {category: 'test'},
  }

  test('takes what an image of a registry may say of itself, and its digest', async () => {
    const {digest} = await push('cat-registry/remote', JSON.stringify(metadata))
    const image = `${registry.host}/cat-registry/remote@${digest}`
    const uri = `docker://${registry.host}/cat-registry/remote:1`
    expect(await resolveServers([uri], input)).toEqual([
      {name: 'described', type: 'image', image, entry: {...kept, image}},
    ])
    expect(await resolveServers([uri], {...input, engine: noEngine})).toMatchObject([{image}])
  })

  test('looks at the mirror that the gateway file names, and keeps the name that was given', async () => {
    const {digest} = await push('cat-registry/mirrored', 'description: from the mirror\n')
    const rule = {from: 'nowhere.invalid/mcp/*', to: `${registry.host}/cat-registry/*`}
    const mirrored = {
      ...input,
      engine: noEngine,
      settings: async () => ({...(await input.settings()), images: {rewrite: [rule]}}),
    }
    const image = `nowhere.invalid/mcp/mirrored@${digest}`
    const found = [{name: 'mirrored', image, entry: {description: 'from the mirror', image}}]
    expect(
      await resolveServers(['docker://nowhere.invalid/mcp/mirrored:1'], mirrored),
    ).toMatchObject(found)
    const refs = {ociRefs: ['nowhere.invalid/mcp/mirrored:1'], mcpRegistries: []}
    expect(await extraServers(refs, mirrored)).toMatchObject([{name: 'mirrored', image}])
  })

  test('takes an image that the engine has, by its name', async () => {
    await push('cat-registry/local', 'description: here\n')
    const image = `${registry.host}/cat-registry/local:1`
    const engine = await input.engine()
    await engine.pullImage(image, {onProgress: () => undefined}, AbortSignal.timeout(240_000))
    await push('cat-registry/local', 'description: newer\n')
    expect(await resolveServers([`docker://${image}`], input)).toEqual([
      {
        name: 'local',
        type: 'image',
        image,
        entry: {name: 'local', type: 'server', description: 'here', image},
      },
    ])
  })

  test('says what is wrong with an image', async () => {
    const at = (name: string) =>
      resolveServers([`docker://${registry.host}/cat-registry/${name}:1`], input)
    await push('cat-registry/silent', undefined)
    await expect(at('silent')).rejects.toMatchObject({code: 'SERVER_UNSUPPORTED'})
    await push('cat-registry/wrong', 'name: [')
    await expect(at('wrong')).rejects.toMatchObject({code: 'FILE_INVALID'})
    await push('cat-registry/strange', 'name: ../x')
    await expect(at('strange')).rejects.toMatchObject({code: 'CATALOG_INVALID'})
    await pushIndex(registry, {repository: 'cat-registry/many', tag: '1'}, [
      {architecture: 'arm64'},
    ])
    await expect(at('many')).rejects.toMatchObject({code: 'SERVER_UNSUPPORTED'})
    await expect(at('none')).rejects.toMatchObject({code: 'IMAGE_MISSING'})
    await expect(resolveServers(['docker://A b'], input)).rejects.toMatchObject({code: 'USAGE'})
    await expect(resolveServers(['docker://localhost/nothing-here'], input)).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message:
        'the image localhost/nothing-here:latest cannot be looked at: the engine does not have it',
    })
  })
})

describe('servers for one gateway', () => {
  test('come from artefacts, images and addresses, with names of their own', async () => {
    const older: JsonObject = {
      name: 'com.example/stored',
      description: 'older',
      packages: [{registry_type: 'oci', identifier: 'example/stored', version: '2'}],
    }
    const {credentials, outgoing} = {credentials: async () => undefined, outgoing: {env: {}}}
    const stored = `${registry.host}/cat-registry/stored:1`
    const layer = {artifactType: SERVER_ARTIFACT, layer: JSON.stringify(older)}
    await pushArtifact(stored, layer, {credentials, outgoing})
    await pushImage(registry, {
      repository: 'cat-registry/self',
      tag: '1',
      labels: {[LABEL]: 'title: Self'},
    })
    host.answer(({url}, response) => {
      const image = url === '/c.json' ? 'ghcr.io/example/other:1' : 'example/thing:1'
      response.end(JSON.stringify({server: withImage('com.example/x', image)}))
    })
    const refs = {
      ociRefs: [stored, `${registry.host}/cat-registry/self:1`],
      mcpRegistries: ['a', 'b', 'c'].map(name => `${host.url}/${name}.json`),
    }
    const servers = await extraServers(refs, input)
    expect(servers.map(({name, image}) => [name, image?.replace(/@.*/, '')])).toEqual([
      ['com-example-stored', 'example/stored:2'],
      ['self', `${registry.host}/cat-registry/self`],
      ['mcp-registry-thing', 'example/thing:1'],
      ['mcp-registry-thing-1', 'example/thing:1'],
      ['mcp-registry-other', 'ghcr.io/example/other:1'],
    ])
  })

  test('say why there is none', async () => {
    const nowhere = `${registry.host}/cat-registry/nowhere:1`
    await expect(extra([nowhere])).rejects.toMatchObject({code: 'FETCH_FAILED'})
    host.answer((_request, response) => response.end('{}'))
    await expect(extra([], [`${host.url}/x`])).rejects.toMatchObject({code: 'CATALOG_INVALID'})
  })
})
