import {randomBytes} from 'node:crypto'

/** A secret that nobody else has, with characters in it that texts like to write in other ways. */
export function freshSecret(): string {
  return `${randomBytes(15).toString('base64url').replace(/[-_]/g, 'x')}+/="'<&%\\ é`
}

/** The forms in which a secret could be written somewhere. Each is found in any larger text that holds it. */
export function needlesOf(secret: string): readonly string[] {
  // Of the plain part, which no way of quoting changes.
  const [core = ''] = /^\w+/.exec(secret) ?? []
  const bytes = Buffer.from(core)
  const hex = bytes.toString('hex')
  return [
    core,
    hex,
    hex.toUpperCase(),
    hex.replace(/../g, pair => `%${pair}`),
    hex.toUpperCase().replace(/../g, pair => `%${pair}`),
    hex.replace(/../g, pair => `\\x${pair}`),
    hex.replace(/../g, pair => `\\u00${pair}`),
    [...bytes].join(','),
    [...bytes].join(' '),
    ...[0, 1, 2].map(shift => base64Middle(bytes, shift)),
    core.split('').toReversed().join(''),
  ]
}

/** How the base64 of a text reads that has these bytes somewhere, at this distance from a multiple of three. */
function base64Middle(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
  // What is left of the first and of the last characters depends on the neighbours.
  const from = shift === 0 ? 0 : 4
  const whole = Math.floor((shift + bytes.length) / 3) * 4
  return text.slice(from, whole)
}

/** The needles that a text holds. */
export function found(needles: readonly string[], text: string): readonly string[] {
  return needles.filter(needle => text.includes(needle))
}
