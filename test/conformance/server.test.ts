import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {differences, runSuite, type Findings, type Suite} from '../support/conformance-suite.ts'
import {dockerCli, type DockerCli} from '../support/docker-cli.ts'
import {fixtureCatalog, type FixtureCatalog} from '../support/fixture-images.ts'
import {startFixtureServer, type FixtureServer} from '../support/fixture-server.ts'

interface ExpectedSuite extends Suite {
  readonly name: string
  /** How many scenarios it has, and how many checks in them. */
  readonly scenarioCount: number
  readonly checkCount: number
  /** The checks that are no success, and no failure or warning either, of the server by itself. */
  readonly without: readonly string[]
  /** What comes out differently through the gateway. */
  readonly hidden: readonly string[]
}

/**
 * The only check that comes out differently through the gateway. When a server closes the stream of a request, the
 * gateway takes up the rest by itself and its client notices nothing: there is nothing to resume, which the suites
 * note down instead of a success. Once this is no longer so, the entry has to go.
 */
const HIDDEN = [
  '+ server-sse-polling: server-sse-disconnect-resume INFO (Tool response received on initial POST stream - server did not disconnect mid-call. The test_reconnection tool should close the stream before sending the result.)',
  '- server-sse-polling: server-sse-disconnect-resume SUCCESS',
]

/** The suites have a scenario that they never run. */
const NEVER_RUN =
  'tasks-status-notifications: tasks-status-notifications SKIPPED (Skipped: SEP-2663 delivers notifications/tasks via the SEP-2575 subscriptions/listen stream, not via the tools/call POST SSE response that the prior harness observed. The harness needs a rewrite against the new channel; tracked as a follow-up.)'
/** The server has no stream for an answer that nothing is said before. */
const NO_STREAM =
  'server-sse-multiple-streams: server-sse-streams-functional INFO (Server returned JSON for all requests - SSE streaming is optional)'

/** What the published suites have for the revisions with a handshake. */
const LEGACY_SUITES: readonly ExpectedSuite[] = [
  {
    name: 'what 2025-11-25 requires',
    package: 'conformance',
    options: ['--requirements', '2025-11-25'],
    scenarioCount: 33,
    checkCount: 84,
    without: [],
    hidden: HIDDEN,
  },
  {
    name: 'all of the older suite',
    package: 'conformance-0-1',
    options: ['--suite', 'all'],
    scenarioCount: 32,
    checkCount: 47,
    without: [],
    hidden: HIDDEN,
  },
]

/** What they have for revision 2026-07-28, with its extensions, and for all revisions together. */
const MODERN_SUITES: readonly ExpectedSuite[] = [
  {
    name: 'what 2026-07-28 requires',
    package: 'conformance',
    options: ['--requirements', '2026-07-28'],
    scenarioCount: 50,
    checkCount: 198,
    without: [NO_STREAM, NEVER_RUN],
    hidden: [],
  },
  {
    name: 'all of the newer suite',
    package: 'conformance',
    options: ['--suite', 'all'],
    scenarioCount: 65,
    checkCount: 277,
    without: [NEVER_RUN],
    hidden: HIDDEN,
  },
]

const DIRECT = [...LEGACY_SUITES, ...MODERN_SUITES]
const THROUGH_GATEWAY = [...LEGACY_SUITES, ...MODERN_SUITES]

/** In the first of them, too. */
const ACTIVE: Suite = {package: 'conformance', options: ['--suite', 'active']}

/** A container for each session of a suite, one after the other, on a machine with other things to do. */
const SLOW_MS = 300_000
/** Five suites and an image. */
const ALL_MS = 900_000

let fixture: FixtureServer
let cli: DockerCli
let inContainer: FixtureCatalog
const direct = new Map<Suite, Findings>()

beforeAll(async () => {
  fixture = await startFixtureServer('conformance')
  cli = await dockerCli()
  inContainer = await fixtureCatalog(['conformance'])
  for (const suite of [...DIRECT, ACTIVE]) direct.set(suite, await runSuite(suite, fixture.url))
}, ALL_MS)
afterAll(async () => {
  await cli?.[Symbol.asyncDispose]()
  await inContainer?.[Symbol.asyncDispose]()
  await fixture?.[Symbol.asyncDispose]()
})

/** Runs a suite against a gateway with one server of a catalog behind it. */
async function throughGateway(suite: Suite, catalog: string): Promise<Findings> {
  const options = ['--transport', 'streaming', '--port', '0', '--allow-unauthenticated']
  const chosen = ['--catalog', catalog, '--servers', 'conformance']
  await using gateway = cli.start(['mcp', 'gateway', 'run', ...options, ...chosen])
  const [, url = ''] = await gateway.said(/Gateway: (http:\S+)/)
  return await runSuite(suite, url)
}

/** Sends a message with the headers that both eras want, and gives the status and the body of the answer. */
async function post(url: string, message: object): Promise<object> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'server/discover',
  }
  const response = await fetch(url, {method: 'POST', headers, body: JSON.stringify(message)})
  return {status: response.status, body: await response.json()}
}

function expectTheSame(suite: ExpectedSuite, through: Findings): void {
  const found = differences(direct.get(suite)?.checks ?? [], through.checks)
  expect(found).toEqual(suite.hidden)
  expect(through.exitCode).toBe(0)
}

describe('the fixture server by itself', () => {
  test.each(DIRECT)('passes $name', suite => {
    const {checks = [], exitCode, scenarioCount} = direct.get(suite) ?? {}
    const notPassed = checks.filter(check => !check.endsWith(' SUCCESS'))
    expect(notPassed.toSorted()).toEqual(suite.without)
    expect({scenarioCount, checkCount: checks.length, exitCode}).toEqual({
      scenarioCount: suite.scenarioCount,
      checkCount: suite.checkCount,
      exitCode: 0,
    })
  })

  test('is asked nothing else by the active scenarios', () => {
    const [first] = LEGACY_SUITES
    const [all, active] = [first && direct.get(first), direct.get(ACTIVE)]
    expect(active).toMatchObject({scenarioCount: 31, exitCode: 0})
    const more = differences(all?.checks ?? [], active?.checks ?? [])
    expect(more.filter(line => line.startsWith('+'))).toEqual([])
  })
})

describe('a fixture server of one era', () => {
  test('that is modern names its revisions to who begins with a handshake', async () => {
    await using modern = await startFixtureServer('conformance', 'modern')
    const params = {protocolVersion: '2025-11-25', capabilities: {}}
    const answer = await post(modern.url, {jsonrpc: '2.0', id: 1, method: 'initialize', params})
    const data = {supported: ['2026-07-28'], requested: '2025-11-25'}
    expect(answer).toMatchObject({status: 400, body: {id: 1, error: {code: -32022, data}}})
  })

  test('that is legacy does not know of requests without a session', async () => {
    await using legacy = await startFixtureServer('conformance', 'legacy')
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const request = {jsonrpc: '2.0', id: 1, method: 'server/discover', params: {_meta}}
    const answer = await post(legacy.url, request)
    expect(answer).toMatchObject({status: 400, body: {id: null, error: {code: -32000}}})
    expect(await post(fixture.url, request)).toMatchObject({status: 200, body: {id: 1}})
  })
})

describe('through the gateway every check comes out the same', () => {
  test.each(THROUGH_GATEWAY)(
    'with the server in a container: $name',
    async suite => {
      expectTheSame(suite, await throughGateway(suite, inContainer.file))
    },
    SLOW_MS,
  )

  test.each(THROUGH_GATEWAY)(
    'with a remote server: $name',
    async suite => {
      const remote = {type: 'remote', remote: {url: fixture.url, transport_type: 'http'}}
      const registry = {conformance: remote}
      const file = await cli.write('remote.yaml', JSON.stringify({version: 3, registry}))
      expectTheSame(suite, await throughGateway(suite, file))
    },
    SLOW_MS,
  )
})
