import {PluginError} from '../../base/errors.ts'
import type {Redaction} from '../redaction.ts'
import type {Message} from '../wire/jsonrpc.ts'
import {maskedMember} from './mask-members.ts'
import type {MessageListener, Openers, OpenUpstream} from './upstream.ts'

/**
 * Masks secrets in all that a server says to clients: results, errors, requests, notifications; in texts, in the names of
 * members that the server chooses, and in encoded data as far as its forms are known. Numbers pass, and so does what makes
 * a message: its id, its method, and words of the protocol, of which a value may be one. When it is switched off, messages pass as they are, and only the reasons are masked why a server cannot be
 * opened: those are words of ours.
 * @param input read anew for each opening
 */
export function maskMessages(
  openers: Openers,
  input: {readonly maskSecrets: boolean; readonly redaction: Pick<Redaction, 'mask'>},
): Openers {
  const mask = (text: string) => input.redaction.mask(text)
  const told = (error: unknown) => (error instanceof PluginError ? maskedError(error, mask) : error)
  const masked =
    (open: OpenUpstream): OpenUpstream =>
    async opening => {
      const {onMessage} = opening
      const heard: MessageListener = (message, origin) =>
        onMessage(maskedMessage(message, mask), origin)
      try {
        return await open(input.maskSecrets ? {...opening, onMessage: heard} : opening)
      } catch (error) {
        throw told(error)
      }
    }
  const {legacy, modern} = openers
  return {
    legacy: masked(legacy),
    modern: modern && masked(modern),
    get tellsOrigin() {
      return openers.tellsOrigin
    },
  }
}

/** An error as it may be told: what it quotes of the engine or of a server may be a secret. */
function maskedError(error: PluginError, mask: (text: string) => string): PluginError {
  const {code, message, hint} = error
  const masked = [mask(message), hint === undefined ? hint : mask(hint)] as const
  if (masked[0] === message && masked[1] === hint) return error
  return new PluginError(code, masked[0], masked[1] === undefined ? {} : {hint: masked[1]})
}

function maskedMessage(message: Message, mask: (text: string) => string): Message {
  const members = Object.entries(message).filter(([name]) => !ENVELOPE.has(name))
  const masked = members.map(
    ([name, value]) => [name, maskedMember(name, value ?? null, mask)] as const,
  )
  return {...message, ...Object.fromEntries(masked)}
}

const ENVELOPE: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method'])
