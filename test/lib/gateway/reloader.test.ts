import {mkdtemp, rename, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, onTestFinished, test, vi} from 'vitest'
import {PluginError} from '../../../src/lib/base/errors.ts'
import {readTextFile} from '../../../src/lib/files/atomic.ts'
import {ReadFiles} from '../../../src/lib/files/reads.ts'
import {Changes} from '../../../src/lib/gateway/changes.ts'
import type {Reloaded} from '../../../src/lib/gateway/reload.ts'
import {Reloader} from '../../../src/lib/gateway/reloader.ts'
import {testHome, testOptions} from '../../support/in-process-gateway.ts'

/** After that, what cannot be read is looked at again (docs/reload.md). */
const FIRST_RETRY_MS = 5000

const NOTHING: Reloaded = {added: [], removed: [], changed: [], notices: [], needsRestart: []}

/** A gateway's reloads, which come out as the test says. */
interface Rig extends AsyncDisposable {
  readonly reloader: Reloader
  readonly reads: ReadFiles
  readonly said: string[]
  /** What the next reload comes to. */
  next: Partial<Reloaded> | Error
  /** Read by each reload. */
  readonly file: string
  /** Of the next options. */
  intervalMs: number
  reloads: number
  /** Whether a store cannot be read. */
  lacksSecrets: boolean
}

/** Writes a file at once: between its emptying and its writing, one that is written in place is seen empty. */
async function put(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

/** Until the end of the test, time goes on only when the test says so. */
function stopTimers(): void {
  vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']})
  onTestFinished(() => void vi.useRealTimers())
}

async function rig(): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'reloader-'))
  await using home = await testHome()
  const plain = await testOptions(home, {servers: [], catalog: ''})
  const file = join(dir, 'file')
  const reads = new ReadFiles(join(dir, 'state'))
  await reads.during(() => readTextFile(file))
  const said: string[] = []
  let now = 0
  const at: Rig = {
    reads,
    said,
    next: {},
    file,
    intervalMs: 0,
    reloads: 0,
    lacksSecrets: false,
    reloader: new Reloader({
      reads,
      options: async () => ({...plain, discoveryIntervalMs: at.intervalMs}),
      started: plain,
      setup: {
        async reload() {
          await readTextFile(file)
          at.reloads += 1
          if (at.next instanceof Error) throw at.next
          return {...NOTHING, ...at.next}
        },
        get lacksSecrets() {
          return at.lacksSecrets
        },
        redact: text => text.replaceAll('hunter2', '***'),
      },
      isWatched: true,
      log: line => void said.push(`log ${line}`),
      notify: line => void said.push(line),
      now: () => (now += 1000),
    }),
    [Symbol.asyncDispose]: () => rm(dir, {recursive: true}),
  }
  return at
}

test('what has changed is said, and remembered with its time', async () => {
  await using at = await rig()
  expect(at.reloader.state).toEqual({isWatched: true, needsRestart: []})
  at.next = {added: ['a', 'b'], changed: ['c'], notices: ['d is left out']}
  await at.reloader.reload()
  expect(at.said).toEqual(['log > Reloaded: added a, b; changed c', '! d is left out'])
  expect(at.reloader.state).toEqual({
    isWatched: true,
    reloadedAt: '1970-01-01T00:00:01.000Z',
    added: ['a', 'b'],
    removed: [],
    changed: ['c'],
    needsRestart: [],
  })
})

test('a reload that changes nothing says nothing', async () => {
  await using at = await rig()
  await at.reloader.reload()
  expect(at.said).toEqual([])
})

test('what is wrong is said once, without secrets, is remembered, and so is that it was mended', async () => {
  await using at = await rig()
  at.next = {added: ['a']}
  await at.reloader.reload()
  at.said.length = 0
  at.next = new PluginError('FILE_INVALID', 'x.yaml:1:2: hunter2', {hint: 'mend hunter2'})
  await at.reloader.reload()
  await at.reloader.reload()
  expect(at.said).toEqual([
    '! the configuration was changed and cannot be used: x.yaml:1:2: ***\n  mend ***\n  Until it is mended, the gateway goes on with what it had.',
  ])
  expect(at.reloader.state).toMatchObject({
    reloadedAt: '1970-01-01T00:00:01.000Z',
    added: ['a'],
    failure: {
      code: 'FILE_INVALID',
      message: 'x.yaml:1:2: ***',
      hint: 'mend ***',
      at: '1970-01-01T00:00:02.000Z',
    },
  })
  at.said.length = 0
  at.next = {}
  await at.reloader.reload()
  expect(at.said).toEqual(['> The configuration can be read again, and is served.'])
  expect(at.reloader.state).not.toHaveProperty('failure')
})

test('another thing that is wrong is said, too; a defect is no end', async () => {
  await using at = await rig()
  at.next = new PluginError('FILE_INVALID', 'one')
  await at.reloader.reload()
  at.next = new TypeError('two')
  await at.reloader.reload()
  const wrong = '! the configuration was changed and cannot be used:'
  const onward = '  Until it is mended, the gateway goes on with what it had.'
  expect(at.said).toEqual([`${wrong} one\n${onward}`, `${wrong} two\n${onward}`])
  expect(at.reloader.state).toMatchObject({failure: {code: 'INTERNAL', message: 'two'}})
})

test('what a reload comes to when the gateway has ended is not said', async () => {
  await using at = await rig()
  at.next = new Error('the gateway is stopping')
  const reloading = at.reloader.reload()
  at.reloader.end()
  await reloading
  expect(at.reloads).toBe(1)
  expect(at.said).toEqual([])
})

test('what needs a restart is said when something new does', async () => {
  await using at = await rig()
  at.next = {needsRestart: ['port']}
  await at.reloader.reload()
  await at.reloader.reload()
  at.next = {needsRestart: ['host', 'port']}
  await at.reloader.reload()
  at.next = {needsRestart: ['host']}
  await at.reloader.reload()
  expect(at.said).toEqual([
    '! changed, and counts when the gateway is started again: port',
    '! changed, and counts when the gateway is started again: host, port',
  ])
  expect(at.reloader.state.needsRestart).toEqual(['host'])
})

test('a file that is changed while it is wrong is read again', async () => {
  await using at = await rig()
  await using _changes = new Changes({
    ...at,
    notify: line => void at.said.push(line),
    refreshCatalogs: async () => [],
  })
  at.next = new PluginError('FILE_INVALID', 'wrong')
  await put(at.file, 'wrong')
  await expect.poll(() => at.reloader.state.failure?.message).toBe('wrong')
  at.next = {}
  await put(at.file, 'right')
  await expect.poll(() => at.reloader.state.failure).toBe(undefined)
  expect(at.reloads).toBe(2)
})

test('all is read again, and catalogs fetched, as often as the options say now', async () => {
  await using at = await rig()
  const asked: number[] = []
  await using _changes = new Changes({
    ...at,
    notify: line => void at.said.push(line),
    refreshCatalogs: async () => {
      asked.push(at.reloads)
      throw new Error('the host is away')
    },
  })
  at.intervalMs = 20
  await put(at.file, 'x')
  await expect.poll(() => asked.length).toBeGreaterThan(2)
  expect(asked[0]).toBe(1)
  await expect.poll(() => at.reloads).toBeGreaterThan(2)
  expect(at.said).toEqual(['! catalogs could not be fetched again: the host is away'])
  at.intervalMs = 0
  await expect.poll(() => at.reloader.discoveryIntervalMs).toBe(0)
})

test('what cannot be read is said and tried again, though no file changes', async () => {
  await using at = await rig()
  at.lacksSecrets = true
  stopTimers()
  await using _changes = new Changes({
    ...at,
    notify: line => void at.said.push(line),
    refreshCatalogs: async () => [],
  })
  at.next = {added: ['a'], unread: new PluginError('SECRET_LOCKED', 'secret x: it is locked')}
  await vi.advanceTimersByTimeAsync(FIRST_RETRY_MS)
  await expect
    .poll(() => at.said)
    .toEqual([
      '! the configuration counts, but for what cannot be read: secret x: it is locked\n  Until it is mended, the servers that have it go on with the value from before.',
      'log > Reloaded: added a',
    ])
  expect(at.reloader.state).toMatchObject({added: ['a'], failure: {code: 'SECRET_LOCKED'}})
  at.said.length = 0
  at.next = {}
  at.lacksSecrets = false
  await at.reloader.reload()
  expect(at.said).toEqual(['> The configuration can be read again, and is served.'])
})

test('a configuration that may not be read is read again, though no file changes', async () => {
  await using at = await rig()
  at.next = new PluginError('FILE_DENIED', 'x is no regular file')
  await at.reloader.reload()
  at.next = {}
  stopTimers()
  await using _changes = new Changes({
    ...at,
    notify: line => void at.said.push(line),
    refreshCatalogs: async () => [],
  })
  await vi.advanceTimersByTimeAsync(FIRST_RETRY_MS)
  await expect
    .poll(() => at.said)
    .toContain('> The configuration can be read again, and is served.')
  expect(at.reloader.mayBeMended).toBe(false)
})

test.each([
  ['FILE_INVALID', false],
  ['FILE_MISSING', false],
  ['CATALOG_INVALID', false],
  ['USAGE', false],
  ['FILE_DENIED', true],
  ['STORE_UNUSABLE', true],
  ['SECRET_LOCKED', true],
] as const)('of %s it is %s that no file may tell when it is mended', async (code, isUntold) => {
  await using at = await rig()
  at.next = new PluginError(code, 'it is wrong')
  await at.reloader.reload()
  expect(at.reloader.state.failure?.code).toBe(code)
  expect(at.reloader.mayBeMended).toBe(isUntold)
})
