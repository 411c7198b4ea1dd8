import {once} from 'node:events'
import type {ServerResponse} from 'node:http'
import {connect, isIP, isIPv6} from 'node:net'
import type {Socket} from 'node:net'
import {networkInterfaces} from 'node:os'
import type {Duplex} from 'node:stream'
import {oneLine} from '../base/one-line.ts'
import {messageOf, systemCode} from '../base/errors.ts'
import {addressOf, isNameAllowed, isPlaceAllowed} from '../model/allow-rule.ts'
import type {AllowRule} from '../model/allow-rule.ts'
import {isOwnAddress, whyNotPublic} from '../net/addresses.ts'
import {EgressFailure} from './failure.ts'
import {Lookups} from './lookups.ts'
import type {RareLines} from './rare-lines.ts'

export interface OutsideInput {
  readonly rules: readonly AllowRule[]
  /** The address of names that are not looked up, each as the rules write them. */
  readonly pins: ReadonlyMap<string, string>
  readonly denials: RareLines
  readonly allowed: RareLines | undefined
}

/**
 * More than there are streams, since some are still sending what their program left. A program that asks for many things
 * on one stream gets no more either.
 */
const MAX_CONNECTIONS = 512
const CONNECT_MS = 10_000

/**
 * The connections that one container has with the world: each is decided about here, and goes to exactly the address
 * that was judged.
 */
export class Outside implements Disposable {
  readonly #input: OutsideInput
  readonly #lookups = new Lookups()
  readonly #open = new Set<AbortController>()
  #isDisposed = false

  constructor(input: OutsideInput) {
    this.#input = input
  }

  /**
   * Connects to a place, as far as the rules allow it.
   * @param host as `parseHost` gives it
   * @param client what the connection is for: when it closes before the connection stands, there will be none
   * @throws EgressFailure
   */
  async connect(host: string, port: number, client: Duplex | ServerResponse): Promise<Socket> {
    const {rules, denials, allowed} = this.#input
    const place = placeOf(host, port)
    if (!isPlaceAllowed(rules, host, port)) {
      throw this.refuse(place, isNameAllowed(rules, host) ? WRONG_PORT : NOT_ALLOWED)
    }
    if (this.#isDisposed || client.destroyed) throw unwanted()
    if (this.#open.size >= MAX_CONNECTIONS) {
      denials.say(`refused ${place}: it has ${MAX_CONNECTIONS} connections already`)
      throw new EgressFailure(503, 'there are too many connections at once')
    }
    const end = new AbortController()
    const stop = () => end.abort()
    client.once('close', stop)
    const timer = setTimeout(() => end.abort(TIMED_OUT), CONNECT_MS)
    try {
      const socket = await this.#track(host, port, end)
      allowed?.say(`connects to ${place} at ${socket.remoteAddress}`)
      return socket
    } catch (error) {
      throw error instanceof EgressFailure ? error : this.#failed(place, error, end.signal)
    } finally {
      clearTimeout(timer)
      client.off('close', stop)
    }
  }

  /** Writes a line about something that is not allowed, and gives the error for it. */
  refuse(place: string, why: string): EgressFailure {
    this.#input.denials.say(`refused ${oneLine(place)}: ${why}`)
    return new EgressFailure(403, `${oneLine(place)} is refused: ${why}`)
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#lookups[Symbol.dispose]()
    for (const end of this.#open) end.abort()
  }

  /** Counts a connection from its beginning to its end, also when nobody waits for it any more. */
  #track(host: string, port: number, end: AbortController): Promise<Socket> {
    const forget = () => this.#open.delete(end)
    const connecting = this.#connectTo(host, port, end.signal)
    this.#open.add(end)
    connecting.then(socket => socket.once('close', forget), forget)
    // A lookup cannot be aborted, only left alone.
    return Promise.race([connecting, abortOf(end.signal)])
  }

  async #connectTo(host: string, port: number, signal: AbortSignal): Promise<Socket> {
    const addresses = this.#judge(host, port, await this.#addressesOf(host))
    signal.throwIfAborted()
    // Node tries one address after the other (RFC 8305); what it gets is what was judged, and nothing is looked up.
    const socket = connect({
      host,
      port,
      signal,
      autoSelectFamily: true,
      lookup: (_host, _options, give) => give(null, [...addresses]),
      allowHalfOpen: true,
      noDelay: true,
    })
    socket.on('error', () => {})
    try {
      await once(socket, 'connect')
      return socket
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  /** An address stands for itself and a pinned name for its pin; only other names are looked up. */
  async #addressesOf(host: string): Promise<readonly string[]> {
    const own = isIP(host) === 0 ? this.#input.pins.get(host) : host
    return own === undefined ? this.#lookups.addressesOf(host) : [own]
  }

  /** Leaves the addresses that may be connected to. */
  #judge(host: string, port: number, found: readonly string[]): readonly Address[] {
    const judged = found.map(text => ({text, why: this.#whyNot(host, port, text)}))
    const good = judged.filter(({why}) => why === undefined)
    if (good.length > 0) return good.map(({text}) => ({address: text, family: isIP(text)}))
    const bad = judged.map(({text, why}) => `${oneLine(text)}, which is ${why}`)
    const place = placeOf(host, port)
    this.#input.denials.say(`refused ${place}: it resolves to ${bad.join(' and ') || 'nothing'}`)
    throw new EgressFailure(403, `${place} is refused: its address is not a public one`)
  }

  #whyNot(host: string, port: number, text: string): string | undefined {
    const {rules, pins} = this.#input
    const address = addressOf(text)
    // One with a zone: it is only good on this machine.
    if (address === undefined) return 'link-local'
    if (isPlaceAllowed(rules, address, port) || pins.get(host) === text) return undefined
    const why = whyNotPublic(address)
    if (why !== undefined) return why
    // What listens on this machine is not the internet's, not even at a public address. It may get another at any time.
    return isOwnAddress(address, networkInterfaces()) ? 'an address of this machine' : undefined
  }

  #failed(place: string, error: unknown, {aborted, reason}: AbortSignal): EgressFailure {
    const isLate = aborted && reason === TIMED_OUT
    if (aborted && !isLate) return unwanted()
    const why = isLate ? TIMED_OUT.message : (systemCode(error) ?? messageOf(error))
    this.#input.denials.say(`could not connect to ${place}: ${oneLine(why)}`)
    return new EgressFailure(isLate ? 504 : 502, `could not connect to ${place}: ${oneLine(why)}`)
  }
}

interface Address {
  readonly address: string
  readonly family: number
}

const NOT_ALLOWED = 'it is not among its allowed hosts'
const WRONG_PORT = 'its allowed hosts have the name, but not with this port'
const TIMED_OUT = new Error(`no answer within ${CONNECT_MS / 1000} seconds`)

function unwanted(): EgressFailure {
  return new EgressFailure(503, 'the connection is not wanted any more')
}

/** Rejects when the signal is aborted. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), {once: true})
  })
}

/** A place as rules write it. */
function placeOf(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}
