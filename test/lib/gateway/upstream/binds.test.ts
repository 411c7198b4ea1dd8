import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, realpath, rm, symlink, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {openEngine} from '../../../../src/lib/engine/dockerode.ts'
import type {Mount} from '../../../../src/lib/engine/mounts.ts'
import {containerOptions} from '../../../../src/lib/engine/options.ts'
import {
  agentSockets,
  type BindHost,
  explainMount,
  resolveBind,
} from '../../../../src/lib/gateway/upstream/binds.ts'
import {fixtureCatalog, fixtureImage} from '../../../support/fixture-images.ts'
import {
  startGateway,
  TestClient,
  testHome,
  testOptions,
} from '../../../support/in-process-gateway.ts'

const run = promisify(execFile)
let dir: string
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'binds-')))
})
afterEach(() => rm(dir, {recursive: true}))

const local = (allowMounts: readonly string[] = []) => ({
  home: join(dir, 'home'),
  platform: process.platform,
  isLocal: true,
  allowMounts,
  sockets: [] as readonly string[],
})
const bind = (source: string, isReadOnly = true) => ({
  kind: 'bind',
  source,
  target: '/data',
  isReadOnly,
})
const refusal = async (volume: string, host: BindHost = local()) => {
  const error: unknown = await resolveBind('files', volume, host).catch((thrown: unknown) => thrown)
  if (!(error instanceof PluginError)) throw new Error(`${volume} was not refused`)
  expect(error.code).toBe('CONFIG_MISSING')
  expect(error.message).toContain('server files: ')
  expect(error.hint).toContain('docker mcp server inspect files')
  return `${error.message} | ${error.hint}`
}
/** Runs something while a socket listens there. */
const withSocket = async (place: string, use: () => Promise<void>) => {
  const server = createServer()
  await new Promise<void>(resolve => void server.listen(place, resolve))
  try {
    await use()
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
}

/** What the engine says to a mount of this source. */
const said = async (source: string, more: readonly Mount[] = []): Promise<unknown> => {
  const engine = await openEngine({
    kind: 'unix',
    path: '/var/run/docker.sock',
    from: 'the default',
  })
  const options = containerOptions({
    server: 'files',
    owner: 'iso-hardening-explain',
    image: await fixtureImage('shows-environment'),
    facts: {user: '', volumes: [], entrypoint: [], cmd: [], workingDir: ''},
    command: [],
    entry: {kind: 'plain', env: []},
    mounts: [{kind: 'bind', source, target: '/data', isReadOnly: true}, ...more],
    network: {kind: 'none'},
    security: {profile: 'default', capAdd: [], tmpfs: []},
    secretFiles: false,
    transport: 'stdio',
    limits: {cpus: 0, memoryBytes: undefined, pids: 0, diskBytes: 1024 ** 3},
  })
  const created = await engine.create(options).catch((thrown: unknown) => thrown)
  if (typeof created !== 'string') return created
  await engine.remove(created, {force: true})
  throw new Error(`the engine took the mount of ${source}`)
}

describe('resolveBind', () => {
  test('gives a folder that is there, read-only when nothing is said', async () => {
    await mkdir(join(dir, 'data'))
    expect(await resolveBind('files', `${dir}/data:/data`, local())).toEqual(bind(`${dir}/data`))
    expect(await resolveBind('files', `${dir}/data:/data:rw`, local())).toEqual(
      bind(`${dir}/data`, false),
    )
  })

  test('mounts what a harmless link leads to', async () => {
    await mkdir(join(dir, 'real'))
    await symlink(join(dir, 'real'), join(dir, 'link'))
    expect(await resolveBind('files', `${dir}/link:/data:rw`, local())).toEqual(
      bind(`${dir}/real`, false),
    )
  })

  test.each(['/etc', '/', '/var/run', '/proc/self/root'])(
    'refuses a link to %s and says where it leads',
    async target => {
      await symlink(target, join(dir, 'link'))
      const text = await refusal(`${dir}/link:/data`)
      expect(text).toContain(`${dir}/link is a link to`)
      expect(text).toContain(`or allow it: --allow-mount=${await realpath(target)}`)
    },
  )

  test('refuses the folder of a socket that must not be shared, by either name', async () => {
    await mkdir(join(dir, 'real', 'inner'), {recursive: true})
    await mkdir(join(dir, 'other'))
    await symlink(join(dir, 'real'), join(dir, 'link'))
    await withSocket(join(dir, 'real', 'inner', 'd'), async () => {
      for (const by of ['real', 'link']) {
        const host = {...local(), sockets: [join(dir, by, 'inner', 'd')]}
        for (const source of ['real/inner', 'link/inner', 'real', 'link', '.']) {
          expect(await refusal(`${dir}/${source}:/data`, host)).toContain(
            'inner/d", which commands',
          )
        }
        expect(await resolveBind('files', `${dir}/other:/data`, host)).toEqual(bind(`${dir}/other`))
        const allowed = {...host, allowMounts: [join(dir, 'real')]}
        expect(await resolveBind('files', `${dir}/link:/data`, allowed)).toEqual(
          bind(`${dir}/real`),
        )
      }
      expect(await resolveBind('files', `${dir}/real:/data`, local())).toEqual(bind(`${dir}/real`))
    })
  })

  test.each([
    [{}, []],
    [{SSH_AUTH_SOCK: ''}, []],
    [{SSH_AUTH_SOCK: 'none'}, []],
    [{SSH_AUTH_SOCK: '/tmp/ssh-1/agent.2'}, ['/tmp/ssh-1/agent.2']],
  ])('knows of an environment like %j the sockets %j', (env, expected) => {
    expect(agentSockets(env)).toEqual(expected)
  })

  test('refuses a link in the middle of a path', async () => {
    await symlink('/', join(dir, 'up'))
    await refusal(`${dir}/up/etc:/data`)
  })

  test('refuses a link to credentials in the home', async () => {
    await mkdir(join(dir, 'home', '.ssh'), {recursive: true})
    await symlink(join(dir, 'home', '.ssh'), join(dir, 'link'))
    expect(await refusal(`${dir}/link:/data`)).toContain('credentials')
  })

  test('refuses a link to the programs of the system only when it is to be written to', async () => {
    await symlink('/usr/bin', join(dir, 'link'))
    expect(await resolveBind('files', `${dir}/link:/data`, local())).toEqual(bind('/usr/bin'))
    expect(await refusal(`${dir}/link:/data:rw`)).toContain('/usr belongs to the system')
  })

  test('refuses the home by its real place when the home is behind a link', async () => {
    await mkdir(join(dir, 'people', 'me'), {recursive: true})
    await symlink(join(dir, 'people', 'me'), join(dir, 'home'))
    await symlink(join(dir, 'people'), join(dir, 'link'))
    expect(await refusal(`${dir}/link:/data`)).toContain('whole home')
  })

  test('refuses a folder that does not exist', async () => {
    const text = await refusal(`${dir}/missing:/data`)
    expect(text).toContain(`${dir}/missing, which its volumes share, does not exist`)
    expect(text).not.toContain('--allow-mount')
  })

  test('refuses a link that leads in a circle, and one that leads nowhere', async () => {
    await symlink(join(dir, 'b'), join(dir, 'a'))
    await symlink(join(dir, 'a'), join(dir, 'b'))
    await symlink(join(dir, 'gone'), join(dir, 'dangling'))
    expect(await refusal(`${dir}/a:/data`)).toContain('ELOOP')
    expect(await refusal(`${dir}/dangling:/data`)).toContain('does not exist')
  })

  test('refuses a socket whatever its name is, unless the user allows it', async () => {
    const place = join(dir, 'harmless')
    await withSocket(place, async () => {
      const text = await refusal(`${place}:/data`)
      expect(text).toContain('is a socket')
      expect(text).toContain(`--allow-mount=${place}`)
      expect(await resolveBind('files', `${place}:/data`, local([place]))).toEqual(bind(place))
    })
  })

  test('refuses what is neither a file nor a folder', async () => {
    await run('mkfifo', [join(dir, 'pipe')])
    expect(await refusal(`${dir}/pipe:/data`)).toContain('neither a file nor a folder')
  })

  test('gives credentials that the user allows, and shows how to allow them', async () => {
    const kube = join(dir, 'home', '.kube')
    await mkdir(kube, {recursive: true})
    await writeFile(join(kube, 'config'), '')
    expect(await refusal('~/.kube/config:/data')).toMatch(
      new RegExp(`; or allow it: --allow-mount=${kube}/config$`),
    )
    for (const allowed of [kube, `${kube}/config`, '~/.kube']) {
      expect(await resolveBind('files', '~/.kube/config:/data', local([allowed]))).toEqual(
        bind(`${kube}/config`),
      )
    }
    expect(await refusal('~/.kube:/data', local([`${kube}/config`]))).toContain('credentials')
  })

  test('an allowed place does not hand over what a link in it leads to', async () => {
    const kube = join(dir, 'home', '.kube')
    await mkdir(join(dir, 'home', '.ssh'), {recursive: true})
    await mkdir(kube)
    await symlink(join(dir, 'home', '.ssh'), join(kube, 'config'))
    const text = await refusal(`${kube}/config:/data`, local([kube]))
    expect(text).toContain(`${kube}/config is a link to ${dir}/home/.ssh`)
  })

  test('a place that is allowed by its real name can be called by a link', async () => {
    const ssh = join(dir, 'home', '.ssh')
    await mkdir(ssh, {recursive: true})
    await symlink(ssh, join(dir, 'home', '.aws'))
    expect(await refusal('~/.aws:/data')).toContain(`--allow-mount=${ssh}`)
    expect(await resolveBind('files', '~/.aws:/data', local([ssh]))).toEqual(bind(ssh))
  })

  test('shows a path with gaps in quotes, and none that a terminal would obey', async () => {
    const odd = join(dir, 'my \u001B[2J\u202Ekeys', '.ssh')
    await mkdir(odd, {recursive: true})
    await symlink(odd, join(dir, 'link'))
    const text = await refusal(`${dir}/link:/data`)
    expect(text).toContain(`"--allow-mount=${dir}/my \uFFFD[2J\uFFFDkeys/.ssh"`)
    expect(text).not.toContain('\u001B')
    expect(text).not.toContain('\u202E')
  })

  test.each([
    ['/data', {kind: 'volume', target: '/data', isReadOnly: false}],
    ['cache:/data', {kind: 'volume', source: 'cache', target: '/data', isReadOnly: false}],
    ['cache:/data:ro', {kind: 'volume', source: 'cache', target: '/data', isReadOnly: true}],
  ])('asks nothing of this machine for the volume %s', async (volume, mount) => {
    expect(await resolveBind('files', volume, local())).toEqual(mount)
  })

  test('asks nothing of this machine for an engine on another one', async () => {
    const remote = {...local(), isLocal: false}
    await symlink('/etc', join(dir, 'link'))
    expect(await resolveBind('files', `${dir}/missing:/data`, remote)).toEqual(
      bind(`${dir}/missing`),
    )
    expect(await resolveBind('files', `${dir}/link:/data`, remote)).toEqual(bind(`${dir}/link`))
    expect(await refusal('/etc:/data', remote)).toMatch(/--allow-mount=\/etc$/)
    const allowed = {...remote, allowMounts: ['/etc']}
    expect(await resolveBind('files', '/etc/hosts:/data', allowed)).toEqual(bind('/etc/hosts'))
  })
})

describe('explainMount', () => {
  test.each([
    ['missing', 'does not exist'],
    ['missing\u001B[2J', 'does not exist'],
    ['file/below', 'does not exist'],
  ])('says that %j is not where the engine runs, which makes no folder', async (name, why) => {
    await writeFile(join(dir, 'file'), '')
    const error = explainMount(await said(join(dir, name)), 'files')
    const place = join(dir, name).replace('\u001B', '\uFFFD')
    expect(error).toMatchObject({
      name: 'PluginError',
      code: 'CONFIG_MISSING',
      message: `server files: ${place}, which its volumes share, ${why} on the machine that the engine runs on`,
      hint: expect.stringContaining('docker mcp server inspect files'),
    })
    await expect(realpath(join(dir, name))).rejects.toThrow(/ENOENT|ENOTDIR/)
  })

  test('knows a path of another system, and two mounts in one place', async () => {
    expect(explainMount(await said('C:\\data'), 'files')).toMatchObject({
      code: 'CONFIG_MISSING',
      message: expect.stringMatching(/files: C:.data, which its volumes share, is not a path on/),
    })
    const again: Mount = {kind: 'volume', target: '/data', isReadOnly: false}
    expect(explainMount(await said(dir, [again]), 'files')).toMatchObject({
      code: 'CONFIG_MISSING',
      message: 'server files: it has more than one mount at /data',
    })
  })

  test.each([
    [
      'Mounts denied: \nThe path /x y is not shared from the host',
      '/x y, which its volumes share, is',
    ],
    ['stat /x: permission denied', '/x, which its volumes share, may not be looked at'],
  ])('knows what other engines say: %s', (words, expected) => {
    const error = new PluginError('ENGINE_FAILED', `the Docker engine would not x: ${words}`)
    expect(explainMount(error, 'files')).toMatchObject({
      code: 'CONFIG_MISSING',
      message: expect.stringContaining(`server files: ${expected}`),
    })
  })

  test.each([
    new PluginError('ENGINE_FAILED', 'the Docker engine would not create a container: no'),
    new PluginError('IMAGE_MISSING', 'bind source path does not exist: /x'),
    new Error('bind source path does not exist: /x'),
    undefined,
  ])('leaves another error as it is: %s', error => {
    expect(explainMount(error, 'files')).toBe(error)
  })
})

test('a server gets the mounts of its entry, and an anonymous volume that goes with it', async () => {
  await using home = await testHome()
  await mkdir(join(dir, 'shared'))
  await writeFile(join(dir, 'shared', 'file'), 'text')
  await symlink(join(dir, 'shared'), join(dir, 'link'))
  const volumes = [`${dir}/link:/shared`, '/scratch']
  await using catalog = await fixtureCatalog({
    mounted: {fixture: 'shows-environment', volumes},
    unmounted: {fixture: 'counts-calls', volumes: [`${dir}/missing:/x`]},
  })
  let volume = ''
  {
    const options = await testOptions(home, {
      servers: ['mounted', 'unmounted'],
      catalog: catalog.file,
    })
    await using gateway = await startGateway(home, options)
    const client = new TestClient(gateway.gateway, 'one')
    await client.initialize()
    const {mounts} = JSON.parse(await client.call('environment'))
    const found = new Map<string, string>(
      mounts.map(([place, , flags]: readonly string[]) => [place, flags]),
    )
    expect(found.get('/shared')).toMatch(/^ro/)
    expect(found.get('/scratch')).toMatch(/^rw/)
    volume = await anonymousVolume((await gateway.containers())[0]?.id ?? '')
    await expect.poll(() => home.notices.join('\n')).toContain('unmounted: ')
  }
  await expect(run('docker', ['volume', 'inspect', volume])).rejects.toThrow(/no such volume/i)
  await expect(realpath(join(dir, 'missing'))).rejects.toThrow('ENOENT')
})

async function anonymousVolume(id: string): Promise<string> {
  const format = '{{range .Mounts}}{{if eq .Destination "/scratch"}}{{.Name}}{{end}}{{end}}'
  const {stdout} = await run('docker', ['inspect', '--format', format, id])
  expect(stdout.trim()).toMatch(/^[0-9a-f]{64}$/)
  return stdout.trim()
}
