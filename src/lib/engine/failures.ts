import {messageOf, PluginError, systemCode} from '../base/errors.ts'
import type {Endpoint} from './endpoint.ts'

const START = 'start the engine (Docker Desktop, or `sudo systemctl start docker`)'
const CONTEXTS = '`docker context ls` shows the other endpoints'

/** What a connection error means to a person, by the system's or the TLS library's code. */
const REASONS: Readonly<Record<string, {why: string; hint: string}>> = {
  ENOENT: {why: 'there is no such socket', hint: `${START}; ${CONTEXTS}`},
  ECONNREFUSED: {why: 'nothing listens there', hint: `${START}; ${CONTEXTS}`},
  EACCES: {
    why: 'this user may not open the socket',
    hint: 'add the user to the docker group (`sudo usermod -aG docker "$USER"`) and sign in again',
  },
  ENOTFOUND: {why: 'the host name is not known', hint: `correct the host; ${CONTEXTS}`},
  EAI_AGAIN: {why: 'the host name could not be looked up', hint: `see to the network; ${CONTEXTS}`},
  EHOSTUNREACH: {why: 'the host is not reachable', hint: `see to the network; ${CONTEXTS}`},
  ENETUNREACH: {why: 'the network is not reachable', hint: `see to the network; ${CONTEXTS}`},
  ETIMEDOUT: {why: 'the host does not answer', hint: `see to the network; ${CONTEXTS}`},
  ECONNRESET: {why: 'the connection was cut off', hint: `${START}; ${CONTEXTS}`},
}
const TLS_CODE = /^(ERR_(TLS|SSL|OSSL)_|EPROTO|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/
const TLS_HINT = `check the certificates of the endpoint (DOCKER_CERT_PATH, or the context's); ${CONTEXTS}`

/** The endpoint in words, with the setting that chose it. */
export function endpointText(endpoint: Endpoint): string {
  const address =
    endpoint.kind === 'tcp'
      ? `tcp://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`
      : `${endpoint.kind}://${endpoint.path}`
  return `${address} (from ${endpoint.from})`
}

/** The error for an engine that could not be asked: which endpoint, who chose it, why, and what to do. */
export function unreachable(endpoint: Endpoint, error: unknown): PluginError {
  const code = systemCode(error) ?? ''
  // Node's HTTP parser found no HTTP.
  if (code.startsWith('HPE_')) return notAnEngine(endpoint, `it does not speak HTTP (${code})`)
  const reason = REASONS[code === 'EPERM' ? 'EACCES' : code]
  const why = reason
    ? `${reason.why} (${code})`
    : TLS_CODE.test(code)
      ? `the secure connection failed: ${messageOf(error)} (${code})`
      : messageOf(error)
  const hint = reason?.hint ?? (TLS_CODE.test(code) ? TLS_HINT : `${START}; ${CONTEXTS}`)
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `no Docker engine at ${endpointText(endpoint)}: ${why}`,
    {hint, cause: error},
  )
}

/** The error for a host that takes the connection and then says nothing. */
export function silent(endpoint: Endpoint, milliseconds: number): PluginError {
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `no Docker engine at ${endpointText(endpoint)}: no answer within ${milliseconds / 1000} seconds`,
    {hint: `restart the engine, or choose another endpoint; ${CONTEXTS}`},
  )
}

/** The error for something that answers, but not as a Docker engine does. */
export function notAnEngine(endpoint: Endpoint, said: string): PluginError {
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `what answers at ${endpointText(endpoint)} is not a Docker engine: ${said}`,
    {hint: `check host, port and whether it needs TLS; ${CONTEXTS}`},
  )
}
