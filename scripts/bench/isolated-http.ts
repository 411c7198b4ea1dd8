import {once} from 'node:events'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import type {Scope} from '../../src/lib/base/scope.ts'
import type {Engine} from '../../src/lib/engine/engine.ts'
import {RemoteUpstream} from '../../src/lib/gateway/upstream/remote.ts'
import {capture, report} from '../process.ts'
import {importFixture} from '../samples.ts'
import {converse, type Conversation} from './conversation.ts'
import {calls, FIGURES, startMs} from './isolation-costs.ts'
import {bareWay, gatewayWay, LIMIT, ownerOf, type Way} from './isolated.ts'
import {compareRounds, figuresOf, inRounds} from './rounds.ts'

const FIXTURES = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'servers')
const ROUNDS = 15
const GETS = 100
const CALLS = 100
const TARGET = 'target.test'
const PORT = 8080

/** Above the rows of this file. */
export const HTTP_HEAD = ['FOR INFORMATION', 'DIRECT', 'OURS', 'RATIO']

/** Requests of a server to a host outside: over docker's bridge, and through the relay and the gateway. */
export async function outwardRows(scope: Scope, engine: Engine): Promise<string[][]> {
  report('bench: requests of a server')
  const target = await fixture('http-counts')
  const image = await fixture('http-gets')
  const extraHosts = [`${TARGET}:${await runOnBridge(scope, target)}`]
  const relayed = {image, extraHosts, allowHosts: [`${TARGET}:${PORT}`]}
  await using direct = await converse(gatewayWay(engine, 'direct', {image, extraHosts}))
  await using ours = await converse(gatewayWay(engine, 'relayed', relayed))
  const rows: string[][] = []
  for (const keepAlive of [true, false]) {
    const found = await inRounds(ROUNDS, [
      {name: 'direct', measure: () => getMs(direct, keepAlive)},
      {name: 'ours', measure: () => getMs(ours, keepAlive)},
    ])
    const what = keepAlive ? 'over one connection' : 'over a connection each'
    rows.push(row(`a GET by a server, ${what}, ms`, found))
  }
  return rows
}

async function getMs(conversation: Conversation, keepAlive: boolean): Promise<number> {
  const url = `http://${TARGET}:${PORT}/mcp`
  const {content} = await conversation.call('get', {url, times: GETS, keepAlive})
  return Number(Object(content)[0].text)
}

/** Runs an HTTP server on docker's bridge until the end. @returns its address */
async function runOnBridge(scope: Scope, image: string): Promise<string> {
  const name = ownerOf('target')
  const {code, stderr} = await capture('docker', ['run', '--detach', '--rm', '--name', name, image])
  if (code !== 0) throw new Error(stderr)
  scope.defer(async () => void (await capture('docker', ['rm', '--force', name])))
  const format = '{{.NetworkSettings.IPAddress}}'
  const {stdout} = await capture('docker', ['inspect', '--format', format, name])
  return stdout.trim()
}

/** A server that speaks HTTP in its container: at a published port, and through the way in. */
export async function inwardRows(engine: Engine): Promise<string[][]> {
  report('bench: servers that speak HTTP')
  const image = await fixture('http-counts')
  const remote = {url: `http://localhost:${PORT}/mcp`, transport_type: 'http'}
  const ways = [
    publishedWay(engine, image, await freePort()),
    gatewayWay(engine, 'ours', {image, remote}),
  ]
  const things = ways.map(way => ({name: way.name, measure: () => startMs(way)}))
  await inRounds(1, things)
  const starts = await inRounds(ROUNDS, things)
  const found = await calls(engine, ways, {call: ['count', {}], callsEach: CALLS})
  const figures = FIGURES.map(({figure, of}) =>
    row(`a call of a server that speaks HTTP, ${figure}`, figuresOf(found, of)),
  )
  return [row('the start of a server that speaks HTTP, ms', starts), ...figures]
}

function publishedWay(engine: Engine, image: string, outside: number): Way {
  const publish = {inside: PORT, outside}
  const bare = bareWay(engine, 'direct', {image, network: 'bridge', publish})
  const url = `http://127.0.0.1:${outside}/mcp`
  return {
    name: 'direct',
    async open(session, onMessage) {
      const container = await bare.open(session, () => undefined)
      while (!(await fetch(url).then(Boolean, () => false))) await delay(5)
      const input = {url, headers: [], onMessage, redact: (text: string) => text}
      const remote = new RemoteUpstream({...input, server: 'direct', ...LIMIT})
      return {
        send: message => remote.send(message),
        closed: container.closed,
        redact: text => text,
        async [Symbol.asyncDispose]() {
          await remote[Symbol.asyncDispose]()
          await container[Symbol.asyncDispose]()
        },
      }
    },
  }
}

function row(what: string, found: ReadonlyMap<string, readonly number[]>): string[] {
  const {ours, reference, ratio} = compareRounds(found, 'ours', 'direct')
  return [what, reference.toFixed(2), ours.toFixed(2), ratio.toFixed(2)]
}

function fixture(name: string): Promise<string> {
  return importFixture(name, join(FIXTURES, `${name}.mjs`))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = Object(server.address())
  server.close()
  await once(server, 'close')
  return port
}
