import {execFile} from 'node:child_process'
import {Duplex} from 'node:stream'
import {promisify} from 'node:util'
import {beforeAll, describe, expect, onTestFinished, test, vi} from 'vitest'
import type {ContainerFacts, Engine} from '../../../../src/lib/engine/engine.ts'
import {Redaction} from '../../../../src/lib/gateway/redaction.ts'
import {speakStdio, type StdioRun} from '../../../../src/lib/gateway/upstream/container.ts'
import {parkContainer} from '../../../../src/lib/gateway/upstream/parked.ts'
import type {Upstream} from '../../../../src/lib/gateway/upstream/upstream.ts'
import {notification, type Message} from '../../../../src/lib/gateway/wire/jsonrpc.ts'
import {anyPlan, engineWith} from '../../../support/engine-with.ts'
import {fixtureCatalog, type Fixture, type FixtureEntry} from '../../../support/fixture-images.ts'
import {
  startGateway,
  TestClient,
  testHome,
  testOptions,
  type TestGateway,
  type TestHome,
} from '../../../support/in-process-gateway.ts'
import {Inbox} from '../../../support/inbox.ts'

const run = promisify(execFile)
const inspect = async ({id}: Pick<ContainerFacts, 'id'>) =>
  JSON.parse((await run('docker', ['inspect', id])).stdout)[0]

const lines = (...methods: readonly string[]) =>
  methods.map(method => `${JSON.stringify(notification(method))}\n`).join('')

/** Runs a test against a gateway of these servers; afterwards it has left nothing behind. */
async function withServers(
  servers: readonly Fixture[] | Readonly<Record<string, FixtureEntry>>,
  use: (gateway: TestGateway, home: TestHome) => Promise<void>,
  secrets: Readonly<Record<string, string>> = {},
): Promise<void> {
  await using home = await testHome()
  await using catalog = await fixtureCatalog(servers)
  const names = [...catalog.images.keys()]
  const options = await testOptions(home, {servers: names, catalog: catalog.file, secrets})
  await using gateway = await startGateway(home, options)
  await use(gateway, home)
}

async function client({gateway}: TestGateway, id = 'one'): Promise<TestClient> {
  const made = new TestClient(gateway, id)
  await made.initialize()
  return made
}

/** Waits until the engine has removed every container of a gateway, which may take it longer than the gateway waits. */
async function noneLeft(gateway: TestGateway): Promise<void> {
  await expect.poll(() => gateway.containers()).toEqual([])
}

beforeAll(async () => {
  await using _ = await fixtureCatalog(['counts-calls'])
})

describe('a server in a container', () => {
  test('is one container for fifty calls that come first and at once, and is gone after the session', () =>
    withServers(['counts-calls'], async gateway => {
      const one = await client(gateway)
      const answers = await Promise.all(Array.from({length: 50}, () => one.call('count')))
      expect(answers.map(Number).toSorted((a, b) => a - b)).toEqual(
        Array.from({length: 50}, (_, at) => at + 1),
      )
      expect(await gateway.containers()).toHaveLength(1)
      await one.session.close()
      await noneLeft(gateway)
    }))

  test('is another container, with a state of its own, for another session', () =>
    withServers(['counts-calls'], async gateway => {
      const [one, two] = await Promise.all([client(gateway, 'one'), client(gateway, 'two')])
      await one.call('count')
      await one.call('count')
      expect(await two.call('count')).toBe('1')
      expect(await one.call('count')).toBe('3')
      const containers = await gateway.containers()
      expect(containers).toHaveLength(2)
      await one.session.close()
      await expect.poll(() => gateway.containers()).toHaveLength(1)
      expect(await two.call('count')).toBe('2')
    }))

  test('is removed with the session also when it does not care that its stdin has ended', () =>
    withServers(['ignores-eof'], async gateway => {
      const one = await client(gateway)
      expect(await one.call('wait')).toBe('still here')
      await one.session.close()
      await noneLeft(gateway)
    }))

  test('says by name and labels whose it is, removes itself and writes no log', () =>
    withServers({'named.server': {fixture: 'counts-calls'}}, async gateway => {
      const one = await client(gateway)
      await one.call('count')
      const [container] = await gateway.containers()
      if (!container) throw new Error('no container')
      expect(container.name).toMatch(/^mcp-named\.server-[0-9a-f]{6}$/)
      expect(container.labels).toMatchObject({
        'docker-mcp': 'true',
        'docker-mcp-name': 'named.server',
        'docker-mcp-owner': gateway.owner,
        'docker-mcp-transport': 'stdio',
      })
      const {HostConfig, Config} = await inspect(container)
      expect(HostConfig).toMatchObject({
        AutoRemove: true,
        LogConfig: {Type: 'none'},
        NetworkMode: 'none',
        SecurityOpt: ['no-new-privileges'],
      })
      expect(Config).toMatchObject({OpenStdin: true, StdinOnce: true, Tty: false})
    }))

  test('gets its variables as they are, secrets and odd characters included', () =>
    withServers(
      {
        'shows-environment': {
          fixture: 'shows-environment',
          secrets: [{name: 'api.key', env: 'API_KEY'}],
          env: [
            {name: 'QUOTED', value: `it's "so" & so %20 ? # =é`},
            {name: 'LINES', value: 'one\ntwo'},
            {name: 'MADE_OF', value: 'Bearer $API_KEY'},
          ],
          command: ['--flag', 'a b'],
        },
      },
      async gateway => {
        const one = await client(gateway)
        const seen = JSON.parse(await one.call('environment'))
        expect(seen.env).toMatchObject({
          API_KEY: 'sec ret&?',
          QUOTED: `it's "so" & so %20 ? # =é`,
          LINES: 'one\ntwo',
          MADE_OF: 'Bearer sec ret&?',
        })
        expect(seen.args).toEqual(['--flag', 'a b'])
        expect(seen.uid).toBe(1000)
      },
      {'api.key': 'sec ret&?'},
    ))

  test('that ends at once is an error with its exit code and its last words, and no container', () =>
    withServers(['exits-at-once'], async (gateway, {notices}) => {
      const one = await client(gateway)
      expect(await one.request('tools/list')).toEqual({tools: []})
      await expect
        .poll(() => notices.join('\n'))
        .toMatch(/server exits-at-once ended with exit code 3.*no database at the address/)
      await noneLeft(gateway)
    }))

  test('that crashes on a call fails this call, and the next one works in a new container', () =>
    withServers(['crashes-on-call'], async gateway => {
      const one = await client(gateway)
      const before = await one.call('started')
      const [first] = await gateway.containers()
      expect(await one.call('crash')).toMatch(
        /server crashes-on-call ended with exit code 7.*about to fall over/,
      )
      const after = await one.call('started')
      expect(after).not.toBe(before)
      await expect.poll(() => gateway.containers()).toHaveLength(1)
      expect((await gateway.containers())[0]?.id).not.toBe(first?.id)
    }))

  test('that uses up its memory fails with this reason, its limit and its last words', () =>
    withServers(
      {'eats-memory': {fixture: 'eats-memory', resources: {limits: {memory: '96m'}}}},
      async gateway => {
        const one = await client(gateway)
        expect(await one.call('eat')).toMatch(
          /server eats-memory was ended by the engine: it used more than its memory limit of 96 MB.*hungry/s,
        )
        await noneLeft(gateway)
      },
    ))

  test('that is killed by somebody else is not said to have used up its memory', () =>
    withServers(['eats-memory'], async gateway => {
      const one = await client(gateway)
      const waiting = one.call('wait')
      const {log} = gateway.lives.of('eats-memory')
      await expect.poll(() => log.lines.at(-1)?.text).toBe('waiting')
      const [container] = await gateway.containers()
      await run('docker', ['kill', container?.id ?? ''])
      expect(await waiting).toMatch(/server eats-memory ended with exit code 137.*waiting/s)
    }))

  test('that does not speak MCP is ended with its session, long before it has used up its time', () =>
    withServers(['prints-junk'], async gateway => {
      const one = await client(gateway)
      const list = one.ask('tools/list')
      await expect.poll(() => gateway.containers()).toHaveLength(1)
      await one.session.close()
      expect(await list).toMatchObject({jsonrpc: '2.0'})
      await noneLeft(gateway)
    }))

  test('that answers too late is an error which quotes what it prints instead', () =>
    withServers(
      // It has to have printed something by then.
      {'prints-junk': {fixture: 'prints-junk', startTimeout: 10}},
      async (gateway, {notices}) => {
        const one = await client(gateway)
        await one.request('tools/list')
        await expect
          .poll(() => notices.join('\n'))
          .toMatch(/prints-junk did not answer initialize within 10 s.*Welcome to the junk server!/)
        await noneLeft(gateway)
      },
    ))

  test('answers behind 50 MB of stderr', () =>
    withServers(['floods-stderr'], async gateway => {
      const one = await client(gateway)
      expect(await one.call('flood', {bytes: 50_000_000})).toBe('50000000 bytes')
    }))

  test('leaves no container when its session ends while it starts', () =>
    withServers(['counts-calls'], async gateway => {
      for (let round = 0; round < 5; round += 1) {
        const one = await client(gateway, `round-${round}`)
        const list = one.ask('tools/list')
        // Each round a little later in the start: at once, created, attached, started, speaking.
        const least = Math.min(round, 1)
        await expect
          .poll(async () => (await gateway.containers()).length)
          .toBeGreaterThanOrEqual(least)
        for (let turns = 0; turns < round * 20; turns += 1) await new Promise(setImmediate)
        await one.session.close()
        await list
        await noneLeft(gateway)
      }
    }))
})

const never = new Promise<never>(() => undefined)

/** A container's streams: `says` writes a line to its stdout; what it is sent goes nowhere, and is never read. */
class FakeStreams extends Duplex {
  override _read(): void {}
  override _write(): void {}

  says(...pieces: readonly string[]): void {
    for (const piece of pieces) {
      const header = Buffer.alloc(8)
      header[0] = 1
      header.writeUInt32BE(Buffer.byteLength(piece), 4)
      this.push(Buffer.concat([header, Buffer.from(piece)]))
    }
  }
}

const MAX = 64 * 1024

function runOf(more: Partial<StdioRun> = {}): StdioRun {
  return {
    server: 'deaf',
    maxMessageBytes: MAX,
    onMessage: () => undefined,
    onStderr: () => undefined,
    warn: () => undefined,
    redaction: new Redaction(),
    ...more,
  }
}

/** Starts a container of an engine that has just that one. */
async function started(engine: Engine, heard = runOf()): Promise<Upstream> {
  const {signal} = new AbortController()
  return speakStdio(await parkContainer(engine, anyPlan('mcp-deaf-123'), signal), heard)
}

function failureOf(starting: Promise<unknown>): Promise<unknown> {
  return starting.catch((error: unknown) => error)
}

describe('parkContainer', () => {
  test('sends what is said at once as one write, in order, also right before the end', async () => {
    const writes = new Inbox<string>()
    const socket = new Duplex({
      read: () => undefined,
      writev(chunks, done) {
        writes.add(chunks.map(({chunk}) => String(chunk)).join(''))
        done()
      },
    })
    const upstream = await started(engineWith(socket, []))
    upstream.send(notification('a'))
    upstream.send(notification('b'))
    await writes.find(() => true)
    upstream.send(notification('c'))
    socket.push(null)
    await upstream[Symbol.asyncDispose]()
    expect(writes.items).toEqual([lines('a', 'b'), lines('c')])
  })

  test('gives up on a server that does not read, before it fills the memory', async () => {
    const removed: string[] = []
    const deaf = new FakeStreams()
    const upstream = await started(engineWith(deaf, removed))
    const ballast = 'x'.repeat(1024 * 1024)
    for (let id = 1; id <= 8 && deaf.writable; id += 1) {
      upstream.send({jsonrpc: '2.0', id, method: 'ping', params: {ballast}})
    }
    expect(await upstream.closed).toMatchObject({
      what: expect.stringContaining('it does not read what it is sent'),
    })
    expect(removed).toEqual(['the-container'])
    upstream.send({jsonrpc: '2.0', method: 'notifications/late'})
    await upstream[Symbol.asyncDispose]()
    expect(removed).toEqual(['the-container'])
  })

  test('answers for a server whose answer is too large, and reads what comes after it', async () => {
    const streams = new FakeStreams()
    const received = new Inbox<Message>()
    const warnings: string[] = []
    const told = runOf({
      onMessage: message => received.add(message),
      warn: text => warnings.push(text),
    })
    const upstream = await started(engineWith(streams, []), told)
    const ballast = 'x'.repeat(MAX)
    const large = JSON.stringify({result: {ballast}, jsonrpc: '2.0', id: 7})
    streams.says(large, '\n')
    streams.says(`${JSON.stringify({jsonrpc: '2.0', method: 'x', params: {ballast}})}\n`)
    streams.says('{"jsonrpc":"2.0","id":8,"result":{}}\n')
    await received.find(message => message['id'] === 8)
    const [first] = received.items
    expect(first).toEqual({
      jsonrpc: '2.0',
      id: 7,
      error: {
        code: -32603,
        message: `a message of server deaf has ${large.length} bytes, more than the ${MAX} that --max-message-size allows`,
      },
    })
    expect(received.items).toHaveLength(2)
    expect(warnings).toEqual([
      expect.stringMatching(/^a message of server deaf .*; it is left out$/),
    ])
    streams.push(null)
    await upstream[Symbol.asyncDispose]()
  })

  test.each([
    ['create', {create: () => never}, []],
    ['connect to', {attach: () => never}, ['the-container']],
    ['start', {start: () => never}, ['the-container']],
  ] as const)(
    'does not wait for ever for an engine that does not %s',
    async (verb, verbs, gone) => {
      vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
      onTestFinished(() => void vi.useRealTimers())
      const removed: string[] = []
      const streams = new FakeStreams()
      const failed = failureOf(started(engineWith(streams, removed, verbs)))
      await vi.advanceTimersByTimeAsync(60_000)
      expect(await failed).toMatchObject({
        code: 'ENGINE_FAILED',
        message: `the engine did not ${verb} the container within 60 s`,
      })
      expect(removed).toEqual(gone)
      expect(streams.destroyed).toBe(verb === 'start')
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test('tells an engine that creates a container too late that nobody wants it any more', async () => {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
    onTestFinished(() => void vi.useRealTimers())
    const created = vi.fn<Engine['create']>(() => never)
    const engine = engineWith(new FakeStreams(), [], {create: created})
    const failed = failureOf(started(engine))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await failed).toMatchObject({code: 'ENGINE_FAILED'})
    expect(created.mock.calls[0]?.[1]?.aborted).toBe(true)
  })
})
