import {lookup, type LookupAddress} from 'node:dns'
import type {LookupFunction} from 'node:net'
import {networkInterfaces} from 'node:os'
import {PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'
import {addressOf} from '../model/allow-rule.ts'
import {isOwnAddress, whyNotPublic} from './addresses.ts'

/** Names that never belong to the public internet, whatever they resolve to: also where a proxy resolves them. */
const INNER_NAMES =
  /(?:^|\.)(?:localhost|localdomain|local|internal|home\.arpa|lan|cluster\.local|svc|metadata)$/

/** The one kind of address that nobody may allow: whoever reads it can become the machine. */
const METADATA = "a cloud's metadata service"

/**
 * Refuses an address by what it says itself: its scheme, a login in it, its host's name or literal address.
 * @param allowed hosts whose addresses may be private and that may be asked without TLS: `name`, `*.name` or an address
 * @throws PluginError ADDRESS_REFUSED
 */
export function checkPublicUrl(url: URL, allowed: readonly string[] = []): void {
  const host = hostOf(url)
  const isAllowed = isAllowedHost(host, allowed)
  if (url.username !== '' || url.password !== '') {
    throw refused(host, 'there is a login in its address, which others could read', NO_LOGIN)
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed)) {
    throw refused(host, `it is to be asked over ${url.protocol.slice(0, -1)}`, WITH_TLS)
  }
  const why = whyNotAddress(host, isAllowed)
  if (why !== undefined) throw refused(host, `its address is ${why}`)
  if (!isAllowed && INNER_NAMES.test(host)) {
    throw refused(host, 'it is a name of this machine or its own network')
  }
}

/**
 * Looks a host's name up as Node does, at the moment of the connection, and gives its addresses only if all may be
 * connected to. Other names, such as a proxy's, are not judged: the user named those.
 */
export function judgedLookup(url: URL, allowed: readonly string[] = []): LookupFunction {
  const host = hostOf(url)
  const isAllowed = isAllowedHost(host, allowed)
  return (name, options, give) => {
    lookup(name, {...options, all: true}, (error, found) => {
      const refusal = error ?? (name === url.hostname ? refusalIn(host, found, isAllowed) : null)
      const [first] = found ?? []
      if (refusal || !first) give(refusal ?? new Error(`${name} has no address`), '')
      else if (options.all) give(null, found)
      else give(null, first.address, first.family)
    })
  }
}

function refusalIn(
  host: string,
  found: readonly LookupAddress[],
  isAllowed: boolean,
): PluginError | null {
  for (const {address} of found) {
    const why = whyNotAddress(address, isAllowed)
    if (why !== undefined) return refused(host, `its address ${address} is ${why}`)
  }
  return null
}

/** @returns undefined for a name, and for an address that may be connected to */
function whyNotAddress(text: string, isAllowed: boolean): string | undefined {
  const address = addressOf(text)
  if (address === undefined) return undefined
  const why = whyNotPublic(address)
  if (isAllowed) return why === METADATA ? why : undefined
  if (why !== undefined) return why
  // What listens on this machine is not the internet's, not even at a public address.
  return isOwnAddress(address, networkInterfaces()) ? 'one of this machine' : undefined
}

function isAllowedHost(host: string, allowed: readonly string[]): boolean {
  return allowed.some(pattern => {
    const text = pattern.toLowerCase()
    if (text === '*' || text === host || addressOf(text) === host) return true
    return text.startsWith('*.') && host.endsWith(text.slice(1))
  })
}

/** The host of an address in the one spelling that rules have: no brackets, no dot at its end. */
function hostOf(url: URL): string {
  const bare = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  return addressOf(bare) ?? bare.toLowerCase()
}

const NO_LOGIN = 'take the login out of the address'
const WITH_TLS =
  'write https://, or name the host in catalogs.allowPrivateHosts of the gateway file'
const ALLOW =
  'if you trust what is there, name the host in catalogs.allowPrivateHosts of the gateway file'

function refused(host: string, why: string, hint = ALLOW): PluginError {
  return new PluginError('ADDRESS_REFUSED', `${oneLine(host)} is not asked: ${why}`, {hint})
}
