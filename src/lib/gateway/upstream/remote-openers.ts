import {messageOf} from '../../base/errors.ts'
import type {SecretValue} from '../../model/expand.ts'
import {expandHeaders} from '../../model/remote-headers.ts'
import type {RemoteSpec} from '../../model/server.ts'
import type {Outgoing} from '../../net/agents.ts'
import type {Audit} from '../../secrets/audit.ts'
import type {SecretSource} from '../../secrets/source.ts'
import type {Redaction} from '../redaction.ts'
import {startError} from '../relay/ended-error.ts'
import {secretValues} from './delivery.ts'
import type {SizeLimit} from './oversize.ts'
import {RemoteUpstream} from './remote.ts'
import {AutoUpstream} from './remote-auto.ts'
import {RemoteModern} from './remote-modern.ts'
import {SseUpstream} from './remote-sse.ts'
import type {RemoteInput} from './remote-wire.ts'
import {secretBook} from './secret-book.ts'
import type {Openers, OpenUpstream, Upstream} from './upstream.ts'

export interface RemoteOpenersInput {
  readonly secrets: SecretSource
  /** Told of each secret before its server has it. */
  readonly audit: Audit
  /** Masks the secrets of all servers, and what they were before; learns those of each server that is opened. */
  readonly redaction: Redaction
  /** How this machine reaches others; without it, directly. */
  readonly outgoing?: Outgoing | undefined
}

/**
 * How a server is opened that somebody else runs. One whose transport nobody says shows it when it is opened.
 * @param input read anew for each opening
 */
export function remoteOpeners(
  spec: RemoteSpec,
  input: RemoteOpenersInput,
  limit: SizeLimit,
): Openers {
  const opener =
    (make: (remote: RemoteInput) => Upstream): OpenUpstream =>
    async ({onMessage}) =>
      make({...limit, ...(await connectionOf(spec, input)), onMessage})
  const modern = opener(remote => new RemoteModern(remote))
  switch (spec.transport) {
    case 'sse':
      return {
        legacy: opener(remote => new SseUpstream(remote)),
        modern: undefined,
        tellsOrigin: false,
      }
    case 'streamable':
      return {legacy: opener(remote => new RemoteUpstream(remote)), modern, tellsOrigin: true}
    case 'auto': {
      let isSse = false
      const onTransport = (transport: 'streamable' | 'sse') => {
        isSse = transport === 'sse'
      }
      return {
        legacy: opener(remote => new AutoUpstream(remote, onTransport)),
        modern,
        get tellsOrigin() {
          return !isSse
        },
      }
    }
  }
}

/** @throws PluginError when a secret is missing, or no header can hold it */
async function connectionOf(spec: RemoteSpec, input: RemoteOpenersInput) {
  const {secrets, outgoing, redaction} = input
  const book = secretBook(spec, input)
  try {
    const values = textValues(secretValues(spec, secrets))
    redaction.learn(values.values())
    const headers = headersOf(spec, values)
    await book.given()
    return {url: spec.url, headers, redact: (text: string) => redaction.mask(text), outgoing}
  } catch (error) {
    await book.failed()
    throw error
  }
}

/** None of a remote server's secrets is a file: those that are no text are refused before. */
function textValues(values: ReadonlyMap<string, SecretValue>): ReadonlyMap<string, string> {
  return new Map(
    [...values].flatMap(([env, value]) => (typeof value === 'string' ? [[env, value]] : [])),
  )
}

function headersOf(spec: RemoteSpec, values: ReadonlyMap<string, string>): RemoteInput['headers'] {
  try {
    return expandHeaders(spec, values)
  } catch (error) {
    throw startError(spec.name, ` ${messageOf(error)}`)
  }
}
