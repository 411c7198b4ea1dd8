import {execFile, spawn} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink} from 'node:fs/promises'
import {createServer, type Server, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import * as fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, onTestFinished, test} from 'vitest'
import {statePaths} from '../../../src/lib/files/paths.ts'
import {noteSecret} from '../../../src/lib/secrets/index-file.ts'
import {openKeyring} from '../../../src/lib/secrets/keyring.ts'
import {program} from '../../../src/lib/secrets/keyring-program.ts'
import {secretService} from '../../../src/lib/secrets/secret-service.ts'
import type {SecretStore, StoreInput} from '../../../src/lib/secrets/store.ts'
import {sessionBus, type SessionBus} from '../../support/session-bus.ts'
import {missingTools} from '../../../scripts/test-tools.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const missing = (await missingTools()).filter(name => /dbus|keyring/.test(name))
const run = promisify(execFile)

let bus: SessionBus
beforeAll(async () => {
  if (missing.length > 0) return
  bus = await sessionBus()
  await bus.startKeyring()
})
afterAll(async () => bus?.[Symbol.asyncDispose]())

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keyring-'))
  onTestFinished(() => rm(path, {recursive: true, force: true}))
  return path
}

/** A keyring of another folder of docker's, so that tests do not see each other. */
async function opened(on: SessionBus = bus): Promise<Changeable> {
  return changeable(openKeyring(on.input(await folder())))
}

function changeable(store: SecretStore): Changeable {
  if (!store.set || !store.remove) throw new Error('the keyring can be changed')
  return store as Changeable
}

type Changeable = SecretStore & Required<Pick<SecretStore, 'set' | 'remove'>>

/** Programs that ask the keyring, children of this process. */
async function askers(): Promise<readonly string[]> {
  const {stdout} = await run('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)])
  return stdout.split('\n').filter(line => line.includes('keyring-program'))
}

describe.skipIf(missing.length > 0)('the keyring of a secret service', () => {
  test('gives back the bytes that were set, whatever they are', async () => {
    const store = await opened()
    expect(await store.unavailable()).toBeUndefined()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({minLength: 1, maxLength: 5000}), async bytes => {
        await store.set('any', Buffer.from(bytes))
        expect(await store.get('any')).toEqual(Buffer.from(bytes))
      }),
      {numRuns: 8, examples: [[new Uint8Array([0, 255, 10, 13, 0])]]},
    )
    expect(await store.names()).toEqual(['any'])
  })

  test('keeps what another process finds, and its index holds no value', async () => {
    const dir = await folder()
    const input = bus.input(dir)
    const store = changeable(openKeyring(input))
    await store.set('a/b:c.d-e', Buffer.from('fish-and-chips'))
    expect(await openKeyring(input).get('a/b:c.d-e')).toEqual(Buffer.from('fish-and-chips'))
    const index = await readFile(input.paths.secretsIndex, 'utf8')
    expect(JSON.parse(index)).toMatchObject({secrets: [{name: 'a/b:c.d-e', store: 'keyring'}]})
    expect(index).not.toContain('fish')
    expect((await stat(input.paths.secretsIndex)).mode & 0o777).toBe(0o600)
  })

  test('removes, and says whether there was anything', async () => {
    const store = await opened()
    expect(await store.remove('one')).toBe(false)
    await store.set('one', Buffer.from('1'))
    expect(await store.remove('one')).toBe(true)
    expect(await store.get('one')).toBeUndefined()
    expect(await store.names()).toEqual([])
    expect(await store.remove('one')).toBe(false)
  })

  test('has nothing under a name whose value was never written, and forgets it', async () => {
    const input = bus.input(await folder())
    const store = changeable(openKeyring(input))
    await noteSecret(input.paths, {name: 'torn', store: 'keyring'})
    expect(await store.get('torn')).toBeUndefined()
    expect(await store.remove('torn')).toBe(true)
    expect(await store.names()).toEqual([])
  })

  test('does not mix up the secrets of two folders of docker', async () => {
    const [one, other] = [await opened(), await opened()]
    const usual = changeable(openKeyring(bus.input()))
    await one.set('same', Buffer.from('one'))
    await other.set('same', Buffer.from('other'))
    await usual.set('same', Buffer.from('usual'))
    expect(await one.remove('same')).toBe(true)
    expect(await other.get('same')).toEqual(Buffer.from('other'))
    expect(await usual.get('same')).toEqual(Buffer.from('usual'))
  })

  test('finds the usual folder again behind a link, and by its full name', async () => {
    const usual = changeable(openKeyring(bus.input()))
    await usual.set('linked', Buffer.from('value'))
    const link = join(await folder(), 'docker')
    await symlink(join(bus.home, '.docker'), link)
    for (const dir of [link, join(bus.home, '.docker')]) {
      expect(await openKeyring(bus.input(dir)).get('linked')).toEqual(Buffer.from('value'))
    }
  })

  test('answers many at once, and leaves no process behind', async () => {
    const store = await opened()
    const names = Array.from({length: 12}, (_, index) => `many.${index}`)
    await Promise.all(names.map(name => store.set(name, Buffer.from(name))))
    const values = await Promise.all(names.map(name => store.get(name)))
    expect(values.map(String)).toEqual(names)
    expect(await store.names()).toEqual(names.toSorted())
    await expect.poll(askers).toEqual([])
  })

  test('is found where systemd has it when the environment does not say so', async () => {
    const {DBUS_SESSION_BUS_ADDRESS, ...env} = bus.env
    const input = {...bus.input(await folder()), env}
    const store = changeable(openKeyring(input))
    expect(DBUS_SESSION_BUS_ADDRESS).toBeDefined()
    expect(await store.unavailable()).toBeUndefined()
    await store.set('bare', Buffer.from('value'))
    expect(await store.get('bare')).toEqual(Buffer.from('value'))
  })
})

describe.skipIf(missing.length > 0)('a keyring that is locked', () => {
  test('says so, gives nothing, asks nobody, and gives all when it is unlocked', async () => {
    await using own = await sessionBus()
    await own.startKeyring()
    const store = await opened(own)
    await store.set('kept', Buffer.from('value'))
    await own.lock()
    expect(await store.unavailable()).toBe('the keyring is locked')
    expect(await store.names()).toEqual(['kept'])
    await expect(store.get('kept')).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: 'the keyring does not give the secret kept: the keyring is locked',
    })
    expect(await store.get('never set')).toBeUndefined()
    await expect(store.set('new', Buffer.from('s3cret'))).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: 'the keyring does not keep the secret new: it is locked, and was not unlocked',
    })
    await expect(store.remove('kept')).rejects.toMatchObject({code: 'STORE_UNUSABLE'})
    // What was certainly not kept is in no index.
    expect(await store.names()).toEqual(['kept'])
    await own.unlock()
    expect(await store.get('kept')).toEqual(Buffer.from('value'))
    expect(await store.remove('kept')).toBe(true)
  })

  test('is not waited for longer than for a person, and the process that asks is ended', async () => {
    await using own = await sessionBus({prompter: 'silent'})
    await own.startKeyring()
    await own.lock()
    const store = changeable(openKeyring(own.input(), {withinMs: 500}))
    await expect(store.set('new', Buffer.from('s3cret'))).rejects.toMatchObject({
      message: 'the keyring does not keep the secret new: it did not answer within 0.5 s',
    })
    // It may have been kept all the same: it can be removed.
    expect(await store.names()).toEqual(['new'])
    await expect.poll(askers).toEqual([])
  })
})

test.skipIf(missing.length > 0)(
  'a process that asks the keyring does not outlive the one that wants to know',
  async () => {
    await using own = await sessionBus({prompter: 'silent'})
    await own.startKeyring()
    await own.lock()
    const child = spawn(process.execPath, [program], {
      env: own.env,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.stdin.write(`${JSON.stringify({do: 'set', account: 'one', value: 'AA=='})}\n`)
    await own.asked()
    child.stdin.end()
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  },
)

/** A listener at a socket, which does with each connection what is said. */
async function listener(path: string, serve: (socket: Socket) => void): Promise<Server> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    serve(socket)
  }).listen(path)
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return server
}

async function inputAt(address: string | undefined): Promise<StoreInput> {
  const home = await folder()
  const env = {
    HOME: home,
    XDG_RUNTIME_DIR: home,
    PATH: process.env['PATH'],
    ...(address === undefined ? {} : {DBUS_SESSION_BUS_ADDRESS: address}),
  }
  return {env, cwd: home, paths: statePaths({env})}
}

describe('a keyring that is not there', () => {
  test.each([
    [undefined, 'there is no D-Bus session (DBUS_SESSION_BUS_ADDRESS is not set)'],
    ['', 'there is no D-Bus session (DBUS_SESSION_BUS_ADDRESS is not set)'],
    ['unix:path=/nowhere/bus', 'no D-Bus session is where DBUS_SESSION_BUS_ADDRESS says'],
    ['unix:abstract=/nowhere/bus', 'no D-Bus session is where DBUS_SESSION_BUS_ADDRESS says'],
    ['autolaunch:', 'the D-Bus session is at an address of another kind than a Unix socket'],
    ['tcp:host=localhost,port=1', 'the D-Bus session is at an address of another kind'],
    ['nonsense', 'the D-Bus session is at an address of another kind'],
    ['unix:path=%', 'the D-Bus session is at an address of another kind'],
  ])('says for the address %s why', async (address, why) => {
    const input = await inputAt(address)
    const store = changeable(openKeyring(input))
    expect(await store.unavailable()).toContain(why)
    expect(await store.get('any')).toBeUndefined()
    expect(await store.remove('any')).toBe(false)
    await expect(store.set('any', Buffer.from('s3cret'))).rejects.toMatchObject({
      code: 'STORE_UNUSABLE',
      message: expect.stringContaining(`the keyring does not keep the secret any: ${why}`),
    })
    // Nothing is in the index that is in no keyring, and nobody started a bus.
    expect(await readdir(String(input.env['HOME']))).toEqual([])
  })

  test.skipIf(missing.length > 0)('says that the bus has no such service', async () => {
    await using empty = await sessionBus()
    const store = await opened(empty)
    expect(await store.unavailable()).toBe(
      'no keyring service (gnome-keyring, KWallet, KeePassXC) is in the D-Bus session',
    )
  })

  test('does not wait for a bus that never answers', async () => {
    const path = join(await folder(), 'silent')
    await listener(path, () => {})
    const {env} = await inputAt(`unix:path=${path}`)
    expect(await secretService(env, 300)).toEqual({
      is: 'absent',
      why: 'the D-Bus session does not answer within 0.3 s',
    })
  })

  test('survives whatever something else at that socket says', async () => {
    const path = join(await folder(), 'noise')
    let noise = Buffer.alloc(0)
    await listener(path, socket => {
      socket.once('data', () => socket.write('OK 0123456789abcdef\r\n'))
      socket.on('data', () => socket.end(noise))
    })
    const {env} = await inputAt(`unix:path=${path}`)
    const message = fc
      .tuple(
        fc.constantFrom(0x6c, 0x42),
        fc.constantFrom(1, 2, 3, 9),
        fc.uint8Array({maxLength: 200}),
      )
      .map(([order, type, rest]) => Buffer.from([order, type, 0, 1, ...rest]))
    await fc.assert(
      fc.asyncProperty(fc.oneof(message, fc.uint8Array({maxLength: 64})), async bytes => {
        noise = Buffer.from(bytes)
        expect(await secretService(env, 300)).toMatchObject({is: 'absent'})
      }),
      {numRuns: 60, examples: [[Buffer.from('not a bus\r\n')], [randomBytes(4096)]]},
    )
  })

  test('says that the library is not beside the program', async () => {
    const dir = await folder()
    await mkdir(join(dir, 'dist'))
    const copy = join(dir, 'dist', 'keyring-program.mjs')
    await copyFile(join(ROOT, 'dist', 'keyring-program.mjs'), copy)
    const script = `import(${JSON.stringify(copy)}).then(m => m.libraryProblem()).then(console.log)`
    const {stdout} = await run(process.execPath, ['-e', script])
    expect(stdout.trim()).toBe(
      'the library for keyrings (@napi-rs/keyring) is not installed beside this program',
    )
  })
})
