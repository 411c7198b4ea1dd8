import {isJsonObject} from '../../base/json.ts'
import {LEGACY_VERSIONS} from '../relay/hello.ts'
import {isRequest, RPC, type Notification, type Request} from '../wire/jsonrpc.ts'
import {META, metaOf, MODERN_VERSIONS} from '../wire/meta.ts'
import {mirrorFault} from '../wire/mirror.ts'
import type {RequestHeaders} from './mirror-headers.ts'
import type {Refusal} from './refusals.ts'

/**
 * Why a message of a revision without sessions is not taken: it lacks what each of them carries, its headers say
 * something else, or its revision is not spoken (MCP 2026-07-28, base protocol and streamable HTTP). Of a notification,
 * for which no such rule exists, only the revision counts.
 * @param headers undefined where there are none, as over stdio
 */
export function refusalOf(
  message: Request | Notification,
  headers?: RequestHeaders,
): Refusal | undefined {
  const meta = metaOf(message.params)
  const own = meta[META.version]
  if (!isRequest(message)) return unspoken(typeof own === 'string' ? own : headers?.version)
  if (own === undefined) return unspoken(headers?.version) ?? lacking(META.version, 'a string')
  if (typeof own !== 'string') return lacking(META.version, 'a string')
  if (!isJsonObject(meta[META.capabilities])) return lacking(META.capabilities, 'an object')
  const versions = headers && versionFault(own, headers)
  if (versions !== undefined) return mismatch(versions)
  const refusal = unspoken(own)
  if (refusal || !headers) return refusal
  const fault = mirrorFault(message, headers)
  return fault === undefined ? undefined : mismatch(fault)
}

function lacking(key: string, kind: string): Refusal {
  return {code: RPC.invalidParams, message: `params._meta needs ${key}, ${kind}`}
}

function versionFault(own: string, {version, isRepeated}: RequestHeaders): string | undefined {
  if (isRepeated) return 'one of the MCP headers is there more than once'
  if (version === undefined) return 'MCP-Protocol-Version is missing'
  return version === own ? undefined : 'MCP-Protocol-Version is not the version in params._meta'
}

function mismatch(fault: string): Refusal {
  return {code: RPC.headerMismatch, message: `Header mismatch: ${fault}`}
}

function unspoken(requested: string | undefined): Refusal | undefined {
  if (requested === undefined || MODERN_VERSIONS.some(known => known === requested))
    return undefined
  const isLegacy = LEGACY_VERSIONS.some(known => known === requested)
  const why = isLegacy ? 'begins with initialize' : 'is not spoken here'
  return {
    code: RPC.unsupportedVersion,
    message: `MCP ${requested} ${why}`,
    data: {supported: [...MODERN_VERSIONS, ...LEGACY_VERSIONS], requested},
  }
}
