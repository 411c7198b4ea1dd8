import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {homedir, tmpdir} from 'node:os'
import {join, posix, win32} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {connectClient} from '../../../src/lib/clients/connect.ts'
import {launchOf} from '../../../src/lib/clients/launch.ts'
import {locateFile} from '../../../src/lib/clients/locate.ts'
import {readClientFile} from '../../../src/lib/clients/read.ts'
import {CLIENTS} from '../../../src/lib/clients/table.ts'
import {thisMachine} from '../../../src/lib/clients/this-machine.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clients-'))
})
afterAll(() => rm(folder, {recursive: true, force: true}))

const HOMES = {linux: '/home/me', darwin: '/Users/me', win32: 'C:\\Users\\me'} as const
const ROWS = CLIENTS.flatMap(client => (client.user ? [{...client, user: client.user}] : []))
const PLACES = ROWS.flatMap(client =>
  (['linux', 'darwin', 'win32'] as const)
    .filter(platform => client.user.places[platform] !== undefined)
    .map(platform => [client.id, platform, client] as const),
)
const nothing = () => false

test('without HOME, the home is what the system says', () => {
  expect(thisMachine({}).home).toBe(homedir())
})

describe('without any variable', () => {
  test.each(PLACES)('%s on %s has its file in the home', (_id, platform, client) => {
    const home = HOMES[platform]
    const file = locateFile(client.user, {platform, env: {}, home, exists: nothing}) ?? ''
    const {relative} = platform === 'win32' ? win32 : posix
    expect(relative(home, file)).toMatch(/^[^.\\/:]|^\.[^.]/)
    const {command, args, env} = launchOf(client, {platform, env: {}, profile: 'dev'})
    expect(command).toMatch(/^docker(?:\.exe)?$/)
    expect({args, env}).toEqual({args: ['mcp', 'gateway', 'run', '--profile', 'dev']})
  })

  test.each(
    PLACES.filter(([, platform]) => platform === 'linux').map(
      ([id, , client]) => [id, client] as const,
    ),
  )('%s is connected', async (_id, client) => {
    const home = await mkdtemp(join(folder, 'h-'))
    const path = locateFile(client.user, {platform: 'linux', env: {}, home, exists: nothing}) ?? ''
    const paths = statePaths({configFlag: join(home, '.docker'), env: {}})
    const launch = launchOf(client, {platform: 'linux', env: {}, profile: 'dev'})
    const gateway = {kind: 'launch', launch} as const
    await connectClient({file: client.user, path}, {paths, gateway, isSecret: false})
    expect(await readFile(path, 'utf8')).not.toMatch(/undefined|\$/)
    expect(await readClientFile(path, client.user)).toMatchObject({
      profile: 'dev',
      own: {command: 'docker', env: {}},
    })
  })
})
