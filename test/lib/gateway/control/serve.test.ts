import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {access, chmod, mkdir, readdir, writeFile} from 'node:fs/promises'
import {createServer, type Server} from 'node:http'
import {connect} from 'node:net'
import {hostname} from 'node:os'
import {join} from 'node:path'
import {PassThrough} from 'node:stream'

import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'

import {PluginError} from '../../../../src/lib/base/errors.ts'
import type {ContainerStats} from '../../../../src/lib/engine/engine.ts'
import {runningGateways, type RunningGateway} from '../../../../src/lib/gateway/control/client.ts'
import {processes} from '../../../../src/lib/gateway/control/processes.ts'
import {recordsDir, writeRecord} from '../../../../src/lib/gateway/control/record.ts'
import {openControl} from '../../../../src/lib/gateway/control/serve.ts'
import {followLog, serverLog} from '../../../../src/lib/gateway/control/server-logs.ts'
import {restartServers} from '../../../../src/lib/gateway/control/server-restart.ts'
import {Lives} from '../../../../src/lib/gateway/lives.ts'
import {engineWith} from '../../../support/engine-with.ts'
import {
  NO_CLIENTS,
  closed,
  raw,
  stateFolder,
  watched,
  type StateFolder,
  type WatchedInput,
} from './lab.ts'

/** The only gateway that runs. */
async function onlyOne({dir}: StateFolder): Promise<RunningGateway> {
  const [gateway, ...others] = await runningGateways(dir)
  expect(others).toEqual([])
  if (!gateway) throw new Error('no gateway was found')
  return gateway
}

function engineOf(stats: (id: string) => Promise<ContainerStats | undefined>): WatchedInput {
  return {engine: async () => engineWith(new PassThrough(), [], {stats})}
}

async function seen(state: StateFolder): Promise<readonly string[]> {
  return (await runningGateways(state.dir)).map(({record}) => record.owner)
}

/** Somebody else at a gateway's socket, with a record. */
async function impostor(
  state: StateFolder,
  answer: Parameters<typeof createServer>[1],
): Promise<AsyncDisposable & {readonly server: Server}> {
  const owner = '000000000000000000ee'
  const socket = join(state.dir, `${owner}.sock`)
  const server = createServer(answer ?? (() => undefined)).listen(socket)
  await once(server, 'listening')
  await writeRecord(state.dir, {
    owner,
    pid: 4242,
    host: hostname(),
    socket,
    startedAt: '2026-01-01T00:00:00.000Z',
    version: '1',
    transport: 'stdio',
  })
  return {
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The status that bytes are answered with. */
async function statusOf(socket: string, bytes: string): Promise<string> {
  return /^HTTP\/1\.1 (\d+)/.exec(await raw(socket, bytes))?.[1] ?? 'nothing'
}

function head(line: string, more = ''): string {
  return `${line} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
}

function unexpected(failure: PluginError): never {
  throw failure
}

describe('a gateway that runs', () => {
  test('is found, tells how its servers are doing, and is not found when it has ended', async () => {
    await using state = await stateFolder()
    {
      await using gateway = await watched(state.dir, {servers: ['alpha', 'beta', 'blocked']})
      const way = gateway.lives.of('alpha').way()
      way.opening()
      way.opened()
      way.asked()
      gateway.lives.of('alpha').container({id: 'c1', name: 'mcp-alpha-1'}).serves()
      const found = await onlyOne(state)
      expect(found.record).toMatchObject({owner: gateway.owner, pid: process.pid})
      const {servers, ...rest} = await found.state()
      expect(rest).toMatchObject({owner: gateway.owner, pid: process.pid, transport: 'stdio'})
      expect(servers).toEqual([
        {
          server: 'alpha',
          state: 'ready',
          restarts: 0,
          lastUsedAt: expect.any(String),
          containers: [{id: 'c1', name: 'mcp-alpha-1', since: expect.any(String), use: 'serving'}],
        },
        {server: 'beta', state: 'sleeping', restarts: 0, containers: []},
        {
          server: 'blocked',
          state: 'failed',
          restarts: 0,
          containers: [],
          lastError: {
            code: 'SERVER_UNKNOWN',
            message: 'no catalog has blocked',
            at: rest.startedAt,
          },
        },
      ])
    }
    expect(await seen(state)).toEqual([])
    expect(await readdir(recordsDir(state.dir))).toEqual([])
  })

  test('tells what containers take, as far as the engine can tell', async () => {
    await using state = await stateFolder()
    const at = new Date('2026-01-01T00:00:00.000Z')
    const engine = engineOf(async id => {
      if (id === 'gone') return undefined
      if (id === 'odd') throw new PluginError('ENGINE_FAILED', 'it will not say')
      return {memoryBytes: 10, memoryLimitBytes: 20, cpuNanos: 30, at}
    })
    await using gateway = await watched(state.dir, engine)
    for (const id of ['c1', 'gone', 'odd']) {
      gateway.lives.of('alpha').container({id, name: `mcp-${id}`})
    }
    const [alpha] = (await (await onlyOne(state)).state()).servers
    expect(alpha?.containers).toMatchObject([
      {id: 'c1', memoryBytes: 10, memoryLimitBytes: 20, cpuNanos: 30, measuredAt: at.toISOString()},
      {id: 'gone', use: 'standby'},
      {id: 'odd', use: 'standby'},
    ])
    expect(alpha?.containers.map(container => 'memoryBytes' in container)).toEqual([
      true,
      false,
      false,
    ])
  })

  test('answers without figures when the engine does not answer', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(
      state.dir,
      engineOf(() => new Promise(() => undefined)),
    )
    gateway.lives.of('alpha').container({id: 'c1', name: 'mcp-alpha-1'})
    const [alpha] = (await (await onlyOne(state)).state()).servers
    expect(alpha?.containers).toMatchObject([{id: 'c1'}])
    expect(alpha?.containers[0]).not.toHaveProperty('memoryBytes')
  })

  test('tells the processor’s work between two looks', async () => {
    await using state = await stateFolder()
    let nanos = 0
    const engine = engineOf(async () => ({
      memoryBytes: 1,
      cpuNanos: (nanos += 5e8),
      at: new Date(2 * (nanos / 1e6)),
    }))
    await using gateway = await watched(state.dir, engine)
    gateway.lives.of('alpha').container({id: 'c1', name: 'mcp-alpha-1'})
    const {rows} = await processes(await runningGateways(state.dir))
    expect(rows).toMatchObject([{server: 'alpha', container: {cpuPercent: 50, memoryBytes: 1}}])
  })

  test('masks secrets in errors and logs, and cuts what is too long', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir, {
      redact: text => text.replaceAll('s3cret', '***'),
      restart: () => Promise.reject(new PluginError('SERVER_START_FAILED', 'it said s3cret')),
    })
    const life = gateway.lives.of('alpha')
    life
      .way()
      .failed(
        new PluginError('SERVER_START_FAILED', `s3cret ${'x'.repeat(50_000)}`, {hint: 's3cret'}),
      )
    life.log.write('mcp-alpha-1', 'the key is s3cret')
    const found = await onlyOne(state)
    const [alpha] = (await found.state()).servers
    expect(alpha?.lastError?.message).toMatch(/^\*\*\* x{10000,16384}$/)
    expect(alpha?.lastError?.hint).toBe('***')
    expect(await serverLog([found], 'alpha', 5)).toMatchObject({
      lines: [{text: 'the key is ***'}],
    })
    await expect(found.restart('alpha')).rejects.toMatchObject({
      code: 'SERVER_START_FAILED',
      message: 'it said ***',
    })
  })

  test('is found where the path of its state is too long for a socket', async () => {
    await using state = await stateFolder()
    await using short = await stateFolder()
    const deep = join(state.dir, 'x'.repeat(100))
    await using gateway = await watched(deep, {env: {XDG_RUNTIME_DIR: short.dir}})
    const [found] = await runningGateways(deep)
    expect(found?.record.socket).toBe(join(short.dir, 'docker-mcp', `${gateway.owner}.sock`))
    expect(await found?.state()).toMatchObject({owner: gateway.owner})
  })

  test('listens elsewhere when the first place cannot be used', async () => {
    await using state = await stateFolder()
    await using tmp = await stateFolder()
    await writeFile(join(tmp.dir, 'docker-mcp'), 'a file where the folder belongs')
    const deep = join(state.dir, 'x'.repeat(100))
    await using gateway = await watched(deep, {env: {XDG_RUNTIME_DIR: tmp.dir}, tmp: tmp.dir})
    const [found] = await runningGateways(deep)
    const folder = join(tmp.dir, `docker-mcp-${process.getuid?.()}`)
    expect(found?.record.socket).toBe(join(folder, `${gateway.owner}.sock`))
  })
})

describe('a gateway that cannot be seen', () => {
  test('says why, and leaves nothing', async () => {
    await using state = await stateFolder()
    // A folder where the record belongs: the socket can be made there, the record cannot.
    const notices: string[] = []
    const owner = '000000000000000000cc'
    await mkdir(join(recordsDir(state.dir), `${owner}.json`), {recursive: true})
    await using _ = await openControl(
      {
        about: {
          owner,
          pid: process.pid,
          host: hostname(),
          startedAt: new Date().toISOString(),
          version: '1',
          transport: 'stdio',
        },
        site: {
          platform: process.platform,
          stateDir: state.dir,
          env: {},
          tmp: state.dir,
          uid: process.getuid?.(),
        },
        ...NO_CLIENTS,
        servers: () => [],
        configuration: () => ({isWatched: true, needsRestart: []}),
        lives: new Lives(Date.now),
        engine: () => Promise.reject(new Error('not asked')),
        redact: text => text,
        restart: async () => 0,
      },
      line => void notices.push(line),
    )
    expect(notices).toEqual([
      expect.stringMatching(
        /^! gateway ps and server logs will not see this gateway: cannot write /,
      ),
    ])
    expect(await readdir(recordsDir(state.dir))).toEqual([`${owner}.json`])
  })
})

describe('several gateways', () => {
  test('are told one after the other, the oldest first', async () => {
    await using state = await stateFolder()
    await using young = await watched(state.dir, {startedAt: '2026-02-01T00:00:00.000Z'})
    await using old = await watched(state.dir, {startedAt: '2026-01-01T00:00:00.000Z'})
    expect(await seen(state)).toEqual([old.owner, young.owner])
    young.lives.of('beta').container({id: 'y', name: 'mcp-beta-y'})
    old.lives.of('alpha').container({id: 'o', name: 'mcp-alpha-o'})
    const {rows, failures} = await processes(await runningGateways(state.dir))
    expect(failures).toEqual([])
    expect(rows).toMatchObject([
      {gateway: old.owner, server: 'alpha', container: {id: 'o'}},
      {gateway: young.owner, server: 'beta', container: {id: 'y'}},
    ])
  })

  test('have one log together, in the order of time, and each its own restart', async () => {
    await using state = await stateFolder()
    await using one = await watched(state.dir, {servers: ['alpha'], restart: async () => 2})
    await using two = await watched(state.dir, {servers: ['alpha', 'beta'], restart: async () => 0})
    const words = ['first', 'second', 'third', 'fourth']
    for (const [index, word] of words.entries()) {
      const gateway = index % 2 === 0 ? one : two
      gateway.lives.of('alpha').log.write(`mcp-${index % 2}`, word)
      // Lines are told apart by the millisecond.
      const written = Date.now()
      await expect.poll(() => Date.now(), {interval: 1}).toBeGreaterThan(written)
    }
    const gateways = await runningGateways(state.dir)
    const texts = async (lines: number) =>
      (await serverLog(gateways, 'alpha', lines)).lines.map(({text}) => text)
    expect(await texts(100)).toEqual(words)
    expect(await texts(2)).toEqual(['third', 'fourth'])
    expect(await texts(0)).toEqual([])
    expect(await restartServers(gateways, ['alpha', 'beta', 'alpha'])).toEqual([
      {server: 'alpha', gateways: 2, restarted: 2, isRemote: true},
      {server: 'beta', gateways: 1, restarted: 0, isRemote: true},
    ])
    expect(one.restarted).toEqual(['alpha'])
    expect(two.restarted.toSorted()).toEqual(['alpha', 'beta'])
  })

  test('say that none of them serves a server, and what they serve', async () => {
    await using state = await stateFolder()
    await using _one = await watched(state.dir, {servers: ['alpha']})
    await using _two = await watched(state.dir, {servers: ['beta', 'alpha']})
    const gateways = await runningGateways(state.dir)
    const unknown = {code: 'SERVER_UNKNOWN', message: 'no running gateway serves gamma'}
    await expect(serverLog(gateways, 'gamma', 10)).rejects.toMatchObject(unknown)
    const [report] = await restartServers(gateways, ['gamma'])
    expect(report).toMatchObject({gateways: 0, restarted: 0, error: unknown})
    expect(report?.error?.hint).toMatch(/^they serve: (alpha, beta|beta, alpha)$/)
  })

  test('are none: one clear message', async () => {
    await using state = await stateFolder()
    const none = {code: 'GATEWAY_UNREACHABLE', message: 'no gateway of this user runs'}
    await expect(serverLog([], 'alpha', 10)).rejects.toMatchObject(none)
    await expect(restartServers([], ['alpha'])).rejects.toMatchObject(none)
    expect(await runningGateways(join(state.dir, 'nothing'))).toEqual([])
  })
})

describe('a log that is followed', () => {
  test('gives what was written and what comes, and ends with the gateway', async () => {
    await using state = await stateFolder()
    const gateway = await watched(state.dir)
    const {log} = gateway.lives.of('alpha')
    log.write('mcp-alpha-1', 'left out')
    log.write('mcp-alpha-1', 'before')
    const texts: string[] = []
    const followed = followLog(await runningGateways(state.dir), 'alpha', {
      lines: 1,
      onLine: ({text}) => void texts.push(text),
      onFailure: unexpected,
      signal: new AbortController().signal,
    })
    await expect.poll(() => texts).toEqual(['before'])
    log.write('mcp-alpha-1', 'after')
    await expect.poll(() => texts).toEqual(['before', 'after'])
    log.write('mcp-alpha-1', 'at the end')
    await gateway[Symbol.asyncDispose]()
    await followed
    expect(texts).toEqual(['before', 'after', 'at the end'])
  })

  test('ends when nobody wants it any more', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir)
    const {log} = gateway.lives.of('alpha')
    const stop = new AbortController()
    log.write('mcp-alpha-1', 'one')
    await followLog(await runningGateways(state.dir), 'alpha', {
      lines: 10,
      onLine: () => stop.abort(),
      onFailure: unexpected,
      signal: stop.signal,
    })
    expect(stop.signal.aborted).toBe(true)
  })

  test('leaves lines out, and says so, when they come faster than they are read', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir)
    const {record} = await onlyOne(state)
    const {log} = gateway.lives.of('alpha')
    const reader = connect(record.socket)
    reader.write('GET /logs?server=alpha&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(reader, 'readable')
    for (let index = 0; index < 3000; index += 1) log.write('mcp-alpha-1', 'x'.repeat(8000))
    let read = ''
    reader.setEncoding('utf8').on('data', text => (read += text))
    // Only when it has taken what waited is there room again.
    await expect
      .poll(() => {
        log.write('mcp-alpha-1', 'room again')
        return read
      })
      .toMatch(/… \d+ lines are left out: they came too fast/)
    expect(read.length).toBeLessThan(3000 * 8000)
    reader.destroy()
  })
})

describe('starting anew', () => {
  test('is done once for all who ask while it is under way', async () => {
    await using state = await stateFolder()
    const done = Promise.withResolvers<number>()
    await using gateway = await watched(state.dir, {restart: () => done.promise})
    const found = await onlyOne(state)
    const both = Promise.all([found.restart('alpha'), found.restart('alpha')])
    await expect.poll(() => gateway.restarted).toEqual(['alpha'])
    // What is asked last is answered when both have been heard.
    await found.state()
    done.resolve(3)
    const three = {restarted: 3, isRemote: true}
    expect(await both).toEqual([three, three])
    expect(await found.restart('alpha')).toEqual(three)
    expect(gateway.restarted).toEqual(['alpha', 'alpha'])
  })

  test('tells why it did not work, and does not keep others from it', async () => {
    await using state = await stateFolder()
    const failed = {code: 'IMAGE_MISSING', message: 'no image', hint: 'pull it'} as const
    await using _ = await watched(state.dir, {
      restart: async server => {
        if (server === 'alpha') throw new PluginError(failed.code, failed.message, failed)
        throw new TypeError('a defect')
      },
    })
    const [alpha, beta] = await restartServers(await runningGateways(state.dir), ['alpha', 'beta'])
    expect(alpha).toMatchObject({gateways: 0, error: failed})
    expect(beta?.error?.message).toBe('a defect')
  })
})

describe('starting anew with a gateway that hangs', () => {
  test('tells of the others, and of it', async () => {
    await using state = await stateFolder()
    await using _ = await impostor(state, () => undefined)
    await using gateway = await watched(state.dir)
    const [report] = await restartServers(await runningGateways(state.dir), ['alpha'])
    expect(report).toMatchObject({gateways: 1, restarted: 1, error: {code: 'GATEWAY_UNREACHABLE'}})
    expect(gateway.restarted).toEqual(['alpha'])
  })

  test('notices when it stops in the middle of its answer', async () => {
    await using state = await stateFolder()
    await using _ = await impostor(state, (_request, response) => void response.write(' '))
    const found = await onlyOne(state)
    await expect(found.restart('alpha')).rejects.toMatchObject({
      code: 'GATEWAY_UNREACHABLE',
      message: 'the gateway with process id 4242 does not answer: it did not answer within 5 s',
    })
  })

  test('waits longer for one that shows signs of life', async () => {
    await using state = await stateFolder()
    const seconds = 7
    await using _ = await impostor(state, (_request, response) => {
      let beats = 0
      const timer = setInterval(() => {
        beats += 1
        if (beats < seconds) return response.write(' ')
        clearInterval(timer)
        return response.end(JSON.stringify({restarted: 1, isRemote: false}))
      }, 1000)
    })
    expect(await (await onlyOne(state)).restart('alpha')).toEqual({restarted: 1, isRemote: false})
  })

  test('is given up on, and the others are told', async () => {
    await using state = await stateFolder()
    const stop = new AbortController()
    await using _ = await impostor(state, () => stop.abort())
    await using _gateway = await watched(state.dir, {servers: []})
    const [report] = await restartServers(await runningGateways(state.dir), ['alpha'], stop.signal)
    expect(report?.error?.message).toMatch(/^the gateway with process id 4242 was not waited for/)
  })

  test('is not done for somebody who has left', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir)
    const {record} = await onlyOne(state)
    const program = `const c = require('node:net').connect(${JSON.stringify(record.socket)}, () => c.write(${JSON.stringify(head('POST /restart?server=alpha'))}, () => process.exit()))`
    // While the other process asks and leaves, this one is as if it were stopped.
    execFileSync(process.execPath, ['-e', program])
    expect(await seen(state)).toEqual([gateway.owner])
    await (await onlyOne(state)).restart('beta')
    expect(gateway.restarted).toEqual(['beta'])
  })
})

describe.skipIf(!process.getuid)('a socket where others could have put it', () => {
  test.each([0o777, 0o755])('is not asked: its folder has mode %o', async mode => {
    await using state = await stateFolder()
    const asked: string[] = []
    await using _ = await impostor(state, request => void asked.push(request.url ?? ''))
    expect(await seen(state)).toHaveLength(1)
    await chmod(state.dir, mode)
    expect(await seen(state)).toEqual([])
    expect(asked).toEqual([])
    expect(await readdir(recordsDir(state.dir))).toHaveLength(1)
  })
})

describe('what a killed gateway leaves', () => {
  test('is removed by whoever looks', async () => {
    await using state = await stateFolder()
    const dir = recordsDir(state.dir)
    await mkdir(dir, {mode: 0o700})
    const socket = join(dir, '000000000000000000aa.sock')
    const program = `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => console.log('up'))`
    const child = spawn(process.execPath, ['-e', program], {stdio: ['ignore', 'pipe', 'inherit']})
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    await access(socket)
    const facts = {pid: child.pid ?? 1, startedAt: '2026-01-01T00:00:00.000Z', version: '1'}
    const here = {...facts, host: hostname(), transport: 'stdio'}
    await writeRecord(state.dir, {...here, owner: '000000000000000000aa', socket})
    const lost = join(dir, '000000000000000000bb.sock')
    await writeRecord(state.dir, {...here, owner: '000000000000000000bb', socket: lost})
    await using gateway = await watched(state.dir)
    expect(await seen(state)).toEqual([gateway.owner])
    expect((await readdir(dir)).toSorted()).toEqual(
      [`${gateway.owner}.json`, `${gateway.owner}.sock`].toSorted(),
    )
  })
})

describe('a gateway that is none', () => {
  test.for<[string, string | Buffer, number]>([
    ['no JSON', 'nonsense', 200],
    ['JSON of another shape', '{"servers": 3}', 200],
    ['a refusal of another shape', '[]', 500],
    ['more than is read', Buffer.alloc(17 * 1024 * 1024, 32), 200],
  ])('is told apart by its answer: %s', async ([_what, body, status]) => {
    await using state = await stateFolder()
    await using _ = await impostor(state, (_request, response) => {
      response.writeHead(status).end(body)
    })
    const {rows, failures} = await processes(await runningGateways(state.dir))
    expect(rows).toEqual([])
    expect(failures).toMatchObject([
      {
        code: 'GATEWAY_UNREACHABLE',
        message: 'the gateway with process id 4242 gives an answer that this version cannot read',
      },
    ])
  })

  test('is told when it goes away without an answer', async () => {
    await using state = await stateFolder()
    await using _ = await impostor(state, request => request.socket.destroy())
    const {failures} = await processes(await runningGateways(state.dir))
    expect(failures).toMatchObject([{code: 'GATEWAY_UNREACHABLE'}])
    expect(failures[0]?.message).toMatch(/^the gateway with process id 4242 does not answer: /)
  })

  test('does not keep the logs of others from being told, and is asked once', async () => {
    await using state = await stateFolder()
    const asked: string[] = []
    await using _ = await impostor(state, request => void asked.push(request.url ?? ''))
    await using gateway = await watched(state.dir, {
      ...engineOf(async () => ({cpuNanos: 1, memoryBytes: 1, at: new Date()})),
    })
    gateway.lives.of('alpha').log.write('mcp-alpha-c', 'good')
    gateway.lives.of('alpha').container({id: 'c', name: 'mcp-alpha-c'})
    const gateways = await runningGateways(state.dir)
    const [log, told] = await Promise.all([serverLog(gateways, 'alpha', 10), processes(gateways)])
    expect(log.lines.map(({text}) => text)).toEqual(['good'])
    expect(log.gateways.map(({record}) => record.owner)).toEqual([gateway.owner])
    expect(log.failures).toMatchObject([{code: 'GATEWAY_UNREACHABLE'}])
    expect(told.rows).toMatchObject([{container: {id: 'c'}}])
    expect(told.failures).toHaveLength(1)
    expect(asked.toSorted()).toEqual(['/logs?server=alpha&lines=10', '/state'])
  })

  test('ends the following of no other log when it breaks', async () => {
    await using state = await stateFolder()
    await using _ = await impostor(state, (_request, response) => {
      response.write('\n', () => response.destroy())
    })
    const gateway = await watched(state.dir)
    const {log} = gateway.lives.of('alpha')
    const texts: string[] = []
    const failures: PluginError[] = []
    const followed = followLog(await runningGateways(state.dir), 'alpha', {
      lines: 1,
      onLine: ({text}) => void texts.push(text),
      onFailure: failure => void failures.push(failure),
      signal: new AbortController().signal,
    })
    await expect.poll(() => failures).toMatchObject([{code: 'GATEWAY_UNREACHABLE'}])
    log.write('mcp-alpha-1', 'after')
    await expect.poll(() => texts).toEqual(['after'])
    await gateway[Symbol.asyncDispose]()
    await followed
  })

  test('does not keep the others from being told when it says nothing at all', async () => {
    await using state = await stateFolder()
    await using _ = await impostor(state, () => undefined)
    await using gateway = await watched(state.dir)
    gateway.lives.of('alpha').container({id: 'c', name: 'mcp-alpha-c'})
    const {rows, failures} = await processes(await runningGateways(state.dir))
    expect(rows).toMatchObject([{gateway: gateway.owner}])
    expect(failures.map(({message}) => message)).toEqual([
      'the gateway with process id 4242 does not answer: it did not answer within 5 s',
    ])
  })

  test('cannot fill a log with lines that are none', async () => {
    await using state = await stateFolder()
    await using _ = await impostor(state, (_request, response) => {
      const good = JSON.stringify({at: '2026-01-01T00:00:00.000Z', container: 'c', text: 'good'})
      response.end(`{"at": 1}\n${'x'.repeat(300_000)}\nnull\n${good}\n`)
    })
    const log = await serverLog(await runningGateways(state.dir), 'alpha', 10)
    expect(log.lines.map(({text}) => text)).toEqual(['good'])
  })
})

describe('a hostile client', () => {
  test.for<[string, string, string]>([
    ['an unknown path', head('GET /etc/passwd'), '404'],
    ['a method that is not the one', head('POST /state'), '404'],
    ['another one', head('GET /restart?server=alpha'), '404'],
    ['two slashes', head('GET //'), '404'],
    ['an address of its own', head('GET http://[/state'), '404'],
    ['a path that is none', head('GET :x'), '400'],
    ['an unknown server', head('GET /logs?server=%00'), '404'],
    ['no server', head('GET /logs'), '404'],
    ['no number of lines', head('GET /logs?server=alpha&lines=-1'), '400'],
    ['too large a number', head('GET /logs?server=alpha&lines=99999999999'), '400'],
    ['a body', head('POST /restart?server=alpha', 'Content-Length: 5\r\n') + 'hello', '413'],
    ['a huge head', head('GET /state', `X: ${'x'.repeat(20_000)}\r\n`), '431'],
    ['no HTTP', '\x16\x03\x01\x02\x00\n\n', '400'],
    ['a question twice', head('GET /state') + head('GET /state'), '200'],
  ])('gets no further with %s', async ([_what, bytes, wanted]) => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir)
    const {record} = await onlyOne(state)
    expect(await statusOf(record.socket, bytes)).toBe(wanted)
    expect(gateway.restarted).toEqual([])
    expect(await seen(state)).toEqual([gateway.owner])
  })

  test('cannot make a gateway read a body without end', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir)
    const {record} = await onlyOne(state)
    const connection = connect(record.socket)
    const over = closed(connection)
    connection.write(head('POST /restart?server=alpha', 'Transfer-Encoding: chunked\r\n'))
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    let sent = 0
    const timer = setInterval(() => connection.write(chunk, error => (sent += error ? 0 : 1)), 1)
    connection.resume()
    await over
    clearInterval(timer)
    expect(gateway.restarted).toEqual([])
    expect(sent).toBeLessThan(10_000)
  })

  test('that never ends its question is sent away', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir)
    const {record} = await onlyOne(state)
    expect(await statusOf(record.socket, 'GET /state HTTP/1.1\r\nX: ')).toBe('408')
    expect(await seen(state)).toEqual([gateway.owner])
  })

  test('with all connections open keeps the gateway from nothing but watchers', async () => {
    await using state = await stateFolder()
    const gateway = await watched(state.dir)
    const {record} = await onlyOne(state)
    const connections = Array.from({length: 200}, () => connect(record.socket).resume())
    const over = Promise.all(connections.map(closed))
    await expect.poll(() => connections.some(({connecting}) => connecting)).toBe(false)
    await gateway[Symbol.asyncDispose]()
    await over
    expect(await readdir(recordsDir(state.dir))).toEqual([])
  })

  test('never gets anything but an answer, whatever it asks', async () => {
    await using state = await stateFolder()
    await using gateway = await watched(state.dir)
    const {record} = await onlyOne(state)
    const targets = fc.oneof(
      fc.webPath(),
      fc.webQueryParameters().map(query => `/state?${query}`),
      fc.webQueryParameters().map(query => `/logs?${query}`),
      fc
        .tuple(fc.constantFrom('alpha', 'beta', ''), fc.string())
        .map(([server, lines]) => `/logs?${new URLSearchParams({server, lines}).toString()}`),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
        targets,
        async (method, target) => {
          const code = await statusOf(record.socket, head(`${method} ${target || '/'}`))
          expect(code).toMatch(/^(200|400|404)$/)
        },
      ),
      {numRuns: 150},
    )
    expect(gateway.restarted).toEqual([])
    expect(await seen(state)).toEqual([gateway.owner])
  })
})

test('a gateway tells what became of its configuration, without secrets', async () => {
  await using state = await stateFolder()
  const at = '2026-01-01T00:00:00.000Z'
  const failure = {code: 'FILE_INVALID', message: 'hunter2 is wrong', hint: 'no hunter2', at}
  await using _gateway = await watched(state.dir, {
    redact: text => text.replaceAll('hunter2', '***'),
    configuration: {isWatched: true, reloadedAt: at, added: ['a'], failure, needsRestart: ['x']},
  })
  expect((await (await onlyOne(state)).state()).configuration).toEqual({
    isWatched: true,
    reloadedAt: at,
    added: ['a'],
    failure: {code: 'FILE_INVALID', message: '*** is wrong', hint: 'no ***', at},
    needsRestart: ['x'],
  })
})
