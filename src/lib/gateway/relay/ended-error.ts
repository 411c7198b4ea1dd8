import {PluginError} from '../../base/errors.ts'
import type {CloseReason} from '../upstream/upstream.ts'

/**
 * Why a server could not be started, or is not there any more, for whoever it has done nothing for.
 * @param why what goes on after the server's name
 */
export function startError(server: string, why: string, cause?: unknown): PluginError {
  return new PluginError('SERVER_START_FAILED', `server ${server}${why}`, {
    hint: `see its needs with: docker mcp server inspect ${server}`,
    ...(cause !== undefined && {cause}),
  })
}

/** Why there is no way to a server that is somewhere else. @param why a clause that names its place */
export function unreachedError(server: string, why: string): PluginError {
  return new PluginError('SERVER_START_FAILED', `server ${server}: ${why}`, {
    hint: 'check its address, and how this machine reaches it (proxy, certificates)',
  })
}

/** Why a server is gone, in words that name it, for whoever had not sent it anything yet. */
export function endedError(server: string, reason: CloseReason): PluginError {
  return startError(server, ` ${ending(reason)}`)
}

/** The same for whoever had sent it a request, which it may have done or not. */
export function unansweredError(server: string, reason: CloseReason): PluginError {
  return new PluginError('SERVER_ENDED', `server ${server} ${ending(reason)}`, {
    hint: 'it may have done what it was asked: look, and then ask again',
  })
}

function ending({what, stderr, junk}: CloseReason): string {
  const said = stderr.length > 0 ? `; its last words: ${stderr.slice(-3).join(' | ')}` : ''
  const printed =
    junk === undefined
      ? ''
      : `; on stdout it printed ${JSON.stringify(junk)}, which is no MCP message`
  return `${what}${said}${printed}`
}
