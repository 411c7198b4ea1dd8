import {chmod, mkdir, stat, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'

import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {
  makePrivate,
  socketPlaces,
  type SocketSite,
} from '../../../../src/lib/gateway/control/place.ts'
import {stateFolder} from './lab.ts'

const OWNER = '0123456789abcdef0123'
const site: SocketSite = {
  platform: 'linux',
  stateDir: '/home/me/.docker/mcp/state',
  env: {},
  tmp: '/tmp',
  uid: 1000,
}
const LONG = `/home/${'x'.repeat(90)}/state`

describe('the places of a socket', () => {
  test.for<[string, Partial<SocketSite>, readonly string[]]>([
    [
      'are the folder of records and the one for temporary files',
      {},
      [`/home/me/.docker/mcp/state/gateways/${OWNER}.sock`, `/tmp/docker-mcp-1000/${OWNER}.sock`],
    ],
    [
      'are elsewhere when the folder of records is too deep',
      {stateDir: LONG, env: {XDG_RUNTIME_DIR: '/run/user/1000'}},
      [`/run/user/1000/docker-mcp/${OWNER}.sock`, `/tmp/docker-mcp-1000/${OWNER}.sock`],
    ],
    [
      'take no runtime folder that is not absolute',
      {stateDir: LONG, env: {XDG_RUNTIME_DIR: 'run'}},
      [`/tmp/docker-mcp-1000/${OWNER}.sock`],
    ],
    [
      'fall back to /tmp where the folder for temporary files is too deep',
      {platform: 'darwin', stateDir: LONG, tmp: LONG, uid: 501},
      [`/tmp/docker-mcp-501/${OWNER}.sock`],
    ],
    [
      'are counted in bytes',
      {stateDir: `/home/${'ü'.repeat(40)}/state`},
      [`/tmp/docker-mcp-1000/${OWNER}.sock`],
    ],
    [
      'are a named pipe on Windows',
      {platform: 'win32', stateDir: 'C:\\Users\\me\\.docker\\mcp\\state', uid: undefined},
      [`\\\\.\\pipe\\docker-mcp-${OWNER}`],
    ],
    [
      'are a named pipe on Windows wherever the state is',
      {platform: 'win32', stateDir: `C:\\${'x'.repeat(200)}`, uid: undefined},
      [`\\\\.\\pipe\\docker-mcp-${OWNER}`],
    ],
  ])('%s', ([_what, change, places]) => {
    expect(socketPlaces({...site, ...change}, OWNER)).toEqual(places)
  })

  test('always fit into what the system takes', () => {
    fc.assert(
      fc.property(
        fc.string({minLength: 1, maxLength: 150}),
        fc.string({maxLength: 150}),
        (dir, tmp) => {
          for (const place of socketPlaces({...site, stateDir: `/${dir}`, tmp: `/${tmp}`}, OWNER)) {
            expect(Buffer.byteLength(place)).toBeLessThanOrEqual(103)
          }
        },
      ),
    )
  })
})

describe('the folder of a socket', () => {
  const here = {...site, uid: process.getuid?.()}

  test('is made for its user alone', async () => {
    await using state = await stateFolder()
    const socket = join(state.dir, 'deep', 'folder', 'a.sock')
    await makePrivate(socket, here)
    expect((await stat(join(state.dir, 'deep', 'folder'))).mode & 0o777).toBe(0o700)
  })

  test('is closed to others when it was open', async () => {
    await using state = await stateFolder()
    const folder = join(state.dir, 'open')
    await mkdir(folder)
    await chmod(folder, 0o777)
    await makePrivate(join(folder, 'a.sock'), here)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
  })

  test('is not used when it belongs to another user, or leads elsewhere', async () => {
    await using state = await stateFolder()
    const folder = join(state.dir, 'theirs')
    await mkdir(folder)
    const stranger = {...here, uid: (here.uid ?? 0) + 1}
    await expect(makePrivate(join(folder, 'a.sock'), stranger)).rejects.toThrow(
      'belongs to another user',
    )
    await symlink(folder, join(state.dir, 'link'))
    await expect(makePrivate(join(state.dir, 'link', 'a.sock'), here)).rejects.toThrow(
      'is no folder',
    )
    await writeFile(join(state.dir, 'file'), '')
    await expect(makePrivate(join(state.dir, 'file', 'a.sock'), here)).rejects.toThrow('EEXIST')
  })
})
