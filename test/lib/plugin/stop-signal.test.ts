import {spawn} from 'node:child_process'
import {EventEmitter, once} from 'node:events'
import {mkdtemp, rm} from 'node:fs/promises'
import {connect, createServer} from 'node:net'
import type {Server, Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {PassThrough} from 'node:stream'
import {describe, expect, test} from 'vitest'
import {pluginSocketPath, StopRequested, watchForStop} from '../../../src/lib/plugin/stop-signal.ts'

const ignore = () => {}

describe('pluginSocketPath', () => {
  test.each([
    [undefined, undefined],
    ['', undefined],
    ['@', undefined],
    ['@docker_cli_1', '\0docker_cli_1'],
    ['@@x', '\0@x'],
    ['/run/x@y.sock', '/run/x@y.sock'],
  ])('%j is %j', (name, path) => {
    expect(pluginSocketPath(name)).toBe(path)
  })
})

describe('watchForStop in a process of its own', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s aborts, and a second signal means now',
    async name => {
      await using child = startWatcher({})
      expect(await child.line()).toBe('ready')
      child.kill(name)
      expect(await child.line()).toBe(`abort StopRequested ${name}`)
      child.kill('SIGTERM')
      expect(await child.line()).toBe('second')
      child.kill('SIGINT')
      expect(await child.line()).toBe('second')
    },
  )

  test('the end of the abstract plugin socket aborts, and is not the first signal', async () => {
    await using docker = await listenAt(`\0docker_cli_test_${process.pid}_${Date.now()}`)
    await using child = startWatcher({
      DOCKER_CLI_PLUGIN_SOCKET: docker.address.replace('\0', '@'),
    })
    const accepted = await docker.connection
    expect(await child.line()).toBe('ready')
    accepted.destroy()
    expect(await child.line()).toBe('abort StopRequested docker')
    child.kill('SIGINT')
    child.kill('SIGTERM')
    expect(await child.line()).toBe('second')
  })

  test('the end of stdin aborts when stdin is watched', async () => {
    await using child = startWatcher({WATCH_STDIN: '1'})
    expect(await child.line()).toBe('ready')
    child.endStdin()
    expect(await child.line()).toBe('abort StopRequested stdin')
  })

  test('nothing of it keeps a finished program running', async () => {
    await using docker = await listenAt(`\0docker_cli_test_idle_${process.pid}_${Date.now()}`)
    await using child = startWatcher({
      DOCKER_CLI_PLUGIN_SOCKET: docker.address.replace('\0', '@'),
      FINISH: '1',
    })
    expect(await child.exit).toBe(0)
  })
})

describe('watchForStop', () => {
  test('hears the end of a socket file too', async () => {
    await using folder = await temporaryFolder()
    await using docker = await listenAt(join(folder.path, 'plugin.sock'))
    using stop = watchForStop({
      env: {DOCKER_CLI_PLUGIN_SOCKET: docker.address},
      process: new EventEmitter(),
      onSecond: ignore,
    })
    const accepted = await docker.connection
    expect(stop.signal.aborted).toBe(false)
    accepted.end()
    await once(stop.signal, 'abort')
    expect(stop.signal.reason).toBeInstanceOf(StopRequested)
    expect(stop.signal.reason).toMatchObject({trigger: 'docker'})
  })

  test.each(['@nobody_listens_here', '/nowhere/plugin.sock', `/${'long'.repeat(100)}`])(
    'a socket that cannot be reached is no stop: %s',
    async name => {
      const source = new EventEmitter()
      using stop = watchForStop({
        env: {DOCKER_CLI_PLUGIN_SOCKET: name},
        process: source,
        onSecond: ignore,
      })
      await failureToConnect(name)
      expect(stop.signal.aborted).toBe(false)
      source.emit('SIGTERM')
      expect(stop.signal.reason).toMatchObject({trigger: 'SIGTERM'})
    },
  )

  test('the first cause stays the reason', async () => {
    const source = new EventEmitter()
    const stdin = new PassThrough()
    const seconds: string[] = []
    using stop = watchForStop({
      env: {},
      process: source,
      stdin,
      onSecond: () => seconds.push('now'),
    })
    stdin.destroy()
    await once(stop.signal, 'abort')
    expect(stop.signal.reason).toMatchObject({trigger: 'stdin'})
    source.emit('SIGTERM')
    expect(stop.signal.reason).toMatchObject({trigger: 'stdin'})
    expect(seconds).toEqual([])
    source.emit('SIGTERM')
    expect(seconds).toEqual(['now'])
  })

  test('a stdin that has ended before aborts at once', () => {
    const stdin = new PassThrough()
    stdin.destroy()
    using stop = watchForStop({env: {}, process: new EventEmitter(), stdin, onSecond: ignore})
    expect(stop.signal.reason).toMatchObject({trigger: 'stdin'})
  })

  test('reads nothing from stdin', () => {
    const stdin = new PassThrough()
    stdin.write('a message')
    using stop = watchForStop({env: {}, process: new EventEmitter(), stdin, onSecond: ignore})
    expect(stop.signal.aborted).toBe(false)
    expect(String(stdin.read())).toBe('a message')
  })

  test('disposing takes every listener back and hears nothing more', async () => {
    await using folder = await temporaryFolder()
    await using docker = await listenAt(join(folder.path, 'plugin.sock'))
    const source = new EventEmitter()
    const stdin = new PassThrough()
    const before = stdin.eventNames().length
    const stop = watchForStop({
      env: {DOCKER_CLI_PLUGIN_SOCKET: docker.address},
      process: source,
      stdin,
      onSecond: ignore,
    })
    expect(source.eventNames()).toEqual(['SIGINT', 'SIGTERM', 'SIGHUP'])
    const accepted = await docker.connection
    const closed = once(accepted.resume(), 'close')
    stop[Symbol.dispose]()
    await closed
    expect(source.eventNames()).toEqual([])
    expect(stdin.eventNames()).toHaveLength(before)
    expect(stop.signal.aborted).toBe(false)
  })
})

const WATCHER = `
  import {watchForStop} from ${JSON.stringify(
    new URL('../../../src/lib/plugin/stop-signal.ts', import.meta.url).href,
  )}
  const stop = watchForStop({
    env: process.env,
    process,
    ...(process.env.WATCH_STDIN ? {stdin: process.stdin} : {}),
    onSecond: () => console.log('second'),
  })
  stop.signal.addEventListener('abort', () =>
    console.log('abort', stop.signal.reason.name, stop.signal.reason.trigger))
  if (process.env.WATCH_STDIN) process.stdin.resume()
  if (!process.env.FINISH) setInterval(() => {}, 1000)
  console.log('ready')
`

/** A real process that prints what it is told to stop by. */
function startWatcher(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', WATCHER], {
    env: {PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...env},
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit').then(([code]: unknown[]) => code)
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]()
  return {
    exit,
    line: async () => (await lines.next()).value,
    kill: (name: NodeJS.Signals) => child.kill(name),
    endStdin: () => child.stdin.end(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

/** Plays docker: listens, and gives the first connection. */
async function listenAt(address: string) {
  const server: Server = createServer()
  const sockets: Socket[] = []
  const connection = new Promise<Socket>(resolve => {
    server.on('connection', socket => {
      sockets.push(socket.on('error', ignore))
      resolve(socket)
    })
  })
  server.listen({path: address})
  await once(server, 'listening')
  return {
    address,
    connection,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Fails to connect in the same way; whoever tried before has failed by then. */
async function failureToConnect(name: string) {
  const socket = connect({path: pluginSocketPath(name) ?? ''})
  await new Promise(resolve => socket.once('error', resolve))
  await new Promise(setImmediate)
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'stop-signal-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, {recursive: true, force: true}),
  }
}
