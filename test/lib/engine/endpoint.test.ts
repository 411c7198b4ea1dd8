import {createHash} from 'node:crypto'
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {resolveEndpoint} from '../../../src/lib/engine/endpoint.ts'
import type {DockerGlobals} from '../../../src/lib/plugin/argv.ts'

const NONE: DockerGlobals = {hosts: [], debug: false, tls: false}

const idOf = (name: string) => createHash('sha256').update(name).digest('hex')

/** docker's folder with the contexts `aa` and `bb`, and what else a test puts there. */
async function dockerFolder(config?: unknown) {
  const path = await mkdtemp(join(tmpdir(), 'endpoint-'))
  const put = async (file: string, text: string) => {
    await mkdir(join(path, file, '..'), {recursive: true})
    await writeFile(join(path, file), text)
  }
  const putContext = (name: string, docker: object) =>
    put(
      `contexts/meta/${idOf(name)}/meta.json`,
      JSON.stringify({Name: name, Metadata: {}, Endpoints: {docker}}),
    )
  await putContext('aa', {Host: 'unix:///aa.sock', SkipTLSVerify: false})
  await putContext('bb', {Host: 'tcp://127.0.0.1:9', SkipTLSVerify: false})
  if (config !== undefined) await put('config.json', JSON.stringify(config))
  return {
    path,
    put,
    putContext,
    putContextTls: (name: string, file: string, text: string) =>
      put(`contexts/tls/${idOf(name)}/docker/${file}`, text),
    resolve: (
      globals: Partial<DockerGlobals>,
      env: NodeJS.ProcessEnv = {},
      platform: NodeJS.Platform = 'linux',
    ) => resolveEndpoint({globals: {...NONE, ...globals}, env, dockerConfigDir: path, platform}),
    [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true}),
  }
}

const unix = (path: string, from: string) => ({kind: 'unix', path, from})
const DEFAULT = unix('/var/run/docker.sock', "docker's default")
const HOST = unix('/h.sock', '--host')
const VARIABLE = unix('/e.sock', 'DOCKER_HOST')
const AA = unix('/aa.sock', 'context aa')
const BB = {kind: 'tcp', host: '127.0.0.1', port: 9, from: 'context bb'}
const E = 'unix:///e.sock'
const H = 'unix:///h.sock'

describe('resolveEndpoint: which one', () => {
  test.each<
    [Partial<DockerGlobals>, NodeJS.ProcessEnv, current: string | undefined, expected: object]
  >([
    [{}, {}, undefined, DEFAULT],
    [{}, {}, '', DEFAULT],
    [{}, {}, 'aa', AA],
    [{}, {}, 'default', DEFAULT],
    [{}, {DOCKER_CONTEXT: 'bb'}, 'aa', BB],
    [{}, {DOCKER_CONTEXT: ''}, 'aa', AA],
    [{}, {DOCKER_CONTEXT: 'default'}, 'aa', DEFAULT],
    [{}, {DOCKER_HOST: E}, 'aa', VARIABLE],
    [{}, {DOCKER_HOST: E, DOCKER_CONTEXT: 'bb'}, 'aa', VARIABLE],
    [{}, {DOCKER_HOST: E, DOCKER_CONTEXT: 'nope'}, 'nope', VARIABLE],
    [{}, {DOCKER_HOST: ''}, 'aa', AA],
    [{}, {DOCKER_HOST: E}, 'default', VARIABLE],
    [{context: 'aa'}, {DOCKER_HOST: E, DOCKER_CONTEXT: 'bb'}, 'bb', AA],
    [{context: 'default'}, {DOCKER_HOST: E, DOCKER_CONTEXT: 'bb'}, 'bb', VARIABLE],
    [{context: 'default'}, {DOCKER_CONTEXT: 'bb'}, 'bb', DEFAULT],
    [{context: ''}, {}, 'aa', AA],
    [{hosts: [H]}, {DOCKER_HOST: E, DOCKER_CONTEXT: 'bb'}, 'aa', HOST],
    [{hosts: [H], context: ''}, {}, 'aa', HOST],
    [{hosts: [H]}, {DOCKER_CONTEXT: 'nope'}, 'nope', HOST],
    [{hosts: ['']}, {DOCKER_HOST: E}, 'aa', unix('/var/run/docker.sock', '--host')],
  ])('flags %j, environment %j, current context %j', async (globals, env, current, expected) => {
    await using docker = await dockerFolder(
      current === undefined ? undefined : {currentContext: current},
    )
    expect(await docker.resolve(globals, env)).toEqual(expected)
  })

  test.each<[NodeJS.Platform, object]>([
    ['linux', {kind: 'unix', path: '/var/run/docker.sock'}],
    ['darwin', {kind: 'unix', path: '/var/run/docker.sock'}],
    ['win32', {kind: 'npipe', path: '//./pipe/docker_engine'}],
  ])('the default on %s', async (platform, expected) => {
    await using docker = await dockerFolder()
    await docker.putContext('blank', {})
    expect(await docker.resolve({}, {}, platform)).toEqual({...expected, from: "docker's default"})
    expect(await docker.resolve({context: 'blank'}, {}, platform)).toEqual({
      ...expected,
      from: 'context blank',
    })
  })

  test('needs no folder of docker', async () => {
    const endpoint = await resolveEndpoint({
      globals: NONE,
      env: {},
      dockerConfigDir: '/nowhere/docker',
      platform: 'linux',
    })
    expect(endpoint).toEqual(DEFAULT)
  })

  test.each<[Partial<DockerGlobals>]>([
    [{hosts: [H], context: 'aa'}],
    [{hosts: [H], context: 'default'}],
    [{hosts: [''], context: 'aa'}],
    [{hosts: [H, H]}],
  ])('refuses %j', async globals => {
    await using docker = await dockerFolder()
    await expect(docker.resolve(globals)).rejects.toMatchObject({code: 'USAGE'})
  })

  test.each<[Partial<DockerGlobals>, NodeJS.ProcessEnv, string]>([
    [{context: 'nope'}, {}, '--context'],
    [{}, {DOCKER_CONTEXT: 'nope'}, 'DOCKER_CONTEXT'],
    [{}, {}, 'config.json'],
  ])('an unknown context: %j %j', async (globals, env, by) => {
    await using docker = await dockerFolder({currentContext: 'nope'})
    await expect(docker.resolve(globals, env)).rejects.toMatchObject({
      code: 'ENDPOINT_INVALID',
      message: expect.stringMatching(new RegExp(`"nope".*${by}`, 'u')),
      hint: 'known contexts: aa, bb, default',
    })
  })

  test('a damaged config.json matters only when it is asked', async () => {
    await using docker = await dockerFolder()
    await docker.put('config.json', '{')
    await expect(docker.resolve({})).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(join(docker.path, 'config.json')),
    })
    expect(await docker.resolve({hosts: [H]})).toEqual(HOST)
    expect(await docker.resolve({context: 'aa'})).toEqual(AA)
    expect(await docker.resolve({}, {DOCKER_HOST: E})).toEqual(VARIABLE)
  })

  test('an address that is none is refused with its source', async () => {
    await using docker = await dockerFolder()
    await docker.putContext('remote', {Host: 'ssh://-u@h'})
    await expect(docker.resolve({hosts: ['foo://bar']})).rejects.toThrow('(--host)')
    await expect(docker.resolve({}, {DOCKER_HOST: 'foo://bar'})).rejects.toThrow('(DOCKER_HOST)')
    await expect(docker.resolve({context: 'remote'})).rejects.toMatchObject({
      code: 'ENDPOINT_INVALID',
      message: expect.stringContaining('(context remote)'),
    })
  })
})

describe('resolveEndpoint: TLS of a host', () => {
  const tcp = {kind: 'tcp', host: '127.0.0.1', port: 9, from: '--host'}
  const hosts = ['127.0.0.1:9']

  test.each<[Partial<DockerGlobals>, NodeJS.ProcessEnv, verify: boolean | undefined]>([
    [{}, {}, undefined],
    [{tls: true}, {}, false],
    [{tlsVerify: true}, {}, true],
    [{tlsVerify: false}, {}, false],
    [{}, {DOCKER_TLS_VERIFY: '1'}, true],
    [{}, {DOCKER_TLS_VERIFY: '0'}, true],
    [{}, {DOCKER_TLS_VERIFY: ''}, undefined],
    [{tlsVerify: false}, {DOCKER_TLS_VERIFY: '1'}, false],
    [{tlsCaCert: '/unused'}, {DOCKER_CERT_PATH: '/unused'}, undefined],
  ])('flags %j, environment %j: verify %j', async (globals, env, verify) => {
    await using docker = await dockerFolder()
    await docker.put('ca.pem', 'CA')
    const expected = verify === undefined ? tcp : {...tcp, tls: {ca: 'CA', verify}}
    expect(await docker.resolve({hosts, ...globals}, env)).toEqual(expected)
  })

  test('takes the files of DOCKER_CERT_PATH, and flags before them', async () => {
    await using docker = await dockerFolder()
    for (const name of ['ca', 'cert', 'key']) {
      await docker.put(`certs/${name}.pem`, name.toUpperCase())
      await docker.put(`own-${name}.pem`, `own ${name}`)
    }
    const env = {DOCKER_CERT_PATH: join(docker.path, 'certs'), DOCKER_TLS_VERIFY: '1'}
    expect(await docker.resolve({hosts}, env)).toEqual({
      ...tcp,
      tls: {ca: 'CA', cert: 'CERT', key: 'KEY', verify: true},
    })
    const own = {
      tlsCaCert: '',
      tlsCert: join(docker.path, 'own-cert.pem'),
      tlsKey: join(docker.path, 'own-key.pem'),
    }
    expect(await docker.resolve({hosts, ...own}, env)).toEqual({
      ...tcp,
      tls: {cert: 'own cert', key: 'own key', verify: true},
    })
  })

  test.each<[Partial<DockerGlobals>, string]>([
    [{}, 'ca.pem'],
    [{tlsCaCert: '/nowhere/a.pem'}, '/nowhere/a.pem'],
    [{tlsCaCert: '', tlsCert: '/nowhere/c.pem'}, '/nowhere/c.pem'],
    [{tlsCaCert: '', tlsKey: '/nowhere/k.pem'}, '/nowhere/k.pem'],
  ])('a missing file is named: %j', async (globals, name) => {
    await using docker = await dockerFolder()
    await expect(docker.resolve({hosts, tls: true, ...globals})).rejects.toMatchObject({
      code: 'ENDPOINT_INVALID',
      message: expect.stringContaining(name),
    })
  })

  test('without a host TLS means localhost:2376', async () => {
    await using docker = await dockerFolder()
    await docker.put('ca.pem', 'CA')
    expect(await docker.resolve({tls: true})).toEqual({
      kind: 'tcp',
      host: 'localhost',
      port: 2376,
      tls: {ca: 'CA', verify: false},
      from: "docker's default",
    })
    expect(await docker.resolve({tls: true, hosts: [':9']})).toMatchObject({port: 9})
    expect(await docker.resolve({tls: true, hosts: ['h']})).toMatchObject({port: 2375})
  })

  test('a unix socket needs no TLS files', async () => {
    await using docker = await dockerFolder()
    expect(await docker.resolve({hosts: [H], tls: true})).toEqual(HOST)
  })
})

describe('resolveEndpoint: TLS of a context', () => {
  test('comes from the context alone', async () => {
    await using docker = await dockerFolder()
    expect(await docker.resolve({context: 'bb', tls: true}, {DOCKER_TLS_VERIFY: '1'})).toEqual(BB)
    await docker.putContext('bb', {Host: 'tcp://127.0.0.1:9', SkipTLSVerify: true})
    expect(await docker.resolve({context: 'bb'})).toEqual({...BB, tls: {verify: false}})
    await docker.putContext('bb', {Host: 'tcp://127.0.0.1:9'})
    await docker.putContextTls('bb', 'ca.pem', 'CA')
    await docker.putContextTls('bb', 'cert.pem', 'CERT')
    expect(await docker.resolve({context: 'bb'})).toEqual({...BB, tls: {ca: 'CA', verify: true}})
    await docker.putContextTls('bb', 'key.pem', 'KEY')
    expect(await docker.resolve({context: 'bb'})).toEqual({
      ...BB,
      tls: {ca: 'CA', cert: 'CERT', key: 'KEY', verify: true},
    })
  })

  test('is nothing to a unix socket', async () => {
    await using docker = await dockerFolder()
    await docker.putContextTls('aa', 'ca.pem', 'CA')
    expect(await docker.resolve({context: 'aa'})).toEqual(AA)
  })
})
