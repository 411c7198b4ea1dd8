import {PluginError} from '../base/errors.ts'

/** A host address in docker's notation, taken apart. */
export type Host =
  | {readonly kind: 'unix' | 'npipe'; readonly path: string}
  | {readonly kind: 'tcp'; readonly host: string; readonly port: number}

/**
 * Reads a host address as docker takes it from `-H`, `DOCKER_HOST` and contexts (docker/cli, `opts/hosts.go`):
 * `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port`, and without a scheme `host`, `host:port` and `:port`.
 * What is left out is `localhost`, port 2375, and the platform's own socket.
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
    case 'ssh':
      throw refuse('is reached over ssh, which is not supported yet', SSH_HINT)
    default:
      throw refuse('has a scheme that is not supported', FORMS_HINT)
  }
}

const FORMS_HINT = 'use unix:///path/to.sock, npipe:////./pipe/name (Windows) or tcp://host:port'
const SSH_HINT =
  'forward the socket yourself (ssh -N -L /tmp/docker.sock:/var/run/docker.sock user@host) ' +
  'and set DOCKER_HOST=unix:///tmp/docker.sock'

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

/** An address may carry a user and a password, which belong into no message. */
function withoutUser(text: string): string {
  return text.replace(/^((?:[^:/]*:\/\/)?).*@/su, '$1…@')
}
