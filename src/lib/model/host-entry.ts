import {isIP} from 'node:net'
import {addressOf, parseHost} from './allow-rule.ts'

/** A line of the hosts file of a container. */
export interface HostEntry {
  /** As in an `AllowRule`: in lower case, in ASCII, without the dot at the end. */
  readonly name: string
  /** An IPv4 or IPv6 address in its one spelling, or `host-gateway`: the engine's machine. */
  readonly address: string
}

/**
 * Reads `name:address` or `name:host-gateway`, as docker's `--add-host` does; an IPv6 address may stand in brackets.
 * @throws RangeError with the rest of a sentence about the text
 */
export function parseHostEntry(text: string): HostEntry {
  const colon = text.indexOf(':')
  if (colon === -1) throw new RangeError('has no address: write name:address')
  return {name: readName(text.slice(0, colon)), address: readAddress(text.slice(colon + 1))}
}

function readName(text: string): string {
  if (text === '' || text.includes('*')) throw new RangeError('does not begin with a host name')
  const name = parseHost(text)
  if (isIP(name) !== 0) throw new RangeError('has an address where its name should be')
  return name
}

function readAddress(text: string): string {
  if (text === 'host-gateway') return text
  const [, bracketed] = /^\[(.*:.*)\]$/.exec(text) ?? []
  const address = addressOf(bracketed ?? text)
  if (address !== undefined) return address
  throw new RangeError('has no IP address behind the name, nor host-gateway')
}
