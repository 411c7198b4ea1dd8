import {parseHost} from '../model/allow-rule.ts'

/** Where a request to a proxy is to go. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** What a request to a proxy is for, with what the other side is to be asked. */
export interface HttpTarget extends Target {
  /** The authority of the URL as it was written, for the header Host. */
  readonly authority: string
  /** Path and query. */
  readonly path: string
}

const HTTP_PORT = 80

/**
 * Reads the target of CONNECT: `host:port` (RFC 9112, 3.2.3).
 * @throws RangeError with the rest of a sentence
 */
export function parseConnectTarget(text: string): Target {
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || port === undefined) throw new RangeError('is not host:port')
  return {host: parseHost(host), port: portOf(port)}
}

/**
 * Reads the absolute form of a request's target: `http://host:port/path` (RFC 9112, 3.2.2).
 * @throws RangeError with the rest of a sentence
 */
export function parseHttpTarget(text: string, method: string): HttpTarget {
  const [, authority, path = ''] = /^http:\/\/([^/?#]*)([^#]*)$/i.exec(text) ?? []
  if (authority === undefined) throw new RangeError('is not an http:// URL')
  if (authority.includes('@')) throw new RangeError('has a user in its URL')
  const [, host = authority, port] = /^(.*):(\d{1,5})?$/.exec(authority) ?? []
  const target = {
    host: parseHost(isBareIPv6(authority) ? authority : host),
    port: port === undefined ? HTTP_PORT : portOf(port),
  }
  return {...target, authority, path: pathOf(path, method)}
}

function isBareIPv6(authority: string): boolean {
  return authority.endsWith(']')
}

function portOf(text: string): number {
  const port = Number(text)
  if (port >= 1 && port <= 65_535) return port
  throw new RangeError('has a port that is not a number from 1 to 65535')
}

/** A URL without a path means the root, and the whole host for OPTIONS (RFC 9112, 3.2.4). */
function pathOf(path: string, method: string): string {
  if (path === '' && method === 'OPTIONS') return '*'
  return path.startsWith('/') ? path : `/${path}`
}
