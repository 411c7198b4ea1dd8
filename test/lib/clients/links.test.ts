import {execFileSync} from 'node:child_process'
import {existsSync} from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {expect, onTestFinished, test} from 'vitest'
import {connectClient, planConnect} from '../../../src/lib/clients/connect.ts'
import {disconnectClient, planDisconnect} from '../../../src/lib/clients/disconnect.ts'
import {launchOf} from '../../../src/lib/clients/launch.ts'
import {remoteGateway} from '../../../src/lib/clients/remote.ts'
import {findClient} from '../../../src/lib/clients/table.ts'
import {statePaths} from '../../../src/lib/files/paths.ts'
import type {Gateway} from '../../../src/lib/clients/wanted.ts'

const KIRO = findClient('kiro')
const FILE = KIRO?.user
if (!KIRO || !FILE) throw new Error('no row')
const file = FILE
const SECRET = remoteGateway(KIRO, file, {url: 'http://127.0.0.1:1/mcp', token: 'TOK'})
const LAUNCH: Gateway = {kind: 'launch', launch: launchOf({}, {platform: 'linux', env: {}})}

async function folder() {
  const home = await mkdtemp(join(tmpdir(), 'clients-'))
  onTestFinished(() => rm(home, {recursive: true, force: true}))
  const paths = statePaths({configFlag: join(home, '.docker'), env: {}})
  const path = join(home, '.kiro', 'settings', 'mcp.json')
  return {home, paths, path, place: {file, path}}
}

test('a file that was moved and linked back since goes with its link and its token', async () => {
  const {home, paths, path, place} = await folder()
  await connectClient(place, {paths, gateway: SECRET, isSecret: true})
  const moved = join(home, 'dots', 'kiro.json')
  await mkdir(dirname(moved))
  await rename(path, moved)
  await symlink(moved, path)
  expect(await readFile(path, 'utf8')).toContain('TOK')
  expect(await disconnectClient(place, paths)).toBe('restored')
  expect(await readdir(dirname(moved))).toEqual([])
  expect(existsSync(join(home, '.kiro'))).toBe(false)
})

test('a link that led nowhere leads nowhere again', async () => {
  const {home, paths, path, place} = await folder()
  const target = join(home, 'dots', 'deep', 'kiro.json')
  await mkdir(dirname(path), {recursive: true})
  await symlink(target, path)
  await connectClient(place, {paths, gateway: SECRET, isSecret: true})
  expect(await readFile(target, 'utf8')).toContain('TOK')
  expect(await disconnectClient(place, paths)).toBe('restored')
  expect((await lstat(path)).isSymbolicLink()).toBe(true)
  expect(existsSync(join(home, 'dots'))).toBe(false)
})

test('what is kept is forgotten when the entry is gone in another way', async () => {
  const {paths, path, place} = await folder()
  await mkdir(dirname(path), {recursive: true})
  await writeFile(path, '{"secret": "HIDDEN"}')
  await connectClient(place, {paths, gateway: LAUNCH, isSecret: false})
  await writeFile(path, '{}')
  const kept = join(paths.stateDir, 'clients')
  expect(await readdir(kept)).toHaveLength(1)
  expect(await planDisconnect(place, paths)).toBeUndefined()
  expect(await readdir(kept)).toHaveLength(1)
  expect(await disconnectClient(place, paths)).toBe('already')
  expect(await readdir(kept)).toEqual([])
})

test('a file that is read-only is left alone', async () => {
  const {paths, path, place} = await folder()
  const refused = {code: 'FILE_DENIED', message: expect.stringContaining('read-only')}
  await mkdir(dirname(path), {recursive: true})
  await writeFile(path, '{}', {mode: 0o444})
  const input = {paths, gateway: LAUNCH, isSecret: false}
  await expect(connectClient(place, input)).rejects.toMatchObject(refused)
  await expect(planConnect(place, LAUNCH)).rejects.toMatchObject(refused)
  expect(await readFile(path, 'utf8')).toBe('{}')
  await chmod(path, 0o644)
  await connectClient(place, input)
  await chmod(path, 0o444)
  expect(await connectClient(place, input)).toMatchObject({already: true})
  await expect(disconnectClient(place, paths)).rejects.toMatchObject(refused)
  expect(await readFile(path, 'utf8')).toContain('MCP_DOCKER')
})

test('a new file of a project is as readable as others there', async () => {
  const {paths, path, place} = await folder()
  await connectClient({...place, isProject: true}, {paths, gateway: LAUNCH, isSecret: false})
  expect((await stat(path)).mode & 0o777).toBe(0o644)
})

test('a pipe in the place of the file is refused, not waited for', async () => {
  const {paths, path, place} = await folder()
  await mkdir(dirname(path), {recursive: true})
  execFileSync('mkfifo', [path])
  const refused = {code: 'FILE_INVALID', message: expect.stringContaining('not a regular file')}
  const input = {paths, gateway: LAUNCH, isSecret: false}
  await expect(connectClient(place, input)).rejects.toMatchObject(refused)
  await expect(disconnectClient(place, paths)).rejects.toMatchObject(refused)
})

test('of several at once, the folders that were made are known', async () => {
  for (let round = 0; round < 20; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each round is a race of its own
    const {home, paths, place} = await folder()
    const input = {paths, gateway: LAUNCH, isSecret: false}
    // oxlint-disable-next-line no-await-in-loop -- see above
    await Promise.all([connectClient(place, input), connectClient(place, input)])
    // oxlint-disable-next-line no-await-in-loop -- see above
    await Promise.all([disconnectClient(place, paths), disconnectClient(place, paths)])
    expect(existsSync(join(home, '.kiro'))).toBe(false)
  }
})
