import {mkdir, readFile, rename, rm, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import * as z from 'zod'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {fixtureImage} from '../support/fixture-images.ts'
import {connectTo, seesTools, type CLIENTS, type ReloadClient} from '../support/reload-client.ts'

const WITHIN = {timeout: 60_000, interval: 25}

/** Where the secret `told.key` is, and how it becomes another one. */
interface Place {
  readonly flags: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly set: (value: string) => Promise<unknown>
  /** Takes it away. */
  readonly remove: () => Promise<unknown>
}

/** A gateway with a server that has the secret and one that has none, with a client. */
interface Rig extends AsyncDisposable {
  readonly cli: DockerCli
  readonly client: ReloadClient
  readonly place: Place
}

async function rig(
  kind: (typeof CLIENTS)[number],
  placeOf: (cli: DockerCli) => Promise<Place>,
): Promise<Rig> {
  const cli = await dockerCli()
  const [counts, shows] = await Promise.all([
    fixtureImage('counts-calls'),
    fixtureImage('shows-environment'),
  ])
  const closed = {type: 'server', disableNetwork: true}
  const secrets = [{name: 'told.key', env: 'SECRET'}]
  const registry = {steady: {...closed, image: counts}, told: {...closed, image: shows, secrets}}
  await cli.write('catalogs/test.yaml', JSON.stringify({version: 3, name: 'test', registry}))
  await cli.write('catalog.json', JSON.stringify({catalogs: {test: {}}}))
  await cli.write('registry.yaml', 'registry:\n  steady: {ref: ""}\n  told: {ref: ""}\n')
  const place = await placeOf(cli)
  await place.set('value one')
  const started: DockerCli = {...cli, env: {...cli.env, ...place.env}}
  const client = await connectTo(started, kind, place.flags)
  await seesTools(client, ['count', 'environment'])
  return {
    cli,
    client,
    place,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await cli[Symbol.asyncDispose]()
    },
  }
}

async function secretOf({client}: Rig): Promise<string | undefined> {
  const text = await client.call('environment')
  const {env} = z.object({env: z.record(z.string(), z.string())}).parse(JSON.parse(text))
  return env['SECRET']
}

async function containersOf({cli}: Rig, server: string): Promise<readonly string[]> {
  return (await cli.containers()).filter(one => one.server === server).map(({id}) => id)
}

const reloads = ({client}: Rig) => client.stderr().split('> Reloaded: changed told').length - 1

async function dotenv(cli: DockerCli): Promise<Place> {
  const file = join(cli.home, '.mcp.env')
  return {
    flags: ['--secrets', `docker-desktop:${file}`],
    set: value => writeFile(file, `export told.key="${value}"\n`),
    remove: () => writeFile(file, '# none\n'),
  }
}

async function folder(cli: DockerCli): Promise<Place> {
  const dir = join(cli.home, 'secrets')
  await mkdir(dir)
  return {
    flags: ['--secrets', dir],
    set: value => writeFile(join(dir, 'told.key'), `${value}\n`),
    remove: () => rm(join(dir, 'told.key')),
  }
}

/** All files at once, as the kubelet replaces them. */
async function kubernetes(cli: DockerCli): Promise<Place> {
  const dir = join(cli.home, 'mounted')
  await mkdir(dir)
  let version = 0
  const turn = async (files: Readonly<Record<string, string>>) => {
    const next = `..version_${(version += 1)}`
    await mkdir(join(dir, next))
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, next, name), text)
    await symlink(next, join(dir, '..data_tmp'))
    await rename(join(dir, '..data_tmp'), join(dir, '..data'))
    if (version === 1) await symlink('..data/told.key', join(dir, 'told.key'))
    else await rm(join(dir, `..version_${version - 1}`), {recursive: true})
  }
  return {
    flags: ['--secrets', dir],
    set: value => turn({'told.key': value, other: 'x'}),
    remove: () => turn({other: 'x'}),
  }
}

async function namedFile(cli: DockerCli): Promise<Place> {
  const file = join(cli.home, 'told-key')
  return {
    flags: [],
    env: {DOCKER_MCP_SECRET_TOLD_KEY_FILE: file},
    set: value => writeFile(file, `${value}\n`),
    remove: () => Promise.reject(new Error('only the environment can')),
  }
}

async function encrypted(cli: DockerCli): Promise<Place> {
  return {
    flags: [],
    set: value => cli.mcp('secret', 'set', `told.key=${value}`),
    remove: () => cli.mcp('secret', 'rm', 'told.key'),
  }
}

describe('a secret that becomes another one', () => {
  test.each<
    [what: string, kind: (typeof CLIENTS)[number], place: (cli: DockerCli) => Promise<Place>]
  >([
    ['in a file of lines', 'legacy, stdio', dotenv],
    ['in a folder', 'modern, HTTP', folder],
    ['in a folder of Kubernetes', 'legacy, stdio', kubernetes],
    ['in a file that a variable names', 'modern, stdio', namedFile],
    ['by secret set, in the encrypted file', 'legacy, HTTP', encrypted],
  ])(
    '%s counts from the next call on, for who uses it alone (%s)',
    async (_what, kind, placeOf) => {
      await using at = await rig(kind, placeOf)
      expect(await at.client.call('count')).toBe('1')
      expect(await secretOf(at)).toBe('value one')
      const [steady, told] = [await containersOf(at, 'steady'), await containersOf(at, 'told')]
      await at.place.set('value two')
      await expect.poll(() => reloads(at), WITHIN).toBe(1)
      expect(await secretOf(at)).toBe('value two')
      await expect.poll(() => containersOf(at, 'told'), WITHIN).not.toContain(told[0])
      expect(await at.client.call('count')).toBe('2')
      expect(await containersOf(at, 'steady')).toEqual(steady)
      expect(at.client.stderr()).not.toMatch(/value (?:one|two)/)
    },
  )

  test.each<[what: string, place: (cli: DockerCli) => Promise<Place>]>([
    ['a folder', folder],
    ['a folder of Kubernetes', kubernetes],
    ['a file of lines', dotenv],
    ['the encrypted file', encrypted],
  ])(
    'stops its server alone when it is taken out of %s, and starts it when it is back',
    async (_what, placeOf) => {
      await using at = await rig('legacy, stdio', placeOf)
      expect(await secretOf(at)).toBe('value one')
      expect(await at.client.call('count')).toBe('1')
      await at.place.remove()
      await expect.poll(() => reloads(at), WITHIN).toBe(1)
      expect(await at.client.call('environment')).toMatch(
        /server told needs the secret told\.key, which has no value/,
      )
      expect(await at.client.call('count')).toBe('2')
      await at.place.set('value two')
      await expect.poll(() => reloads(at), WITHIN).toBe(2)
      expect(await secretOf(at)).toBe('value two')
      expect(await at.client.call('count')).toBe('3')
    },
  )

  test('is kept while its file is half written', async () => {
    await using at = await rig('legacy, stdio', folder)
    expect(await secretOf(at)).toBe('value one')
    const told = await containersOf(at, 'told')
    const file = join(at.cli.home, 'secrets/told.key')
    await writeFile(file, '')
    await expect.poll(() => at.client.stderr(), WITHIN).toContain(`${file} is empty now`)
    expect(await secretOf(at)).toBe('value one')
    expect(await containersOf(at, 'told')).toEqual(told)
    await writeFile(file, 'value two')
    await expect.poll(() => reloads(at), WITHIN).toBe(1)
    expect(await secretOf(at)).toBe('value two')
  })

  test('is kept while its store cannot be read', async () => {
    await using at = await rig('legacy, stdio', encrypted)
    expect(await secretOf(at)).toBe('value one')
    const told = await containersOf(at, 'told')
    const file = join(at.cli.mcpDir, 'secrets.enc.json')
    const right = await readFile(file)
    await writeFile(file, right.subarray(0, right.length / 2))
    await expect
      .poll(() => at.client.stderr(), WITHIN)
      .toMatch(/secret told\.key: file may have it and cannot be read/)
    expect(await secretOf(at)).toBe('value one')
    expect(await containersOf(at, 'told')).toEqual(told)
    await writeFile(file, right)
    await expect.poll(() => at.client.stderr(), WITHIN).toContain('can be read again')
    expect(await containersOf(at, 'told')).toEqual(told)
  })

  test('is kept while its key is away, and what else changes counts', async () => {
    await using at = await rig('legacy, stdio', encrypted)
    expect(await secretOf(at)).toBe('value one')
    expect(await at.client.call('count')).toBe('1')
    const told = await containersOf(at, 'told')
    const key = join(at.cli.mcpDir, 'secrets.key')
    await rename(key, `${key}.away`)
    await at.cli.mcp('server', 'disable', 'steady')
    await expect.poll(() => at.client.stderr(), WITHIN).toContain('> Reloaded: removed steady')
    expect(at.client.stderr()).toMatch(/secret told\.key: file may have it and cannot be read/)
    expect(await secretOf(at)).toBe('value one')
    await rename(`${key}.away`, key)
    await expect.poll(() => at.client.stderr(), WITHIN).toContain('can be read again')
    expect(await containersOf(at, 'told')).toEqual(told)
    await at.place.set('value two')
    await expect.poll(() => reloads(at), WITHIN).toBe(1)
    expect(await secretOf(at)).toBe('value two')
  })
})
