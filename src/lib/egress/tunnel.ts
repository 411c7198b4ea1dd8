import type {Socket} from 'node:net'
import {pipeline} from 'node:stream'
import type {Duplex} from 'node:stream'

/**
 * Carries bytes both ways, each way until its own end. A reset of one side is one of the other side, too: neither is to
 * take half of a thing for the whole.
 */
export function tunnel(inside: Duplex, outside: Socket): void {
  inside.once('error', () => outside.resetAndDestroy())
  pipeline(inside, outside, () => {})
  pipeline(outside, inside, () => {})
}
