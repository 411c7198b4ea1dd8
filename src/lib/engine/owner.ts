import {randomBytes} from 'node:crypto'

/** The label by which everything that a gateway makes on an engine says whose it is. */
export const OWNER_LABEL = 'docker-mcp-owner'

const OWNER_BYTES = 10
const OWNER = /^[0-9a-f]{20}$/

/** A gateway's own id. */
export function newOwner(): string {
  return randomBytes(OWNER_BYTES).toString('hex')
}

/**
 * Whether a label's value is the id of a gateway that holds a lease while it runs. Whatever carries another value was
 * not made by one, and is not ours to remove.
 */
export function isOwner(text: string | undefined): text is string {
  return text !== undefined && OWNER.test(text)
}
