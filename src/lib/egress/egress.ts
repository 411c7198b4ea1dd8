import type {Duplex} from 'node:stream'
import {oneLine} from '../base/one-line.ts'
import {addressOf, isNameAllowed, parseHost} from '../model/allow-rule.ts'
import type {AllowRule} from '../model/allow-rule.ts'
import {answerQuery} from './dns.ts'
import {LoopbackNames} from './names.ts'
import {Outside} from './outside.ts'
import {createProxy} from './proxy.ts'
import {RareLines} from './rare-lines.ts'
import type {LocalPlace} from './relay.ts'
import {tunnel} from './tunnel.ts'

export interface EgressInput {
  readonly server: string
  readonly rules: readonly AllowRule[]
  /** Names that have an address already, see {@link pinsOf}. A pinned name needs a rule like any other. */
  readonly pins: ReadonlyMap<string, string>
  /** A line about what was refused or failed, with the server's name; at most 200 different ones in a minute. */
  readonly onDenied: (line: string) => void
  /** The same for what was allowed. */
  readonly onAllowed?: (line: string) => void
}

/** What one container may have of the network. */
export interface Egress extends Disposable {
  /** The ports that its relay is to listen on. */
  readonly ports: readonly number[]
  /** Takes a connection that a program made to an address of its own. */
  accept(connection: Duplex, local: LocalPlace): void
  /** Answers a DNS query; undefined for what is none. */
  answer(query: Buffer): Buffer | undefined
}

const PROXY: LocalPlace = {address: '127.0.0.1', port: 3128}
const PROXY_URL = `http://${PROXY.address}:${PROXY.port}`
const OWN_PLACES = 'localhost,127.0.0.0/8,::1'
const LONGEST_NAME = 253
/** What programs are told about the proxy, wherever there is a relay. */
export const PROXY_ENVIRONMENT: readonly (readonly [name: string, value: string])[] = [
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map(
    name => [name, PROXY_URL] as const,
  ),
  ...['NO_PROXY', 'no_proxy'].map(name => [name, OWN_PLACES] as const),
]
/** What the relay takes. */
const MAX_PORTS = 64

/**
 * Decides about every connection and every lookup of one container. A program comes in one of two ways: through the
 * HTTP proxy, or, when it knows none, by a name that we answer with a loopback address, which stands for the name.
 * Disposing of it ends all connections and takes no more.
 * @throws RangeError with the rest of a sentence, when the rules have more ports than the relay can listen on
 */
export function createEgress(input: EgressInput): Egress {
  const {server, rules, pins, onDenied, onAllowed} = input
  const ports = [...new Set([PROXY.port, ...rules.map(({port}) => port)])].toSorted((a, b) => a - b)
  if (ports.length > MAX_PORTS) {
    throw new RangeError(`has more than ${MAX_PORTS - 1} different ports in its allowed hosts`)
  }
  const denials = new RareLines(`! ${server}: `, onDenied)
  const allowed = onAllowed && new RareLines(`${server}: `, onAllowed)
  const names = new LoopbackNames()
  const outside = new Outside({rules, pins, denials, allowed})
  const proxy = createProxy(outside)
  const connections = new Set<Duplex>()
  let isDisposed = false

  const isAllowed = (asked: string): boolean => {
    const name = nameIn(asked)
    const line = `the lookup of ${oneLine(asked.slice(0, LONGEST_NAME))}`
    if (name !== undefined && isNameAllowed(rules, name)) {
      allowed?.say(`answers ${line}`)
      return true
    }
    denials.say(`refused ${line}: it is not among its allowed hosts`)
    return false
  }
  const book = {isAllowed, addressOf: (asked: string) => names.addressOf(nameIn(asked) ?? asked)}

  const carry = async (connection: Duplex, {address, port}: LocalPlace): Promise<void> => {
    try {
      const name = names.nameAt(address)
      if (name === undefined) throw outside.refuse(`${address}:${port}`, 'no name has that address')
      tunnel(connection, await outside.connect(name, port, connection))
    } catch {
      // Why is said in the log. The program is to see that it was refused, and not that there is nothing more to come.
      connection.destroy()
    }
  }

  return {
    ports,
    accept(connection, local) {
      connections.add(connection)
      connection.once('close', () => connections.delete(connection))
      if (isDisposed) connection.destroy()
      else if (local.address === PROXY.address && local.port === PROXY.port) {
        proxy.emit('connection', connection)
      } else void carry(connection, local)
    },
    answer(query) {
      return isDisposed ? undefined : answerQuery(query, book)
    },
    [Symbol.dispose]() {
      isDisposed = true
      outside[Symbol.dispose]()
      for (const connection of connections) connection.destroy()
      proxy.close()
      denials[Symbol.dispose]()
      allowed?.[Symbol.dispose]()
    },
  }
}

/**
 * Makes pins of the entries of a server that give a name its address, as in `extraHosts` of compose.
 * @param hostGateway the address that `host-gateway` means; without one, such entries make no pin
 * @throws RangeError with the rest of a sentence, when a name or an address is none
 */
export function pinsOf(
  entries: readonly {readonly name: string; readonly address: string}[],
  hostGateway: string | undefined,
): ReadonlyMap<string, string> {
  const pins = new Map<string, string>()
  for (const entry of entries) {
    const text = entry.address === 'host-gateway' ? hostGateway : entry.address
    if (text === undefined) continue
    const address = addressOf(text.replace(/^\[(.*)\]$/, '$1'))
    if (address === undefined) throw new RangeError('has an address that is none')
    pins.set(parseHost(entry.name), address)
  }
  return pins
}

/** A name as rules write it; undefined for what can be in no rule. */
function nameIn(asked: string): string | undefined {
  try {
    return parseHost(asked)
  } catch {
    return undefined
  }
}
