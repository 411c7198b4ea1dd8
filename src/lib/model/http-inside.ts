import type {AllowRule} from './allow-rule.ts'

/** Where a server in a container serves MCP over HTTP, on the container's own loopback. */
export interface HttpInside {
  readonly port: number
  /** With the query, if there is one. */
  readonly path: string
  readonly transport: 'streamable' | 'sse'
}

const LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):(\d+)(?=[/?#]|$)/i

/**
 * Tells whether the address of an entry that has an image, too, is one inside its container: plain HTTP on the
 * loopback, with a port. With any other address the server speaks over stdio.
 * @param url evaluated: without `{{…}}`
 * @throws RangeError with the rest of a sentence about the address
 */
export function httpInside(url: string, transportType: string | undefined): HttpInside | undefined {
  const [, digits] = LOOPBACK.exec(url) ?? []
  if (digits === undefined) return undefined
  const port = Number(digits)
  const parsed = URL.parse(url)
  if (!parsed || port === 0) throw new RangeError('has a port that is not from 1 to 65535')
  return {
    port,
    path: `${parsed.pathname}${parsed.search}`,
    transport: transportType === 'sse' ? 'sse' : 'streamable',
  }
}

/** Where a container that may reach some hosts finds the gateway's HTTP proxy. */
export const PROXY_PORT = 3128

/**
 * Compares what must listen in one container: the server itself, and the gateway, which takes its connections to
 * allowed hosts on their ports and has a proxy there.
 * @returns the key of the entry that is in the way, and the rest of a sentence about it; undefined when all have
 * their place
 */
export function portClash(
  http: HttpInside | undefined,
  rules: readonly AllowRule[],
): {readonly path: string; readonly message: string} | undefined {
  if (http?.port === PROXY_PORT) {
    const message = `names port ${PROXY_PORT}, which the gateway's proxy has in the container`
    return {path: 'remote.url', message}
  }
  for (const [index, {host, port, text}] of rules.entries()) {
    const path = `allowHosts.${index}`
    if (port === http?.port) {
      const message = `${JSON.stringify(text)} needs port ${port} in the container, where the server listens, as its remote.url says`
      return {path, message}
    }
    if (port === PROXY_PORT && isHere(host)) {
      const message = `${JSON.stringify(text)} needs port ${port} in the container, which the gateway's proxy has: name a host`
      return {path, message}
    }
  }
  return undefined
}

/** Whether a rule's host is no other machine for certain: its connections could be meant for the proxy. */
function isHere(host: string): boolean {
  return host === '*' || host === '::1' || host.startsWith('127.')
}
