import {isIP, isIPv4, isIPv6} from 'node:net'
import {domainToASCII} from 'node:url'

/** One place outside that a server may connect to: an item of `allowHosts`. */
export interface AllowRule {
  /** In small letters and without a dot at its end: a name, `*.name`, `*`, or an address as {@link addressOf} writes it. */
  readonly host: string
  readonly port: number
  /** What it is said to be for. TCP carries all of them, so it decides nothing. */
  readonly protocol: Protocol | undefined
  /** The rule as it was written. */
  readonly text: string
}

type Protocol = 'tcp' | 'http' | 'https'

const PROTOCOLS: readonly Protocol[] = ['tcp', 'http', 'https']
/** RFC 1035, 2.3.4. */
const LONGEST_NAME = 253
const LABEL = /^[a-z0-9_-]{1,63}$/
/** Programs take such a name for an IPv4 address, each in its own way (WHATWG URL, "ends in a number"). */
const NUMBER_LABEL = /^(?:\d+|0x[\da-f]*)$/

/**
 * Reads `host:port`, with `/tcp`, `/http` or `/https` behind it or not. The host is a name, `*.name` for every name
 * below it, `*` for every name, an IPv4 address, or an IPv6 address in brackets.
 * @throws RangeError with the rest of a sentence that begins with where the text stands: "has no port: …"
 */
export function parseAllowRule(text: string): AllowRule {
  if (text.includes('://')) throw new RangeError('is a URL: write host:port')
  const slash = text.indexOf('/')
  const place = slash === -1 ? text : text.slice(0, slash)
  const protocol = slash === -1 ? undefined : parseProtocol(text.slice(slash + 1))
  if (isIPv6(place)) throw new RangeError('is an IPv6 address without a port: write [address]:port')
  const colon = place.endsWith(']') ? -1 : place.lastIndexOf(':')
  if (colon === -1) throw new RangeError('has no port: write host:port')
  const port = parsePort(place.slice(colon + 1))
  return {host: parseRuleHost(place.slice(0, colon)), port, protocol, text}
}

/**
 * Reads the host of an address of the network: a name, an IPv4 address, or an IPv6 address in brackets. What
 * `isIP` of node:net does not know is a name, and a name that another program could read as an address is refused.
 * @returns the name in small letters, in ASCII and without a dot at its end, or the address as {@link addressOf} does
 * @throws RangeError with the rest of a sentence: "has no host: …"
 */
export function parseHost(text: string): string {
  if (text === '') throw new RangeError('has no host: write host:port')
  if (text.startsWith('[') && text.endsWith(']')) return parseBracketed(text.slice(1, -1))
  if (text.includes(':')) {
    throw new RangeError('has a colon in its host: write an IPv6 address as [address]:port')
  }
  return isIPv4(text) ? text : parseName(text)
}

/**
 * The one spelling of an address: IPv4 in dotted decimals, also for an IPv6 address that only maps one (RFC 4291,
 * 2.5.5.2), IPv6 as RFC 5952 has it. An address with a zone (`%eth0`) belongs to one machine and is none of these.
 * @returns undefined for a text that is no address
 */
export function addressOf(text: string): string | undefined {
  if (isIPv4(text)) return text
  if (!isIPv6(text) || text.includes('%')) return undefined
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(address) ?? []
  if (high === undefined || low === undefined) return address
  return [high, low].flatMap(hex => [parseInt(hex, 16) >> 8, parseInt(hex, 16) & 255]).join('.')
}

/** Whether a server may look this name up: a rule has it, whatever the port. The name is as {@link parseHost} gives it. */
export function isNameAllowed(rules: readonly AllowRule[], name: string): boolean {
  return isIP(name) === 0 && rules.some(({host}) => covers(host, name))
}

/** Whether a server may connect there: a rule has both the host, as {@link parseHost} gives it, and the port. */
export function isPlaceAllowed(rules: readonly AllowRule[], host: string, port: number): boolean {
  return rules.some(rule => rule.port === port && covers(rule.host, host))
}

/** A wildcard stands for names only: an address must be written down. */
function covers(pattern: string, host: string): boolean {
  if (pattern === host) return true
  if (isIP(host) !== 0) return false
  return pattern === '*' || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)))
}

function parseProtocol(text: string): Protocol {
  const protocol = text.toLowerCase()
  const known = PROTOCOLS.find(each => each === protocol)
  if (known !== undefined) return known
  if (protocol === 'udp') throw new RangeError('asks for udp: only TCP can be allowed')
  throw new RangeError('has an unknown protocol: write tcp, http or https, or nothing')
}

function parsePort(text: string): number {
  if (text === '') throw new RangeError('has no port: write host:port')
  if (/^\d+-\d+$/.test(text)) throw new RangeError('has a range of ports: write a rule for each')
  if (text === '*') throw new RangeError('has no single port: write a rule for each')
  const port = Number(text)
  if (/^[1-9]\d{0,4}$/.test(text) && port <= 65_535) return port
  throw new RangeError('has a port that is not a number from 1 to 65535')
}

function parseRuleHost(text: string): string {
  if (text === '*') return text
  const host = parsePattern(text)
  if (`.${host}`.endsWith('.localhost')) throw new RangeError(CONTAINER_ITSELF)
  return host
}

/** RFC 6761, 6.3: such a name never leaves the machine, and here that is the container. */
const CONTAINER_ITSELF =
  'names localhost, which in a container is the container itself: ' +
  'name an address, or give the host a name by extraHosts'

function parsePattern(text: string): string {
  if (!text.startsWith('*.')) return parseHost(text)
  const suffix = parseHost(text.slice(2))
  if (isIP(suffix) !== 0) throw new RangeError('has a wildcard before an address')
  return `*.${suffix}`
}

function parseBracketed(text: string): string {
  const address = isIPv6(text) ? addressOf(text) : undefined
  if (address !== undefined) return address
  if (text.includes('%'))
    throw new RangeError('has an address with a zone, which cannot be allowed')
  throw new RangeError('has brackets around what is no IPv6 address')
}

function parseName(text: string): string {
  if (text.includes('*')) throw new RangeError('has a * that is not its first label: write *.name')
  const name = toAscii(text).toLowerCase().replace(/\.$/, '')
  const labels = name.split('.')
  if (!labels.every(label => LABEL.test(label))) {
    throw new RangeError('has a host that is neither a name nor an address')
  }
  if (name.length > LONGEST_NAME) {
    throw new RangeError(`has a host name of more than ${LONGEST_NAME} characters`)
  }
  if (NUMBER_LABEL.test(labels.at(-1) ?? '')) {
    throw new RangeError(
      'has a name that ends in a number: write an address as four decimal numbers',
    )
  }
  return name
}

/** An internationalised name as the DNS has it (UTS 46); what cannot be one is left to be refused. */
function toAscii(text: string): string {
  // Only what is needed goes in: the function would cut a path off, decode escapes and read 0x7f.1 as an address.
  return /^[\w.\-\u0080-\u{10ffff}]*[\u0080-\u{10ffff}][\w.\-\u0080-\u{10ffff}]*$/u.test(text)
    ? domainToASCII(text)
    : text
}
