import {randomBytes} from 'node:crypto'

/** A secret of a certain shape, and what tells it wherever it stands, however it is quoted there. */
export interface PlantedSecret {
  readonly shape: string
  readonly value: Buffer
  /** Parts that no way of quoting changes; none of them is in any other text. */
  readonly cores: readonly string[]
}

/** Twelve letters and digits that nobody else has. */
const core = () => randomBytes(24).toString('base64').replaceAll(/[^\w]/g, '').slice(0, 12)

function around(shape: string, write: (core: string) => string): PlantedSecret {
  const own = core()
  return {shape, value: Buffer.from(write(own)), cores: [own]}
}

function as(shape: string, value: string | Buffer, cores: readonly string[]): PlantedSecret {
  return {shape, value: Buffer.from(value), cores}
}

/** Whether a variable or a header can have it. */
export function isText({value}: PlantedSecret): boolean {
  return !value.includes(0) && Buffer.from(value.toString()).equals(value)
}

/** Fifty secrets, each of another shape. */
export function plantedSecrets(): readonly PlantedSecret[] {
  const shared = core()
  const pem =
    randomBytes(600)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  const digits = [...randomBytes(20)].map(byte => byte % 10).join('')
  const hex = randomBytes(20).toString('hex')
  const base64 = randomBytes(30).toString('base64')
  const short = randomBytes(1).toString('hex')
  const own = [core(), core(), core(), core(), core()] as const
  const long = Array.from({length: 100}, core).join('-')
  return [
    around('plain', one => one),
    around('prefixed', one => `sk-live-${one}`),
    as('long', long, long.split('-').slice(0, 3)),
    around('longer than most', one => `${one}${'x'.repeat(3500)}`),
    as(
      'PEM',
      ['-----BEGIN PRIVATE KEY-----', ...pem, '-----END PRIVATE KEY-----', ''].join('\n'),
      pem
        .slice(0, -1)
        .map(line => line.replaceAll(/[^\w]/g, ' '))
        .flatMap(line => line.split(' ').filter(part => part.length >= 12)),
    ),
    around('JSON', one => `{"type":"account","key":"${one}","n":1}`),
    around('JSON in lines', one => `{\n  "type": "account",\n  "key": "${one}"\n}\n`),
    around('YAML', one => `users:\n- name: me\n  user:\n    token: ${one}\n`),
    as('base64', base64, [
      base64
        .replaceAll(/[+/=]/g, ' ')
        .split(' ')
        .toSorted((a, b) => b.length - a.length)[0] ?? '',
    ]),
    around('double quotes', one => `"${one}"`),
    around('single quotes', one => `it's '${one}'`),
    around('backslashes', one => `\\${one}\\n\\`),
    around('dollar', one => `$${one}$HOME`),
    around('template', one => `\${${one}}`),
    around('backticks', one => `\`${one}\``),
    around('umlauts', one => `ü${one}ß`),
    around('emoji', one => `🔑${one}🔐`),
    around('joined emoji', one => `👩‍💻${one}👩‍💻`),
    around('URL', one => `https://user:${one}@db.example.test/x?y=${one}#z`),
    around('equals signs', one => `=a=${one}==`),
    around('regular expression', one => `.*(${one})+$^[a-`),
    as('a prefix of others', shared, [shared]),
    as('with a prefix', `${shared}${own[0]}`, [own[0]]),
    as('with a longer prefix', `${shared}${own[0]}${own[1]}`, [own[1]]),
    around('blanks', one => `  two words ${one}  `),
    around('tabs', one => `a\t${one}\tb`),
    around('CRLF', one => `first line of it\r\nsecond ${one}\r\n`),
    around('HTML', one => `<b>&${one};"'</b>`),
    around('percent signs', one => `%41${one}%`),
    as('JWT', `eyJhbGciOiJub25lIn0.${own[2]}.${own[3]}`, [own[2], own[3]]),
    as('hexadecimal', hex, [hex]),
    as('digits', digits, [digits]),
    around('a flag', one => `--${one}`),
    around('escape sequences', one => `\u001b[31m${one}\u001b[0m`),
    around('invisible', one => `\u200b${one}\u202e`),
    around('right to left', one => `שלום${one}`),
    around('a format', one => `%s%n{${one}}`),
    around('a command', one => `;${one}&&rm -rf *|x>y`),
    around('a comment', one => `#${one} # no comment`),
    around('slashes', one => `a/+/${one}/+==`),
    around('connection string', one => `Server=db;User Id=sa;Password=${one};`),
    around('colons', one => `user:${one}:x`),
    around('a path', one => `/run/${one}/../x`),
    around('null', one => `null${one}undefined`),
    around('commas', one => `a,${one},b`),
    as('four characters', `¶${short}‡`, [`¶${short}‡`]),
    as('five characters', `§${short}†x`, [`§${short}†x`]),
    as('short lines', `q1${short}\nw2${short}\ne3${short}`, [
      `q1${short}\nw2${short}`,
      `q1${short}\\nw2${short}`,
    ]),
    as(
      'bytes',
      Buffer.concat([Buffer.from([0, 1, 2, 255]), Buffer.from(own[4]), Buffer.from([254, 0])]),
      [own[4]],
    ),
    as('no text at all', Buffer.concat([Buffer.from([255]), randomBytes(30)]), []),
  ]
}

/** How a secret could be written somewhere; each is found in any larger text that holds it. */
export function needlesOfPlanted({value, cores}: PlantedSecret): readonly string[] {
  const digits = value.length < 10 ? [] : digitsOf(value)
  return [
    ...cores,
    ...cores.filter(part => part.length >= 10).flatMap(part => digitsOf(Buffer.from(part))),
    ...digits,
  ]
}

function digitsOf(bytes: Buffer): readonly string[] {
  const hex = bytes.toString('hex')
  const inside = [0, 1, 2].map(shift => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    return text.slice(shift === 0 ? 0 : 4, Math.floor((shift + bytes.length) / 3) * 4)
  })
  return [
    hex,
    hex.toUpperCase(),
    ...inside,
    ...inside.map(text => text.replaceAll('+', '-').replaceAll('/', '_')),
  ]
}
