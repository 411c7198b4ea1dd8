import {once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import {createServer} from 'node:net'
import {hostname, tmpdir} from 'node:os'
import {join} from 'node:path'

import {expect, test} from 'vitest'

import {writeLaunch} from '../../../../src/lib/gateway/background/launch-file.ts'
import {gatewayFiles} from '../../../../src/lib/gateway/background/name.ts'
import {reachGateway} from '../../../../src/lib/gateway/background/reach.ts'
import {startGateway} from '../../../../src/lib/gateway/background/start.ts'
import {writeRecord} from '../../../../src/lib/gateway/control/record.ts'

/** As this process would leave one, without the address of an engine. */
const recordOf = (owner: string, socket: string) => ({
  owner,
  pid: process.pid,
  host: hostname(),
  socket,
  startedAt: '2026-01-01T00:00:00.000Z',
  version: '1',
  transport: 'streaming' as const,
  name: 'default',
})

test('a gateway that ends between the look at it and the connection is no error', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'reach-'))
  const owner = '0123456789abcdef0123'
  const socket = join(stateDir, `${owner}.sock`)
  let asked = 0
  const dying = createServer(connection => {
    connection.on('error', () => undefined)
    // A look says nothing; who connects has said something by now.
    connection.once('data', () => {
      asked += 1
      dying.close()
      connection.destroy()
    })
  })
  try {
    dying.listen(socket)
    await once(dying, 'listening')
    await writeRecord(stateDir, recordOf(owner, socket))
    const reached = await reachGateway(
      {
        stateDir,
        env: {},
        program: [],
        saidEngine: async () => undefined,
        name: 'default',
        launch: () => Promise.reject(new Error('it was not to be started')),
        profile: undefined,
        client: undefined,
      },
      false,
    )
    expect({reached, asked}).toEqual({reached: undefined, asked: 1})
  } finally {
    dying.close()
    await rm(stateDir, {recursive: true, force: true})
  }
})

test.each([
  {globals: ['--host', 'tcp://127.0.0.1:1'], env: {}},
  {globals: ['--config', '/d', '--context', 'one'], env: {}},
  {globals: [], env: {DOCKER_HOST: 'tcp://127.0.0.1:1'}},
  {globals: [], env: {DOCKER_CONTEXT: 'one'}},
])('one that does not tell its engine is for %j as it was started', async kept => {
  const stateDir = await mkdtemp(join(tmpdir(), 'reach-'))
  const owner = '0123456789abcdef0123'
  const socket = join(stateDir, `${owner}.sock`)
  const server = createServer(connection => connection.on('error', () => undefined))
  const launch = {flags: [], cwd: stateDir}
  const said = {
    stateDir,
    env: {},
    program: [],
    name: 'default',
    saidEngine: async () => 'tcp://127.0.0.1:1',
  }
  const others = [
    {globals: ['--host', 'tcp://127.0.0.1:2'], env: {}},
    {globals: ['--context', 'two'], env: {}},
    {globals: [], env: {DOCKER_HOST: 'tcp://127.0.0.1:2'}},
    {globals: [], env: {DOCKER_CONTEXT: 'two'}},
  ]
  const refused = {code: 'GATEWAY_RUNNING', message: expect.stringContaining('with other flags')}
  try {
    server.listen(socket)
    await once(server, 'listening')
    await writeRecord(stateDir, recordOf(owner, socket))
    await writeLaunch(gatewayFiles(stateDir, 'default').launch, {...launch, ...kept})
    const same = await startGateway(said, 'default', {...launch, ...kept})
    expect(same.isNew).toBe(false)
    for (const other of others) {
      const wanted = {...launch, ...other}
      // oxlint-disable-next-line no-await-in-loop -- one lock is for all
      await expect(startGateway(said, 'default', wanted)).rejects.toMatchObject(refused)
      const reached = reachGateway(
        {...said, launch: async () => wanted, profile: undefined, client: undefined},
        false,
      )
      // oxlint-disable-next-line no-await-in-loop -- as above
      await expect(reached).rejects.toMatchObject(refused)
    }
    const anyone = {...said, saidEngine: async () => undefined}
    expect((await startGateway(anyone, 'default', {...launch, globals: []})).isNew).toBe(false)
  } finally {
    server.close()
    await rm(stateDir, {recursive: true, force: true})
  }
})
