import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'

import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {fixtureImage} from '../support/fixture-images.ts'
import {privateEngine, type PrivateEngine} from '../support/private-engine.ts'
import {gatewayImage, loadImage, scratchImage} from '../support/special-images.ts'
import {
  catalogOf,
  connect,
  type Entries,
  hasGround,
  startGateway,
  type TestGateway,
} from './gateway.ts'
import {found, freshSecret, needlesOf} from './needles.ts'
import {childrenOf, filesWith, processesWith, processText, TOLD} from './places.ts'

const IMAGES = 'localhost/isolation'
const SECRETS = [{name: 'isolation.token', env: 'API_TOKEN'}]
const FILES = [{name: 'isolation.token', env: 'API_TOKEN', file: true}]
const ENV = [{name: 'HEADER', value: 'Bearer ${API_TOKEN}'}]
const COMMON = {disableNetwork: true, secrets: SECRETS, env: ENV}

/** Servers that have the secret in their environment: every kind of image there is. */
const SERVERS: Entries = {
  scratch: {...COMMON, image: `${IMAGES}/scratch`},
  user: {...COMMON, image: `${IMAGES}/user`},
  readonly: {...COMMON, image: `${IMAGES}/user`, readOnly: true},
  strict: {...COMMON, image: `${IMAGES}/scratch`, security: 'strict'},
  volume: {...COMMON, image: `${IMAGES}/volume`},
  relayed: {
    ...COMMON,
    image: `${IMAGES}/scratch`,
    disableNetwork: false,
    allowHosts: ['a.test:80'],
  },
  bridged: {...COMMON, image: `${IMAGES}/scratch`, disableNetwork: false},
}
/** Those that have it as a file. */
const FILE_SERVERS: Entries = {
  file: {...COMMON, image: `${IMAGES}/scratch`, secrets: FILES, env: []},
  fileuser: {...COMMON, image: `${IMAGES}/user`, secrets: FILES, env: []},
  filestrict: {...COMMON, image: `${IMAGES}/scratch`, secrets: FILES, env: [], security: 'strict'},
}
const NAMES = [...Object.keys(SERVERS), ...Object.keys(FILE_SERVERS), 'shellless']

interface Facts {
  readonly env: readonly string[]
  readonly uid: number
  readonly files: Readonly<Record<string, {readonly content: string; readonly mode?: number}>>
}

/** Containers by server name. */
async function containers(engine: PrivateEngine): Promise<ReadonlyMap<string, string>> {
  const format = '{{.ID}} {{.Label "docker-mcp-name"}}'
  const list = await engine.docker('ps', '--no-trunc', '--format', format)
  return new Map(
    list
      .split('\n')
      .map(line => line.split(' '))
      .filter(([, name]) => name)
      .map(([id = '', name = '']) => [name, id]),
  )
}

async function firstPid(engine: PrivateEngine, id: string): Promise<number> {
  return Number(await engine.docker('inspect', '--format', '{{.State.Pid}}', id))
}

function dotenv(secret: string): string {
  return `isolation.token="${secret.replace(/["\\$]/g, '\\$&')}"\n`
}

async function loadImages(engine: PrivateEngine): Promise<void> {
  // Some images have that folder, for something else.
  const taken = await scratchImage(`${IMAGES}/taken:latest`, {User: '65532'})
  const files = {...taken.files, '/run/secrets/rhsm/ca': Buffer.from('of the image')}
  await loadImage({...taken, files}, engine.host)
  const own = ['scratch', 'user', 'volume', 'odd'] as const
  const config = {scratch: {}, odd: {}, user: {User: '65532'}, volume: {Volumes: {'/data': {}}}}
  for (const name of own) {
    const architecture = name === 'odd' ? '386' : undefined
    const image = await scratchImage(`${IMAGES}/${name}:latest`, config[name], architecture)
    await loadImage(image, engine.host)
  }
}

describe.runIf(hasGround)('a secret', () => {
  const secret = freshSecret()
  const needles = needlesOf(secret)
  let engine: PrivateEngine
  let cli: DockerCli
  let folder: string
  let secrets: string
  let shellless: string

  beforeAll(async () => {
    engine = await privateEngine()
    cli = await dockerCli()
    folder = await mkdtemp(join(tmpdir(), 'isolation-secrets-'))
    secrets = join(folder, 'secrets.env')
    await writeFile(secrets, dotenv(secret), {mode: 0o600})
    await loadImages(engine)
    shellless = await fixtureImage('shows-environment')
    await engine.bring(shellless)
  })

  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]()
    await cli?.[Symbol.asyncDispose]()
    await rm(folder, {recursive: true, force: true})
  })

  test('would be found wherever this looks, if it were there', async () => {
    const open = freshSecret()
    const known = needlesOf(open)
    const run = ['run', '--detach', '--interactive', '--env', `API_TOKEN=${open}`]
    const id = await engine.docker(...run, `${IMAGES}/scratch`)
    const pid = await firstPid(engine, id)
    const told = await Promise.all(
      ['docker inspect', 'the image that docker commit makes'].map(async place =>
        found(known, (await TOLD[place]?.(engine, id)) ?? ''),
      ),
    )
    expect(told.every(one => one.length > 0)).toBe(true)
    expect(await processesWith(known)).toContain(pid)
    const files = await filesWith(known, engine.folder, engine.pid)
    expect(files).toContainEqual(expect.stringMatching(/config\.v2\.json$/))
    expect(files).toContainEqual(expect.stringMatching(/exec\/.*\/config\.json$/))
    expect(files).toContain(engine.log)
    await engine.docker('rm', '--force', id)
  })

  describe('that servers were given by a gateway', () => {
    let gateway: TestGateway
    let running: ReadonlyMap<string, string>
    const facts = new Map<string, Facts>()

    beforeAll(async () => {
      const servers = {...SERVERS, ...FILE_SERVERS, shellless: {...COMMON, image: shellless}}
      const flags = ['--secrets', secrets, '--verbose', '--log-calls', '--debug-dns']
      gateway = await startGateway({cli, host: engine.host, servers, flags})
      for (const name of NAMES) facts.set(name, await gateway.call(name, 'environment'))
      running = await containers(engine)
    })

    afterAll(() => gateway?.[Symbol.asyncDispose]())

    test.for(Object.keys(SERVERS))('is in the environment of %s', name => {
      const env = facts.get(name)?.env
      expect(env).toContain(`API_TOKEN=${secret}`)
      expect(env).toContain(`HEADER=Bearer ${secret}`)
      expect(env).toContain('FROM_IMAGE=yes')
    })

    test('is in the environment of a server whose image has no shell', () => {
      expect(facts.get('shellless')?.env).toMatchObject({API_TOKEN: secret})
    })

    test.for(Object.keys(FILE_SERVERS))('is a file that %s can read', name => {
      const {env = [], files} = facts.get(name) ?? {}
      // What starts as root may have to become another user first.
      const mode = name === 'file' ? 0o444 : 0o400
      expect(files).toEqual({API_TOKEN: {content: secret, mode}})
      expect(env).toContain('API_TOKEN_FILE=/run/secrets/API_TOKEN')
      expect(found(needles, env.join('\n'))).toEqual([])
    })

    test('is with no process but the servers themselves', async () => {
      const own = await Promise.all(
        NAMES.map(async name => childrenOf(await firstPid(engine, running.get(name) ?? ''))),
      )
      const having = own.filter((_, index) => !(NAMES[index] ?? '').startsWith('file')).flat()
      expect(new Set(await processesWith(needles))).toEqual(new Set(having))
      expect(having).toHaveLength(Object.keys(SERVERS).length + 1)
    })

    describe.for(NAMES)('is not told of %s', name => {
      test.for(Object.keys(TOLD))('by %s', async place => {
        const text = await TOLD[place]?.(engine, running.get(name) ?? '')
        expect(found(needles, text ?? '')).toEqual([])
      })
    })

    test('is in no file of the engine, its log included', async () => {
      expect(await filesWith(needles, engine.folder, engine.pid)).toEqual([])
    })

    test('is not in what the gateway says or keeps', async () => {
      // It does pass on what the servers say, without the secret.
      await gateway.said(/have FROM_IMAGE=yes/)
      expect(found(needles, gateway.stderr())).toEqual([])
      expect(await filesWith(needles, cli.home)).toEqual([])
      const gateways = [gateway.pid, ...(await childrenOf(gateway.pid))]
      expect(gateways).toHaveLength(2)
      const texts = await Promise.all(gateways.map(processText))
      expect(found(needles, texts.join('\n'))).toEqual([])
    })

    test('is nowhere when all of them have ended', async () => {
      await gateway[Symbol.asyncDispose]()
      await expect.poll(() => containers(engine)).toEqual(new Map())
      expect(await filesWith(needles, engine.folder, engine.pid)).toEqual([])
      expect(await filesWith(needles, cli.home)).toEqual([])
      expect(await processesWith(needles)).toEqual([])
      expect(found(needles, (await TOLD['docker events']?.(engine, '')) ?? '')).toEqual([])
    })
  })

  test('is a file also for a user whose image has that folder for something else', async () => {
    const servers = {taken: {...COMMON, image: `${IMAGES}/taken`, secrets: FILES, env: []}}
    const flags = ['--secrets', secrets]
    await using gateway = await startGateway({cli, host: engine.host, servers, flags})
    const {files} = await gateway.call<Facts>('taken', 'environment')
    expect(files).toEqual({API_TOKEN: {content: secret, mode: 0o400}})
  })

  describe('that could only be given where others see it', () => {
    const odd: Entries = {
      odd: {...COMMON, image: `${IMAGES}/odd`},
      argument: {...COMMON, image: `${IMAGES}/scratch`, command: ['--token=${API_TOKEN}']},
    }
    // Of its own, since it will be seen.
    const seen = freshSecret()
    const start = async (flags: readonly string[] = []) => {
      const file = join(folder, 'seen.env')
      await writeFile(file, dotenv(seen), {mode: 0o600})
      const own = ['--secrets', file, ...flags]
      return startGateway({cli, host: engine.host, servers: odd, flags: own})
    }

    test('is not given, and the reason names the server and the way out', async () => {
      await using gateway = await start()
      for (const name of Object.keys(odd)) {
        await expect(gateway.call(name, 'environment')).rejects.toThrow('Unknown tool')
        await gateway.said(new RegExp(`--expose-secrets ${name}`))
      }
      expect(found(needlesOf(seen), gateway.stderr())).toEqual([])
      expect(await filesWith(needlesOf(seen), engine.folder, engine.pid)).toEqual([])
    })

    test('is given when the user says so', async () => {
      await using gateway = await start(['--expose-secrets', 'odd,argument'])
      const {env} = await gateway.call<Facts>('odd', 'environment')
      expect(env).toContain(`API_TOKEN=${seen}`)
      const {args} = await gateway.call<{args: string[]}>('argument', 'environment')
      expect(args).toEqual(['/static-server', `--token=${seen}`])
      // An argument is for lists of processes to see, and not for the engine.
      const id = (await containers(engine)).get('argument') ?? ''
      expect(found(needlesOf(seen), (await TOLD['docker inspect']?.(engine, id)) ?? '')).toEqual([])
    })
  })

  describe('that a gateway in a container has, with nothing but the socket of the engine', () => {
    const servers = {scratch: SERVERS['scratch'] ?? {}, file: FILE_SERVERS['file'] ?? {}}
    let gateway: TestGateway
    let all: readonly string[]

    beforeAll(async () => {
      const image = await gatewayImage()
      await engine.bring(image)
      const files = {
        '/secrets/file.env': dotenv(secret),
        '/secrets/catalog.json': catalogOf(servers),
      }
      const first = join(folder, 'first-line')
      await writeFile(first, `${JSON.stringify(files)}\n`, {mode: 0o600})
      // A log of what clients are answered would be one of the gateway's container, and is its user's choice.
      const container = ['--interactive', '--rm', '--network', 'none', '--log-driver', 'none']
      const socket = ['--tmpfs', '/secrets', '--volume', `${engine.socket}:/var/run/docker.sock`]
      const run = ['docker', '--host', engine.host, 'run', ...container, ...socket, image]
      const names = Object.keys(servers).flatMap(name => ['--servers', name])
      const flags = ['--secrets', '/secrets/file.env', '--catalog', '/secrets/catalog.json']
      const args = ['-c', 'file=$1; shift; cat "$file" - | exec "$@"', 'sh', first]
      const command = [...args, ...run, ...flags, ...names, '--verbose']
      gateway = await connect({command: 'sh', args: command, env: cli.env})
    })

    afterAll(() => gateway?.[Symbol.asyncDispose]())

    test('is with its servers', async () => {
      const {env} = await gateway.call<Facts>('scratch', 'environment')
      expect(env).toContain(`API_TOKEN=${secret}`)
      const {files} = await gateway.call<Facts>('file', 'environment')
      expect(files['API_TOKEN']?.content).toBe(secret)
      all = (await engine.docker('ps', '--quiet', '--no-trunc')).split('\n')
      expect(all.length).toBeGreaterThanOrEqual(3)
    })

    test.for(Object.keys(TOLD))('is not told by %s', async place => {
      const texts = await Promise.all(all.map(async id => TOLD[place]?.(engine, id)))
      expect(found(needles, texts.join('\n'))).toEqual([])
    })

    test('is with no process but its server, in no file and in no log', async () => {
      const id = (await containers(engine)).get('scratch') ?? ''
      const own = await childrenOf(await firstPid(engine, id))
      expect(await processesWith(needles)).toEqual(own)
      expect(await filesWith(needles, engine.folder, engine.pid)).toEqual([])
      expect(found(needles, gateway.stderr())).toEqual([])
    })
  })
})
