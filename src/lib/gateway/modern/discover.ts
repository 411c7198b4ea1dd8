import {withDeadline} from '../../base/async.ts'
import {PluginError} from '../../base/errors.ts'
import {isJsonObject, objectOf, type Json, type JsonObject} from '../../base/json.ts'
import type {Connection} from '../relay/connection.ts'
import {startError} from '../relay/ended-error.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import {isResult, request, RPC, type ErrorResponse, type Response} from '../wire/jsonrpc.ts'
import {META, MODERN_VERSIONS} from '../wire/meta.ts'

/**
 * Why a server is taken for one of the other era: by what it says; by its saying nothing in time; or since it has
 * troubles that say nothing of its era, so that the other one is worth a try and nothing is to be remembered.
 */
export type WhyNotModern = 'refusal' | 'silence' | 'trouble'

/** The server does not speak the era without `initialize`; it may speak the other one. */
export class NotModern extends Error {
  readonly why: WhyNotModern

  /** @param text one clause that goes on after the server's name */
  constructor(server: string, text: string, why: WhyNotModern = 'refusal') {
    super(`server ${server} ${text}`)
    this.why = why
  }
}

/**
 * What a server of which nothing is known may take to answer `server/discover` once it runs. A legacy one may never
 * do so.
 */
const LONGEST_ANSWER_MS = 10_000

interface DiscoverInput {
  readonly server: string
  /** The entries of `_meta` that say who asks. */
  readonly own: JsonObject
  /** How long it may take to answer, in milliseconds, */
  readonly startTimeoutMs: number
  /** if it is worth that; any other is given 10 s at most. */
  readonly isPatient: boolean
}

/**
 * Finds out whether a server speaks the era without `initialize`, and what it says of itself (MCP 2026-07-28,
 * `server/discover`; versioning, backward compatibility).
 * @returns the result of `server/discover`; without capabilities from a modern server that refuses it
 * @throws NotModern; PluginError when it cannot be told, or when no revision of the protocol is common
 */
export async function discover(connection: Connection, input: DiscoverInput): Promise<JsonObject> {
  const answer = await ask(connection, input)
  const version = mutualVersion(supportedBy(answer))
  if (version === undefined || isResult(answer)) return helloOf(answer, connection, input.server)
  const own = {...input.own, [META.version]: version}
  return helloOf(await ask(connection, {...input, own}), connection, input.server)
}

async function ask(
  connection: Connection,
  {server, own, startTimeoutMs, isPatient}: DiscoverInput,
): Promise<Response> {
  const milliseconds = isPatient ? startTimeoutMs : Math.min(startTimeoutMs, LONGEST_ANSWER_MS)
  const asked = connection.request(request(0, 'server/discover', {_meta: own}))
  const silence = `did not answer server/discover within ${milliseconds / 1000} s`
  return withDeadline(asked, milliseconds, () => new NotModern(server, silence, 'silence')).catch(
    (error: unknown) => {
      // A legacy server may end over a first message that it does not know.
      throw error instanceof PluginError
        ? new NotModern(server, 'ended before it answered server/discover')
        : error
    },
  )
}

function helloOf(answer: Response, connection: Connection, server: string): JsonObject {
  const supported = supportedBy(answer)
  if (supported && mutualVersion(supported) === undefined) throw noCommonVersion(server, supported)
  if (!isResult(answer)) return refusedHello(answer, connection, server)
  if (supported || isJsonObject(answer.result['capabilities'])) return answer.result
  throw new NotModern(server, 'answered server/discover with something else')
}

/** The revisions that a server says it speaks; undefined when its answer does not say so. */
function supportedBy(answer: Response): readonly Json[] | undefined {
  const list = isResult(answer)
    ? answer.result['supportedVersions']
    : answer.error.code === RPC.unsupportedVersion && objectOf(answer.error['data'])['supported']
  return Array.isArray(list) ? list : undefined
}

function mutualVersion(supported: readonly Json[] = []): string | undefined {
  return MODERN_VERSIONS.find(version => supported.includes(version))
}

function noCommonVersion(server: string, supported: readonly Json[]): Error {
  if (LEGACY_VERSIONS.some(version => supported.includes(version))) {
    return new NotModern(server, 'speaks only revisions with initialize')
  }
  return startError(server, " speaks none of the protocol's revisions that this gateway speaks")
}

/** Refusals of whoever is not let in, or not there: they say nothing of the era, and the other one fares no better. */
function isClosed({unreachable, httpStatus}: JsonObject): boolean {
  return unreachable === true || httpStatus === 401 || httpStatus === 403 || httpStatus === 429
}

function refusedHello({error}: ErrorResponse, connection: Connection, server: string): JsonObject {
  // Whoever knows these codes is modern, and answers other requests perhaps.
  if (error.code === RPC.headerMismatch || error.code === RPC.missingCapability) {
    return {capabilities: {}}
  }
  if (error.code === RPC.unsupportedVersion && supportedBy({jsonrpc: '2.0', id: 0, error})) {
    return {capabilities: {}}
  }
  const data = objectOf(error['data'])
  const why = connection.redact(error.message)
  if (isClosed(data)) throw startError(server, ` failed: ${why}`)
  const {httpStatus} = data
  const isTroubled = typeof httpStatus === 'number' && httpStatus >= 500
  throw new NotModern(server, `refused server/discover: ${why}`, isTroubled ? 'trouble' : 'refusal')
}
