import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, realpath, rm, symlink, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {PluginError} from '../../../../src/lib/base/errors.ts'
import {resolveBind} from '../../../../src/lib/gateway/upstream/binds.ts'
import {fixtureCatalog} from '../../../support/fixture-images.ts'
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

const local = () => ({home: join(dir, 'home'), platform: process.platform, isLocal: true})
const refusal = async (volume: string) => {
  const error: unknown = await resolveBind('files', volume, local()).catch(
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof PluginError)) throw new Error(`${volume} was not refused`)
  expect(error.code).toBe('CONFIG_MISSING')
  expect(error.message).toContain('server files: ')
  expect(error.hint).toContain('docker mcp server inspect files')
  return error.message
}

describe('resolveBind', () => {
  test('gives a folder that is there, read-only when nothing is said', async () => {
    await mkdir(join(dir, 'data'))
    expect(await resolveBind('files', `${dir}/data:/data`, local())).toBe(`${dir}/data:/data:ro`)
    expect(await resolveBind('files', `${dir}/data:/data:rw`, local())).toBe(`${dir}/data:/data:rw`)
  })

  test('mounts what a harmless link leads to', async () => {
    await mkdir(join(dir, 'real'))
    await symlink(join(dir, 'real'), join(dir, 'link'))
    expect(await resolveBind('files', `${dir}/link:/data:rw`, local())).toBe(`${dir}/real:/data:rw`)
  })

  test.each(['/etc', '/', '/var/run', '/proc/self/root'])(
    'refuses a link to %s and says where it leads',
    async target => {
      await symlink(target, join(dir, 'link'))
      expect(await refusal(`${dir}/link:/data`)).toContain(`${dir}/link is a link to`)
    },
  )

  test('refuses a link in the middle of a path', async () => {
    await symlink('/', join(dir, 'up'))
    await refusal(`${dir}/up/etc:/data`)
  })

  test('refuses a link to credentials in the home', async () => {
    await mkdir(join(dir, 'home', '.ssh'), {recursive: true})
    await symlink(join(dir, 'home', '.ssh'), join(dir, 'link'))
    expect(await refusal(`${dir}/link:/data`)).toContain('credentials')
  })

  test('refuses the home by its real place when the home is behind a link', async () => {
    await mkdir(join(dir, 'people', 'me'), {recursive: true})
    await symlink(join(dir, 'people', 'me'), join(dir, 'home'))
    await symlink(join(dir, 'people'), join(dir, 'link'))
    expect(await refusal(`${dir}/link:/data`)).toContain('whole home')
  })

  test('refuses a folder that does not exist, for the engine would make it', async () => {
    expect(await refusal(`${dir}/missing:/data`)).toContain(`${dir}/missing`)
    expect(await refusal(`${dir}/missing:/data`)).toContain('does not exist')
  })

  test('refuses a link that leads in a circle, and one that leads nowhere', async () => {
    await symlink(join(dir, 'b'), join(dir, 'a'))
    await symlink(join(dir, 'a'), join(dir, 'b'))
    await symlink(join(dir, 'gone'), join(dir, 'dangling'))
    expect(await refusal(`${dir}/a:/data`)).toContain('ELOOP')
    expect(await refusal(`${dir}/dangling:/data`)).toContain('does not exist')
  })

  test('refuses a socket whatever its name is', async () => {
    const server = createServer()
    await new Promise<void>(resolve => void server.listen(join(dir, 'harmless'), resolve))
    try {
      expect(await refusal(`${dir}/harmless:/data`)).toContain('is a socket')
    } finally {
      await new Promise(resolve => server.close(resolve))
    }
  })

  test.each(['/data', 'cache:/data', 'cache:/data:ro'])(
    'leaves the volume %s alone',
    async volume => {
      expect(await resolveBind('files', volume, local())).toBe(volume)
    },
  )

  test('asks nothing of this machine for an engine on another one', async () => {
    const remote = {...local(), isLocal: false}
    await symlink('/etc', join(dir, 'link'))
    expect(await resolveBind('files', `${dir}/missing:/data`, remote)).toBe(
      `${dir}/missing:/data:ro`,
    )
    expect(await resolveBind('files', `${dir}/link:/data`, remote)).toBe(`${dir}/link:/data:ro`)
    await expect(resolveBind('files', '/etc:/data', remote)).rejects.toThrow('/etc')
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
    expect(home.notices.join('\n')).toContain('unmounted: ')
  }
  await expect(run('docker', ['volume', 'inspect', volume])).rejects.toThrow(/no such volume/i)
  await expect(realpath(join(dir, 'missing'))).rejects.toThrow('ENOENT')
})

async function anonymousVolume(id: string): Promise<string> {
  const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}}{{end}}{{end}}'
  const {stdout} = await run('docker', ['inspect', '--format', format, id])
  expect(stdout.trim()).toMatch(/^[0-9a-f]{64}$/)
  return stdout.trim()
}
