import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {Scope} from '../../src/lib/base/scope.ts'
import {openEngine} from '../../src/lib/engine/dockerode.ts'
import {resolveEndpoint} from '../../src/lib/engine/endpoint.ts'
import {hasGround, startGateway} from '../isolation/gateway.ts'
import {run} from '../lib/engine/engine-lab.ts'
import {sampleImage} from '../support/cli-catalog.ts'
import {type DockerCli, dockerCli} from '../support/docker-cli.ts'
import {type PrivateEngine, privateEngine} from '../support/private-engine.ts'
import {type Authority, authority} from './authority.ts'
import {doorTo} from './door.ts'

/** In the engine's own network. */
const PORT = 2376
const scope = new Scope()
let engine: PrivateEngine
let ours: Authority
/** `tcp://127.0.0.1:<port>` */
let host = ''
let cli: DockerCli
/** Folders as `DOCKER_CERT_PATH` names them. */
let clients: {readonly known: string; readonly stranger: string; readonly deceived: string}

beforeAll(async () => {
  if (!hasGround) return
  const folder = await mkdtemp(join(tmpdir(), 'engine-tls-'))
  scope.defer(async () => rm(folder, {recursive: true}))
  ours = await authority(join(folder, 'ours'))
  const others = await authority(join(folder, 'others'))
  const server = await ours.issue('engine', 'IP:127.0.0.1')
  const known = await ours.issue('client')
  const stranger = await others.issue('stranger')
  const place = async (name: string, ca: string, {cert, key}: {cert: string; key: string}) => {
    const path = join(folder, name)
    await mkdir(path)
    const files = {'ca.pem': ca, 'cert.pem': cert, 'key.pem': key}
    for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text)
    return path
  }
  clients = {
    known: await place('known', ours.ca, known),
    stranger: await place('stranger', ours.ca, stranger),
    deceived: await place('deceived', others.ca, known),
  }
  const tls = await place('engine', ours.ca, server)
  engine = await privateEngine({
    flags: [
      `--host=tcp://127.0.0.1:${PORT}`,
      '--tlsverify',
      `--tlscacert=${join(tls, 'ca.pem')}`,
      `--tlscert=${join(tls, 'cert.pem')}`,
      `--tlskey=${join(tls, 'key.pem')}`,
    ],
  })
  scope.defer(async () => engine[Symbol.asyncDispose]())
  host = `tcp://127.0.0.1:${await doorTo(scope, engine.pid, PORT)}`
  cli = await dockerCli()
  scope.defer(async () => cli[Symbol.asyncDispose]())
})
afterAll(() => scope.close())

const NO_FLAGS = {hosts: [], debug: false, tls: false}

const outcomeOf = async (env: NodeJS.ProcessEnv, context?: string): Promise<string> => {
  const globals = {...NO_FLAGS, ...(context !== undefined && {context})}
  const endpoint = await resolveEndpoint({globals, env, dockerConfigDir: cli.configDir})
  return openEngine(endpoint).then(
    async found => (await found.info()).os,
    (error: unknown) => String(error),
  )
}

describe.runIf(hasGround)('an engine behind mutual TLS', () => {
  test('answers a client that it knows', async () => {
    const env = {DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: clients.known}
    expect(await outcomeOf(env)).toBe('linux')
  })

  test('shares no files with us', async () => {
    const env = {DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: clients.known}
    const endpoint = await resolveEndpoint({globals: NO_FLAGS, env, dockerConfigDir: cli.configDir})
    const found = await openEngine(endpoint)
    expect([found.isLocal, found.sockets]).toEqual([false, []])
  })

  test('does not answer one that it does not know', async () => {
    const env = {DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: clients.stranger}
    expect(await outcomeOf(env)).toMatch(/no Docker engine at tcp:.*secure connection failed/)
  })

  test('is not trusted when another authority was expected', async () => {
    const env = {DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: clients.deceived}
    expect(await outcomeOf(env)).toMatch(/secure connection failed: .*(UNABLE_TO|SELF_SIGNED)/)
  })

  test('is not trusted under a name that its certificate does not have', async () => {
    const named = host.replace('127.0.0.1', 'localhost')
    const env = {DOCKER_HOST: named, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: clients.known}
    expect(await outcomeOf(env)).toMatch(/secure connection failed: .*ERR_TLS_CERT_ALTNAME_INVALID/)
  })

  test('is not told anything without TLS', async () => {
    expect(await outcomeOf({DOCKER_HOST: host})).toMatch(/is not a Docker engine: .*HTTPS? server/i)
  })

  test('is what a context names, with files of its own', async () => {
    const files = ['ca', 'cert', 'key'].map(name => `${name}=${clients.known}/${name}.pem`)
    const docker = `host=${host},${files.join(',')}`
    await run('docker', ['context', 'create', 'secured', '--docker', docker], {env: cli.env})
    expect(await outcomeOf({}, 'secured')).toBe('linux')
    const wrong = files.map(file => file.replace(clients.known, clients.deceived))
    const deceived = `host=${host},${wrong.join(',')}`
    await run('docker', ['context', 'create', 'deceived', '--docker', deceived], {env: cli.env})
    expect(await outcomeOf({}, 'deceived')).toContain('secure connection failed')
    await run(
      'docker',
      ['context', 'create', 'careless', '--docker', `${deceived},skip-tls-verify=true`],
      {env: cli.env},
    )
    expect(await outcomeOf({}, 'careless')).toBe('linux')
  })

  test('serves a gateway', async () => {
    await engine.bring(await sampleImage('everything'))
    const env = {...cli.env, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: clients.known}
    await using gateway = await startGateway({
      cli: {...cli, env},
      host,
      servers: {everything: {image: await sampleImage('everything'), disableNetwork: true}},
    })
    expect(await gateway.text('everything', 'echo', {message: 'sealed'})).toContain('sealed')
  })
})
