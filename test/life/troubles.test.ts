import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {fixtureCatalog, type FixtureCatalog} from '../support/fixture-images.ts'
import {
  startGateway,
  TestClient,
  testHome,
  testOptions,
  type TestGateway,
  type TestHome,
} from '../support/in-process-gateway.ts'

/** What each of these servers does wrong when it is called. */
const TROUBLES = {
  eats: 'eats memory',
  exits: 'exits',
  fills: 'fills its disk',
  floods: 'floods stderr',
  deaf: 'never reads',
  shouts: 'shouts',
  hangs: 'hangs in initialize',
  well1: 'nothing',
  well2: 'nothing',
  well3: 'nothing',
} as const
type Server = keyof typeof TROUBLES

const LIMITS = {resources: {limits: {memory: '96m', disk: '64m'}}}

let catalog: FixtureCatalog
let home: TestHome
let gateway: TestGateway
let client: TestClient

beforeAll(async () => {
  const names = Object.keys(TROUBLES)
  const entries = Object.entries(TROUBLES).map(([name, trouble]) => [
    `trouble-${name}`,
    {
      fixture: 'misbehaves',
      command: [trouble],
      prefix: name,
      startTimeout: 20,
      user: '0',
      ...LIMITS,
    },
  ])
  catalog = await fixtureCatalog(Object.fromEntries(entries))
  home = await testHome()
  const servers = names.map(name => `trouble-${name}`)
  gateway = await startGateway(home, await testOptions(home, {servers, catalog: catalog.file}))
  client = new TestClient(gateway.gateway, 'troubled')
  await client.initialize()
})

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await home?.[Symbol.asyncDispose]()
  await catalog?.[Symbol.asyncDispose]()
})

/** Calls a server's tool by its own name, which needs no list. */
async function misbehave(server: Server): Promise<string> {
  return client.call(`${server}__do`)
}

/** What was said of the server that hangs. */
function told(): readonly string[] {
  return home.notices.filter(line => line.includes('trouble-hangs'))
}

describe('servers that go wrong', () => {
  test.each<[Server, RegExp, string]>([
    ['eats', /used more than its memory limit of 96 MB/, 'about to go wrong: eats memory'],
    ['exits', /ended with exit code 3/, 'about to go wrong: exits'],
    ['fills', /wrote \d+ MB to its disk, and may write 64 MB/, 'about to go wrong: fills its disk'],
    ['floods', /ended with exit code 4/, 'that was all'],
  ])('is told in one message with its last words: %s', async (server, why, words) => {
    const before = process.memoryUsage().rss
    const said = await misbehave(server)
    expect(said).toContain(`trouble-${server}`)
    expect(said).toMatch(why)
    expect(said).toContain(words)
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 ** 2)
    expect(await misbehave('well1')).toBe('well')
  })

  test('is told of one that hangs, and the others do not wait for it', async () => {
    const hanging = client.ask('tools/call', {name: 'hangs__do'})
    expect(await misbehave('well2')).toBe('well')
    expect(await hanging).toMatchObject({
      error: {message: expect.stringContaining('no answer yet from: trouble-hangs')},
    })
    await expect.poll(told).toHaveLength(1)
    expect(told()[0]).toContain('did not answer initialize within 20 s')
    expect(told()[0]).toContain('thinking')
  })

  test('goes on when one sends 300 MB in one message, and says what was left out', async () => {
    const before = process.memoryUsage().rss
    const said = await misbehave('shouts')
    expect(said).toBe('that was loud')
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 ** 2)
    expect(home.notices.join('\n')).toMatch(/trouble-shouts.*\d{9} bytes/)
  })

  test('gives up one that never reads, before its messages fill the memory', async () => {
    const filling = 'x'.repeat(900_000)
    const calls = Array.from({length: 12}, () => client.call('deaf__do', {filling}))
    const answers = await Promise.all(calls)
    for (const said of answers) {
      expect(said).toContain('trouble-deaf')
      expect(said).toContain('does not read what it is sent')
    }
    expect(await misbehave('well3')).toBe('well')
  })
})
