import {createHash, timingSafeEqual} from 'node:crypto'

/** A client that has a token of its own. */
export interface ClientToken {
  readonly client: string
  readonly token: string
}

/** Who asks: a client by the name that its token proves, or one without a name. */
export interface Asker {
  readonly client: string | undefined
}

export interface Tokens {
  /** The token of all clients that have none of their own; undefined lets everyone in. */
  readonly shared: string | undefined
  /** Those of named clients, as they are at this moment. */
  readonly named: () => readonly ClientToken[]
}

/** Longer than any token, and short enough to be looked at for everybody who comes. */
const LONGEST_HEADER = 8 * 1024

/**
 * Makes the check of `Authorization: Bearer …`.
 * @returns who asks; undefined when nobody may come in with that. Every token is compared as a whole, so neither the length
 *   nor the matching part of a guess shows in the time it takes.
 */
export function askerOf({
  shared,
  named,
}: Tokens): (header: string | undefined) => Asker | undefined {
  const common = shared === undefined ? undefined : digest(shared)
  return (header = '') => {
    const text = header.length > LONGEST_HEADER ? undefined : /^Bearer +(\S+)$/i.exec(header)?.[1]
    if (text !== undefined) {
      const given = digest(text)
      const [known] = named().filter(({token}) => timingSafeEqual(digest(token), given))
      if (known) return {client: known.client}
      if (common && timingSafeEqual(common, given)) return {client: undefined}
    }
    return common ? undefined : {client: undefined}
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
