import {mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile} from 'node:fs/promises'
import {existsSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import type {Client, ClientFile, Platform} from '../../../src/lib/clients/client.ts'
import {connectClient} from '../../../src/lib/clients/connect.ts'
import {disconnectClient} from '../../../src/lib/clients/disconnect.ts'
import {fileFormat} from '../../../src/lib/clients/formats.ts'
import {launchOf} from '../../../src/lib/clients/launch.ts'
import {locateFile} from '../../../src/lib/clients/locate.ts'
import {remoteGateway} from '../../../src/lib/clients/remote.ts'
import {CLIENTS} from '../../../src/lib/clients/table.ts'
import {readClientFile} from '../../../src/lib/clients/read.ts'
import type {Gateway} from '../../../src/lib/clients/wanted.ts'
import {fixturesFor, laterComment} from './table-files.ts'

const PLATFORMS: readonly Platform[] = ['linux', 'darwin', 'win32']
const GOLDEN = join(import.meta.dirname, '..', '..', 'fixtures', 'clients')
const ENV = {
  APPDATA: String.raw`C:\Users\me\AppData\Roaming`,
  LOCALAPPDATA: String.raw`C:\Users\me\AppData\Local`,
  ProgramData: String.raw`C:\ProgramData`,
  ProgramFiles: String.raw`C:\Program Files`,
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clients-'))
})
afterAll(() => rm(folder, {recursive: true, force: true}))

/** A folder for one test, with a place for a file of the client that does not exist yet. */
async function placeFor(file: ClientFile, text?: string) {
  const home = await mkdtemp(join(folder, 'h-'))
  const path = join(home, 'some', 'folder', `file.${file.format}`)
  if (text !== undefined) {
    await mkdir(dirname(path), {recursive: true})
    await writeFile(path, text, {mode: 0o640})
  }
  const paths = statePaths({configFlag: join(home, '.docker'), env: {}})
  return {home, path, paths, place: {file, path}}
}

function launchedBy(client: Client, platform: Platform, profile?: string): Gateway {
  const env = platform === 'win32' ? ENV : {}
  return {kind: 'launch', launch: launchOf(client, {platform, env, profile})}
}

function filesOf({user, project}: Client): readonly ClientFile[] {
  return [...(user ? [user] : []), ...(project ? [project] : [])]
}

const ROWS = CLIENTS.filter(client => client.user ?? client.project)
const USER_ROWS = CLIENTS.filter(({user}) => user)

describe.each(ROWS.map(client => [client.id, client] as const))('%s', (_id, client) => {
  const [file] = filesOf(client)
  if (!file) throw new Error('a row without a file')

  test('is written as the golden file says, on every platform and in every file', async () => {
    const parts: string[] = []
    const section = (title: string, text: string) => parts.push(`=== ${title}\n${text}`)
    for (const platform of PLATFORMS) {
      const home = platform === 'win32' ? String.raw`C:\Users\me` : '/home/me'
      const env = platform === 'win32' ? ENV : {}
      const machine = {platform, env, home, exists: () => false}
      const path = client.user && locateFile(client.user, machine)
      section(`${platform}: ${path ?? 'no file of the user'}`, '')
      if (path === undefined) continue
      const {place, paths} = await placeFor(file)
      await connectClient(place, {
        paths,
        gateway: launchedBy(client, platform, 'dev'),
        isSecret: false,
      })
      parts.push(await readFile(place.path, 'utf8'))
    }
    if (client.project) {
      section(`project: ${client.project.path}`, '')
      const {place, paths} = await placeFor(client.project)
      await connectClient(place, {paths, gateway: launchedBy(client, 'linux'), isSecret: false})
      parts.push(await readFile(place.path, 'utf8'))
    }
    if (file.urlEntry) {
      section('a gateway that runs', '')
      const {place, paths} = await placeFor(file)
      const gateway = remoteGateway(client, file, {url: 'http://127.0.0.1:8080/mcp', token: 'T'})
      await connectClient(place, {paths, gateway, isSecret: true})
      parts.push(await readFile(place.path, 'utf8'))
    }
    for (const {name, text} of fixturesFor(file)) {
      const {place, paths} = await placeFor(file, text)
      section(`${name}, before`, visible(text))
      await connectClient(place, {
        paths,
        gateway: launchedBy(client, 'linux', 'dev'),
        isSecret: false,
      })
      section(`${name}, after`, visible(await readFile(place.path, 'utf8')))
    }
    await expect(`${parts.join('\n')}\n`).toMatchFileSnapshot(join(GOLDEN, `${client.id}.golden`))
  })

  test.each(fixturesFor(file))(
    '$name: once is enough, and disconnecting restores',
    async ({text}) => {
      const {place, paths, path} = await placeFor(file, text)
      const input = {paths, gateway: launchedBy(client, 'linux', 'dev'), isSecret: false}
      expect(await connectClient(place, input)).toMatchObject({already: false})
      const once = await readFile(path)
      await utimes(path, 1, 1)
      expect(await connectClient(place, input)).toMatchObject({already: true})
      expect(await readFile(path)).toEqual(once)
      expect(await stat(path)).toMatchObject({mtimeMs: 1000})
      expect((await stat(path)).mode & 0o777).toBe(0o640)
      expect(await disconnectClient(place, paths)).toBe('restored')
      expect(await readFile(path, 'utf8')).toBe(text)
      expect((await stat(path)).mode & 0o777).toBe(0o640)
      expect(await disconnectClient(place, paths)).toBe('already')
    },
  )

  test('changes one word when it is connected with another profile', async () => {
    const text = fixturesFor(file)[0]?.text ?? ''
    const {place, paths, path} = await placeFor(file, text)
    const connect = (profile: string) =>
      connectClient(place, {paths, gateway: launchedBy(client, 'linux', profile), isSecret: false})
    await connect('dev-profile')
    const first = await readFile(path, 'utf8')
    await connect('web')
    expect(await readFile(path, 'utf8')).toBe(first.replace('dev-profile', 'web'))
    expect(await disconnectClient(place, paths)).toBe('restored')
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  test('takes only its entry away when something else was changed since', async () => {
    for (const {text} of fixturesFor(file).filter(
      one => one.text.endsWith('\n') && one.text !== '{}\n',
    )) {
      const {place, paths, path} = await placeFor(file, text)
      await connectClient(place, {paths, gateway: launchedBy(client, 'linux'), isSecret: false})
      await writeFile(path, (await readFile(path, 'utf8')) + laterComment(file))
      expect(await disconnectClient(place, paths)).toBe('removed')
      expect(await readFile(path, 'utf8')).toBe(text + laterComment(file))
    }
  })

  test('leaves neither a file nor a folder where there was none', async () => {
    const {place, paths, path, home} = await placeFor(file)
    await connectClient(place, {paths, gateway: launchedBy(client, 'linux'), isSecret: false})
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await disconnectClient(place, paths)).toBe('restored')
    expect(existsSync(join(home, 'some'))).toBe(false)
  })

  test('follows docker to its folder and its engine, and keeps the variables of others', async () => {
    const {place, paths, path} = await placeFor(file)
    const connect = (carried?: Record<string, string>, isProject = false) => {
      const launch = launchOf(client, {platform: 'linux', env: {}, carried})
      const gateway = {kind: 'launch', launch} as const
      return connectClient({...place, isProject}, {paths, gateway, isSecret: false})
    }
    const [here, there] = [
      {DOCKER_HOST: 'tcp://h:1', DOCKER_CONFIG: '/d'},
      {DOCKER_HOST: 'tcp://h:2'},
    ]
    await connect()
    const fresh = await readFile(path, 'utf8')
    await connect(here)
    const led = await readFile(path, 'utf8')
    expect(await connect(undefined, true)).toMatchObject({already: true})
    expect(await connect(there)).toMatchObject({losses: {left: ['DOCKER_CONFIG']}})
    expect(await readFile(path, 'utf8')).toContain('tcp://h:2')
    expect(await connect()).toMatchObject({losses: {left: ['DOCKER_HOST']}})
    expect(await connect()).toMatchObject({already: true})
    const format = await fileFormat(file.format)
    expect(format.read(await readFile(path, 'utf8'), path)).toEqual(format.read(fresh, path))
    await writeFile(path, led.replace('DOCKER_CONFIG', 'MINE'))
    await connect()
    expect((await readClientFile(path, file))?.own?.env).toEqual({MINE: '/d'})
    expect(await readFile(path, 'utf8')).not.toContain('DOCKER_HOST')
  })

  test('keeps what a person has added to the entry', async () => {
    const {place, paths, path} = await placeFor(file)
    await connectClient(place, {
      paths,
      gateway: launchedBy(client, 'linux', 'dev'),
      isSecret: false,
    })
    const format = await fileFormat(file.format)
    const own = {container: file.container, key: file.key, list: file.list}
    const written = await readFile(path, 'utf8')
    const entry = file.entry(launchOf(client, {platform: 'linux', env: {}, profile: 'dev'}))
    await writeFile(path, format.edit(written, {...own, value: {...entry, mine: 7}}, path))
    const before = await readFile(path, 'utf8')
    expect(before).toContain('7')
    await connectClient(place, {
      paths,
      gateway: launchedBy(client, 'linux', 'web'),
      isSecret: false,
    })
    expect(await readFile(path, 'utf8')).toBe(before.replace(/dev(?!.*dev)/s, 'web'))
  })
})

test('has a golden file for every client that can be connected', () => {
  expect(USER_ROWS.length).toBeGreaterThan(30)
})

/** Marks of the file that a golden file cannot show. */
function visible(text: string): string {
  return text.replaceAll('\r', '␍').replace('\uFEFF', '<BOM>')
}
