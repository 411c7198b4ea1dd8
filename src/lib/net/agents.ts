import {Agent as HttpAgent, type ClientRequest} from 'node:http'
import {Agent as HttpsAgent} from 'node:https'
import type {LookupFunction, Socket} from 'node:net'
import {getCACertificates} from 'node:tls'
import {PluginError} from '../base/errors.ts'

/** How this machine reaches others. */
export interface Outgoing {
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count, in capitals or not. */
  readonly env: NodeJS.ProcessEnv
  /** Certificates that count besides those that Node knows, in PEM. */
  readonly ca?: string | undefined
}

/** This machine as an address names it: a proxy would take it for its own. */
const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/u

/** Many servers close what is idle for five seconds, and a request that is sent at that very moment is lost. */
const IDLE_MS = 2000

/**
 * The agent for requests to an address: through the proxy that the environment names for it, or directly, which is how
 * this machine itself is reached whatever the environment says. Connections are kept for reuse for a moment; `destroy()`
 * it when no more requests follow.
 * @param lookup resolves names for direct connections, and can refuse addresses; a proxy resolves them itself
 * @throws PluginError USAGE for a proxy that is spoken to in another way than HTTP
 */
export function outgoingAgent(url: URL, {env, ca}: Outgoing, lookup?: LookupFunction): HttpAgent {
  const proxyEnv = LOOPBACK.test(url.hostname) ? {} : withProxy(url, env)
  const options = {keepAlive: true, proxyEnv, ...(lookup && {lookup})}
  if (url.protocol !== 'https:') return briefly(new HttpAgent(options))
  return briefly(
    new HttpsAgent({
      ...options,
      ...(ca !== undefined && {ca: [...getCACertificates('default'), ca]}),
    }),
  )
}

/** Node's own option would also be the limit of a proxy that is slow to connect. */
function briefly(agent: HttpAgent): HttpAgent {
  const keep = agent.keepSocketAlive.bind(agent)
  const reuse = agent.reuseSocket.bind(agent)
  return Object.assign(agent, {
    keepSocketAlive(socket: Socket): unknown {
      const isKept: unknown = keep(socket)
      // Whoever is silent for so long and has no request is ended by the agent.
      socket.setTimeout(Math.min(socket.timeout || IDLE_MS, IDLE_MS))
      return isKept
    },
    reuseSocket(socket: Socket, request: ClientRequest): void {
      socket.setTimeout(0)
      reuse(socket, request)
    },
  })
}

/** The environment with the proxy of an address as Node wants it: any other it would go around without a word. */
function withProxy(url: URL, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const upper = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const name = [upper.toLowerCase(), upper].find(each => env[each])
  const written = name === undefined ? '' : (env[name] ?? '').trim()
  if (name === undefined || written === '') return env
  const [, scheme] = /^([^:/?#@]*):\/\//u.exec(written) ?? []
  const proxy = scheme === undefined ? `http://${written}` : written
  if (URL.canParse(proxy) && /^https?$/iu.test(scheme ?? 'http')) {
    return {...env, [name]: new URL(proxy).href}
  }
  if (isExcepted(url.hostname, env['no_proxy'] || env['NO_PROXY'] || '')) {
    return {...env, [upper]: '', [upper.toLowerCase()]: ''}
  }
  const how =
    scheme === undefined ? 'is no address' : `has an address that begins with ${scheme}://`
  throw new PluginError('USAGE', `${name} ${how}, so ${url.host} cannot be reached through it`, {
    hint: `write the proxy as http://host:port in ${name} (or network.proxy of the gateway file), or add ${url.hostname} to NO_PROXY`,
  })
}

/** Whether a host is reached without the proxy: a name, what it ends with, or all. */
function isExcepted(hostname: string, noProxy: string): boolean {
  return noProxy
    .split(/[,\s]+/u)
    .map(part => part.toLowerCase().replace(/^\*(?=\.)/u, ''))
    .some(
      part =>
        part === '*' || part === hostname || (part.startsWith('.') && hostname.endsWith(part)),
    )
}
