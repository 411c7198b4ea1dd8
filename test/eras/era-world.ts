import {join} from 'node:path'
import type {JsonObject} from '../../src/lib/base/json.ts'
import type {Era} from '../../src/lib/gateway/bridge/eras.ts'
import type {Answers, EraClient} from '../support/era-client.ts'
import {fixtureImage} from '../support/fixture-images.ts'
import {Inbox} from '../support/inbox.ts'
import {LegacyClient} from '../support/legacy-client.ts'
import {ModernClient} from '../support/modern-client.ts'
import {startGateway, startRemote} from '../support/worlds.ts'

/** Both of them. */
export const ERAS: readonly Era[] = ['legacy', 'modern']

/** A way to the server of test/fixtures/mcp-server/conformance.mjs, which speaks one era only. */
export interface EraWorld extends AsyncDisposable {
  readonly url: string
  /** What the server wrote to stderr. */
  readonly stderr: Inbox<string>
}

const SERVER = join(import.meta.dirname, '..', 'fixtures', 'mcp-server', 'conformance.mjs')

/** The server itself, over HTTP. */
export async function direct(era: Era): Promise<EraWorld> {
  const stderr = new Inbox<string>()
  const server = await startRemote(SERVER, {MCP_FIXTURE_ERA: era}, stderr)
  return {url: server.url, stderr, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]()}
}

/** A gateway before the server, which it reaches over HTTP. */
export async function beforeRemote(era: Era): Promise<EraWorld> {
  const server = await direct(era)
  const remote = {type: 'remote', remote: {url: server.url, transport_type: 'http'}}
  const {stderr} = server
  const gateway = await startGateway({conformance: remote}, stderr)
  return {
    url: gateway.url,
    stderr,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** A gateway that starts the server in containers, and speaks to them over stdio. */
export async function beforeContainer(era: Era): Promise<EraWorld> {
  const stderr = new Inbox<string>()
  const env = [{name: 'MCP_FIXTURE_ERA', value: era}]
  const image = await fixtureImage('conformance')
  const entry: JsonObject = {type: 'server', image, env, disableNetwork: true}
  const gateway = await startGateway({conformance: entry}, stderr)
  return {url: gateway.url, stderr, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]()}
}

/** Opens a client of an era, which answers so. */
export async function openClient(era: Era, url: string, answers: Answers): Promise<EraClient> {
  return era === 'legacy' ? LegacyClient.open(url, answers) : new ModernClient(url, answers)
}
