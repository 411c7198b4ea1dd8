import {Agent} from 'node:http'
import {Agent as TlsAgent} from 'node:https'
import {inspect} from 'node:util'
import {messageOf, PluginError} from '../base/errors.ts'
import {Connection, type Modem, reasonOf} from './connection.ts'
import {agree} from './dialect.ts'
import {DockerEngine} from './docker-engine.ts'
import type {Endpoint} from './endpoint.ts'
import type {Engine} from './engine.ts'
import {notAnEngine} from './failures.ts'
import {SshAgent} from './ssh.ts'

const ANSWER_MS = 10_000
/** A sign-in over ssh takes seconds where the host looks names up first, or the connection passes through others. */
const SSH_ANSWER_MS = 30_000

/**
 * Connects to a Docker engine and agrees with it on how to speak, see {@link agree}.
 * Connections are kept for the next request, but do not keep the process alive.
 * @param options `answerMs`: how long the engine may take to tell its version
 * @throws PluginError ENGINE_UNREACHABLE with the endpoint, the setting that chose it, and what to do;
 *   also when the engine is too old or too new
 */
export async function openEngine(
  endpoint: Endpoint,
  {answerMs = endpoint.kind === 'ssh' ? SSH_ANSWER_MS : ANSWER_MS}: {answerMs?: number} = {},
): Promise<Engine> {
  const connection = new Connection(await createModem(endpoint), endpoint)
  const answer = await connection.ask({method: 'GET', path: '/version', within: answerMs})
  if (answer.status !== 200) throw notAnEngine(endpoint, reasonOf(answer))
  const dialect = agree(endpoint, answer)
  connection.useVersion(dialect.apiVersion)
  return new DockerEngine(connection, {dialect, answerMs})
}

async function createModem(endpoint: Endpoint): Promise<Modem> {
  const {default: Docker} = await import('dockerode')
  try {
    // Everything is named, also what is not set: the library fills gaps from DOCKER_HOST and its relatives.
    const docker = new Docker({...addressOf(endpoint), ...NOTHING_FROM_ENVIRONMENT})
    // Its typed methods read answers whole and lose the engine's words; the request layer below does not.
    return Reflect.get(docker, 'modem')
  } catch (error) {
    throw new PluginError(
      'ENDPOINT_INVALID',
      `the settings in DOCKER_HOST or DOCKER_CERT_PATH cannot be read: ${messageOf(error)}`,
      {hint: 'correct these variables, or unset them', cause: error},
    )
  }
}

const NOTHING_FROM_ENVIRONMENT = {
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
}

function addressOf(endpoint: Endpoint): object {
  const pool = {keepAlive: true, maxFreeSockets: 4}
  if (endpoint.kind === 'ssh') {
    // The host is for the header alone: the agent makes the connections.
    return {host: 'http://localhost', protocol: 'http', agent: brief(new SshAgent(endpoint, pool))}
  }
  if (endpoint.kind !== 'tcp') {
    const {path: socketPath} = endpoint
    return {host: undefined, socketPath, protocol: 'http', agent: brief(new Agent(pool))}
  }
  const {port, tls} = endpoint
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  if (!tls) return {host: `http://${host}`, port, protocol: 'http', agent: brief(new Agent(pool))}
  const {verify, ...certificates} = tls
  const agent = new TlsAgent({...pool, ...certificates, rejectUnauthorized: verify})
  return {host: `https://${host}`, port, protocol: 'https', agent: brief(agent)}
}

/**
 * The library writes out the options of each request for a debug log that nobody reads, with all that can be reached
 * from them: by way of the agent, every connection and what is under way there. That took longer than all the rest.
 */
function brief<A extends Agent>(agent: A): A {
  return Object.assign(agent, {[inspect.custom]: () => 'Agent'})
}
