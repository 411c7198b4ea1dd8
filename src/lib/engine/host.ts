import {PluginError} from '../base/errors.ts'

/** A host address in docker's notation, taken apart. */
export type Host =
  | {readonly kind: 'unix' | 'npipe'; readonly path: string}
  | {readonly kind: 'tcp'; readonly host: string; readonly port: number}
  | SshHost

/** Where the program ssh connects to; what is left out is for its own configuration to say. */
export interface SshHost {
  readonly kind: 'ssh'
  readonly user?: string
  readonly host: string
  readonly port?: number
  /** The engine's socket over there, where it is not the one that docker uses there by itself. */
  readonly path?: string
}

/**
 * Reads a host address as docker takes it from `-H`, `DOCKER_HOST` and contexts (docker/cli, `opts/hosts.go`,
 * `cli/connhelper`): `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port`, `ssh://[user@]host[:port][/path]`, and
 * without a scheme `host`, `host:port` and `:port`. What is left out is `localhost`, port 2375, and the platform's own
 * socket.
 * @param text the address, as given; blank means the platform's own socket
 * @param given `from`: in words where it was given, for errors; `platform`: whose sockets can be used
 * @throws PluginError ENDPOINT_INVALID for a scheme that is not supported here, and for anything else
 */
export function parseHost(text: string, given: {from: string; platform: NodeJS.Platform}): Host {
  const [, scheme = 'tcp', rest = ''] = /^(?:([^:/]*):\/\/)?(.*)$/su.exec(text.trim()) ?? []
  const refuse = (why: string, hint: string) =>
    new PluginError(
      'ENDPOINT_INVALID',
      `the Docker host ${JSON.stringify(withoutUser(text))} (${given.from}) ${why}`,
      {hint},
    )
  if (text.trim() === '') return defaultHost(given.platform)
  switch (scheme) {
    case 'unix':
    case 'npipe': {
      const own = defaultHost(given.platform)
      if (own.kind !== scheme) throw refuse(`cannot be used on ${given.platform}`, FORMS_HINT)
      if (/\p{Cc}/u.test(rest)) throw refuse('has control characters in its path', FORMS_HINT)
      return rest === '' ? own : {kind: scheme, path: rest}
    }
    case 'tcp': {
      const address = parseAddress(rest)
      if (!address) throw refuse('is not an address', FORMS_HINT)
      return {kind: 'tcp', ...address}
    }
    case 'ssh': {
      if (/^[^@/]*:[^@/]*@/u.test(rest)) throw refuse('has a password in it', PASSWORD_HINT)
      const address = parseSsh(rest)
      if (!address) throw refuse('is not an address for ssh', SSH_HINT)
      return address
    }
    default:
      throw refuse('has a scheme that is not supported', FORMS_HINT)
  }
}

const FORMS_HINT =
  'use unix:///path/to.sock, npipe:////./pipe/name (Windows), tcp://host:port or ssh://user@host'
const SSH_HINT = 'use ssh://user@host, ssh://user@host:port or ssh://user@host/path/to/docker.sock'
const PASSWORD_HINT = 'leave it out, and let ssh sign in with a key'

/** The socket that an engine on this platform listens on unless told otherwise. */
function defaultHost(platform: NodeJS.Platform): Host {
  return platform === 'win32'
    ? {kind: 'npipe', path: '//./pipe/docker_engine'}
    : {kind: 'unix', path: '/var/run/docker.sock'}
}

function parseAddress(text: string): {host: string; port: number} | undefined {
  const match = /^(?:\[([\da-f:.]+(?:%[\w.-]+)?)\](?=:)|([\w.-]*))(?::(\d{1,5}))?\/?$/iu.exec(text)
  if (!match) return undefined
  const port = Number(match[3] ?? 2375)
  if (port < 1 || port > 65_535) return undefined
  return {host: match[1] ?? (match[2] || 'localhost'), port}
}

/** The host may be a name that only ssh's configuration knows. */
const SSH_ADDRESS =
  /^(?:([^@/]+)@)?(?:\[([\da-f:.]+(?:%[\w.-]+)?)\]|(\w[\w.-]*))(?::(\d{1,5}))?(\/[^?#]*)?$/iu
/** No option of ssh, and nothing that a shell takes apart: a `ProxyCommand` of ssh's configuration may hand it to one. */
const SSH_USER = /^[\w.+][\w.+@\\-]*$/u

function parseSsh(text: string): SshHost | undefined {
  const match = SSH_ADDRESS.exec(text)
  if (!match) return undefined
  const [, user, address, name = '', port] = match
  const [login, path] = [decoded(user), decoded(match[5])]
  if (login === null || path === null || (login !== undefined && !SSH_USER.test(login)))
    return undefined
  if (path !== undefined && /\p{Cc}/u.test(path)) return undefined
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return undefined
  return {
    kind: 'ssh',
    ...(login !== undefined && {user: login}),
    host: address ?? name,
    ...(port !== undefined && {port: Number(port)}),
    ...(path !== undefined && /[^/]/.test(path) && {path}),
  }
}

/** A part of a URL as it is meant; null when it is not encoded as such parts are. */
function decoded(part: string | undefined): string | undefined | null {
  try {
    return part === undefined ? undefined : decodeURIComponent(part)
  } catch {
    return null
  }
}

/** An address may carry a user and a password, which belong into no message. */
function withoutUser(text: string): string {
  return text.replace(/^((?:[^:/]*:\/\/)?).*@/su, '$1…@')
}
