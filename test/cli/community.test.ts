import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {parse} from 'yaml'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {listed, registryApi, serverJson, withImage} from '../support/community.ts'
import {httpsHost, type HttpsHost} from '../support/https-host.ts'
import {pushImage, removeImages} from '../support/registry-image.ts'
import {registryServer, type TestRegistry} from '../support/registry.ts'

let host: HttpsHost
let registry: TestRegistry
let image: string

beforeAll(async () => {
  ;[host, registry] = await Promise.all([
    httpsHost((_request, response) => response.writeHead(404).end()),
    registryServer(),
  ])
  const labels = {'io.docker.server.metadata': 'name: described\ntitle: Described\n'}
  await pushImage(registry, {repository: 'cat-registry/program', tag: '1', labels})
  image = `${registry.host}/cat-registry/program:1`
})

afterAll(async () => {
  await removeImages(registry)
  await Promise.all([host[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()])
})

/** A docker CLI whose gateways trust the host of this test. */
async function trusting(): Promise<DockerCli> {
  const cli = await dockerCli()
  const caFile = await cli.write('ca.pem', host.ca)
  const settings = {catalogs: {allowPrivateHosts: ['127.0.0.1']}, network: {caFile}}
  await cli.write('mcp-gateway-config.yaml', JSON.stringify(settings))
  return cli
}

describe('gateway run --mcp-registry', () => {
  test('serves what a registry describes, with what a user sets for it', async () => {
    await using cli = await trusting()
    const described = withImage('com.example/program', image, {
      environmentVariables: [
        {name: 'LOG_LEVEL', default: 'info'},
        {
          name: 'URL',
          value: 'db://{user}:{pass}@db',
          variables: {user: {isRequired: true}, pass: {isSecret: true}},
        },
      ],
      packageArguments: [
        {type: 'named', name: '--mode', default: 'fast'},
        {type: 'positional', value: '{"a": 1}'},
      ],
    })
    host.answer(registryApi([listed(described)]))
    await cli.write('config.yaml', 'mcp-registry-program: {user: me}\n')
    const secrets = await cli.write('secrets.env', 'mcp-registry-program.pass=not-a-real-one\n')
    const address = `${host.url}/v0/servers/com.example%2Fprogram`
    const flags = [`--mcp-registry=${address}`, `--secrets=${secrets}`, '--block-secrets=false']
    const args = flags.map(flag => `--gateway-arg=${flag}`)
    const answer = await cli.mcp('tools', 'call', ...args, 'environment')
    const told: {env: readonly string[]} = JSON.parse(answer.slice(answer.indexOf('{')))
    expect(JSON.stringify(told)).toContain('LOG_LEVEL=info')
    expect(JSON.stringify(told)).toContain('URL=db://me:not-a-real-one@db')
    expect(told).toMatchObject({args: ['/static-server', '--mode=fast', '{"a": 1}']})
    await cli.gone()
  })

  test('asks nobody who is not public unless the gateway file allows it', async () => {
    await using cli = await dockerCli()
    const before = host.asked.length
    const arg = `--gateway-arg=--mcp-registry=${host.url}/v0/servers/a`
    const {code, stderr} = await cli.run(['mcp', 'tools', 'ls', arg])
    expect([code, host.asked.length]).toEqual([1, before])
    expect(stderr).toContain('127.0.0.1 is not asked')
  })
})

describe('gateway run --oci-ref', () => {
  test('serves an image that describes itself, beside what is enabled', async () => {
    await using cli = await trusting()
    const arg = `--gateway-arg=--oci-ref=${image}`
    expect(await cli.mcp('tools', 'ls', arg)).toMatch(/^1 tools:\n - environment/)
    await cli.mcp('server', 'enable', 'sequentialthinking')
    expect(await cli.mcp('tools', 'count', arg)).toBe('2 tools\n')
    await cli.gone()
  })
})

describe('server inspect', () => {
  test('shows what an image says of itself, as --oci-ref would serve it', async () => {
    await using cli = await trusting()
    expect(parse(await cli.mcp('server', 'inspect', image))).toMatchObject({
      name: 'described',
      title: 'Described',
      image: expect.stringContaining('cat-registry/program'),
    })
    const json = JSON.parse(await cli.mcp('server', 'inspect', image, '--format', 'json'))
    expect(json).toEqual(parse(await cli.mcp('server', 'inspect', image)))
    expect(parse(await cli.mcp('server', 'inspect', `docker://${image}`))).toEqual(json)
    const none = await cli.run(['mcp', 'server', 'inspect', `${registry.host}/cat-registry/none:1`])
    expect(none).toMatchObject({code: 1, stdout: ''})
    expect(none.stderr).toContain('cat-registry/none:1')
    const catalog = `${registry.host}/cat-registry/catalog:1`
    await cli.mcp('catalog', 'tag', 'docker-mcp', catalog)
    await cli.mcp('catalog', 'push', catalog)
    for (const ref of [catalog, `docker://${catalog}`]) {
      const {code, stderr} = await cli.run(['mcp', 'server', 'inspect', ref])
      expect(code).toBe(1)
      expect(stderr).toContain('it is of type application/vnd.docker.mcp.catalog.v1+json')
    }
  })

  test('takes a name with a tag for an image, which no server of a catalog has', async () => {
    await using cli = await trusting()
    const rewrite = [{from: 'docker.io/library/*', to: `${registry.host}/cat-registry/*`}]
    await cli.write('mcp-gateway-config.yaml', JSON.stringify({images: {rewrite}}))
    expect(parse(await cli.mcp('server', 'inspect', 'program:1'))).toMatchObject({
      name: 'described',
    })
    const none = await cli.run(['mcp', 'server', 'inspect', 'program'])
    expect(none.stderr).toContain('no catalog has a server named')
  })

  test('has the text of a readme that the entry has the address of, or says why not', async () => {
    await using cli = await trusting()
    const text = '# Weather\n\nTells the weather.\n'
    host.answer((_request, response) => response.end(text))
    const readme = `${host.url}/README.md`
    const entry = JSON.stringify({image: 'example/weather', readme})
    await cli.write('catalogs/mine.yaml', `registry: {weather: ${entry}}\n`)
    await cli.write('catalog.json', '{"catalogs": {"mine": {}}}')
    const commands = [
      ['server', 'inspect', 'weather'],
      ['catalog', 'server', 'inspect', 'mine', 'weather'],
    ]
    for (const words of commands) {
      const json = JSON.parse(await cli.mcp(...words, '--format', 'json'))
      expect(json).toMatchObject({image: 'example/weather', readmeContent: text})
      expect(parse(await cli.mcp(...words))).toEqual(json)
    }
    host.answer((_request, response) => response.writeHead(404).end())
    for (const words of commands) {
      const {code, stdout, stderr} = await cli.run(['mcp', ...words])
      expect(code).toBe(0)
      expect(parse(stdout)).not.toHaveProperty('readmeContent')
      expect(stderr).toMatch(/^! its readme is left out: 127\.0\.0\.1:\d+ did not give .*404\n$/)
    }
    const local = JSON.stringify({image: 'example/weather', readme: 'file:///etc/passwd'})
    await cli.write('catalogs/mine.yaml', `registry: {weather: ${local}}\n`)
    for (const words of commands) {
      const {stderr} = await cli.run(['mcp', ...words])
      expect(stderr).toBe('! its readme is left out: its address is of file:, and not of https:\n')
    }
  })
})

describe('catalog import --mcp-registry', () => {
  test('puts a server of a registry into a catalog of the user’s', async () => {
    await using cli = await trusting()
    host.answer(registryApi([listed(withImage('com.example/program', image))]))
    const address = `${host.url}/v0/servers/com.example%2Fprogram`
    const add = ['catalog', 'import', 'mine', '--mcp-registry', address]
    const before = host.asked.length
    const none = await cli.run(['mcp', ...add])
    expect(none).toMatchObject({code: 1, stdout: ''})
    expect(none.stderr).toContain('there is no catalog "mine"')
    const embedded = ['catalog', 'import', 'docker-mcp', '--mcp-registry', address, '--dry-run']
    const refused = await cli.run(['mcp', ...embedded])
    expect(refused).toMatchObject({code: 125, stdout: ''})
    expect(refused.stderr).toContain('is part of the program and cannot be changed')
    expect(host.asked).toHaveLength(before)
    await cli.mcp('catalog', 'create', 'mine')
    expect(await cli.mcp(...add, '--dry-run')).toBe('would add com-example-program to mine\n')
    expect(await cli.mcp('catalog', 'show', 'mine')).not.toContain('com-example-program')
    expect(await cli.mcp(...add)).toBe('added com-example-program to mine\n')
    expect(await cli.mcp(...add, '--dry-run')).toBe('would replace com-example-program in mine\n')
    expect(await cli.mcp(...add)).toBe('replaced com-example-program in mine\n')
    const shown = await cli.mcp('catalog', 'show', 'mine', '--format', 'json')
    expect(JSON.parse(shown)).toMatchObject({registry: {'com-example-program': {image}}})
    expect((await cli.run(['mcp', ...add, '--force'])).stderr).toContain('exclude each other')
  })
})

describe('registry convert', () => {
  test('shows the entry that a server.json becomes', async () => {
    await using cli = await dockerCli()
    const remotes = [{type: 'sse', url: 'https://a.example/sse'}]
    const file = await cli.write(
      'server.json',
      JSON.stringify(serverJson('com.example/a', {remotes})),
    )
    const entry = {
      description: 'What com.example/a does.',
      type: 'remote',
      remote: {url: 'https://a.example/sse', transport_type: 'sse'},
      name: 'com-example-a',
    }
    expect(parse(await cli.mcp('registry', 'convert', '--file', file))).toEqual(entry)
    const json = await cli.mcp('registry', 'convert', '--file', file, '--format=json')
    expect(JSON.parse(json)).toEqual(entry)
    expect((await cli.run(['mcp', '--help'])).stdout).not.toContain('registry convert')
  })
})
