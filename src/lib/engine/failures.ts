import {existsSync} from 'node:fs'
import {messageOf, PluginError, systemCode} from '../base/errors.ts'
import type {Endpoint} from './endpoint.ts'
import type {SshHost} from './host.ts'
import {NO_SSH, SshFailure} from './ssh.ts'

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
  return `${addressText(endpoint)} (from ${endpoint.from})`
}

/** The address of an endpoint in docker's notation. */
export function addressText(endpoint: Endpoint): string {
  if (endpoint.kind !== 'tcp' && endpoint.kind !== 'ssh') {
    return `${endpoint.kind}://${endpoint.path}`
  }
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  if (endpoint.kind === 'tcp') return `tcp://${host}:${endpoint.port}`
  const user = endpoint.user === undefined ? '' : `${endpoint.user}@`
  const port = endpoint.port === undefined ? '' : `:${endpoint.port}`
  return `ssh://${user}${host}${port}${endpoint.path ?? ''}`
}

/** The error for an engine that could not be asked: which endpoint, who chose it, why, and what to do. */
export function unreachable(endpoint: Endpoint, error: unknown): PluginError {
  if (error instanceof SshFailure && endpoint.kind === 'ssh') return sshFailed(endpoint, error)
  const code = systemCode(error) ?? ''
  // Node's HTTP parser found no HTTP.
  if (code.startsWith('HPE_')) return notAnEngine(endpoint, `it does not speak HTTP (${code})`)
  const reason = REASONS[code === 'EPERM' ? 'EACCES' : code]
  const why = reason
    ? `${reason.why} (${code})`
    : TLS_CODE.test(code)
      ? `the secure connection failed: ${messageOf(error)} (${code})`
      : messageOf(error)
  const hint =
    otherHint(endpoint) ??
    reason?.hint ??
    (TLS_CODE.test(code) ? TLS_HINT : `${START}; ${CONTEXTS}`)
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `no Docker engine at ${endpointText(endpoint)}: ${why}`,
    {hint, cause: error},
  )
}

/** An engine without root is not at the place where docker looks by itself. */
function otherHint(endpoint: Endpoint): string | undefined {
  if (endpoint.kind !== 'unix') return undefined
  const other = endpoint.others?.find(path => existsSync(path))
  return other && `there is one of this user's at ${other}: set DOCKER_HOST=unix://${other}`
}

function sshFailed(endpoint: Endpoint & SshHost, failure: SshFailure): PluginError {
  const {user, host, port} = endpoint
  const login = [...(port === undefined ? [] : ['-p', port]), user ? `${user}@${host}` : host]
  return new PluginError(
    'ENGINE_UNREACHABLE',
    `no Docker engine at ${endpointText(endpoint)}: ${failure.message}`,
    {hint: sshHint(failure, `ssh ${login.join(' ')}`), cause: failure},
  )
}

/** @param signIn the command that a person types to sign in there */
function sshHint({message, exitCode}: SshFailure, signIn: string): string {
  if (message === NO_SSH) return 'install the OpenSSH client, or choose an endpoint without ssh'
  if (/host key verification failed/i.test(message)) {
    return `check the key of that host and accept it once by hand: ${signIn}`
  }
  if (/permission denied \(/i.test(message)) {
    return `ssh must get in without asking, by a key that its agent or ~/.ssh has; try: ${signIn}`
  }
  if (exitCode === 127) return `install docker there, in the PATH that this shows: ${signIn} env`
  return `see what this says: ${signIn} docker version; ${CONTEXTS}`
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
