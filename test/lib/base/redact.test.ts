import {execFileSync} from 'node:child_process'
import * as fc from 'fast-check'
import {inspect} from 'node:util'
import {describe, expect, test} from 'vitest'
import {createRedactor, SECRET_MASK} from '../../../src/lib/base/redact.ts'

const SECRET = 'pa"s/wörd+ \n~*&<42>'

/** Characters that matter to the encodings, and none that the mask is made of: a mask is not a survivor. */
const unit = fc.constantFrom(
  'a',
  'b',
  'A',
  '0',
  '+',
  '/',
  '"',
  '\\',
  '\n',
  ' ',
  '%',
  '=',
  'ö',
  '😀',
)
const value = fc.string({unit, minLength: 4, maxLength: 12})
const filler = fc.string({unit, maxLength: 12})

/** A value in one of the forms that must be masked. */
const encode = fc.constantFrom<(text: string) => string>(
  text => text,
  text => JSON.stringify(text).slice(1, -1),
  text => encodeURIComponent(text),
  text => new URLSearchParams({v: text}).toString().slice(2),
  text => Buffer.from(text).toString('base64'),
  text => Buffer.from(text).toString('base64url'),
  text => Buffer.from(text).toString('hex'),
  text => inspect([text]).slice(3, -3),
  text => pythonQuote(text),
  text => pythonQuote(text).replaceAll('/', '%2F').replaceAll('%20', '+'),
  text =>
    Buffer.from(`id:${encodeURIComponent(text)}`)
      .toString('base64')
      .slice(4),
  text => userinfo(text),
  text => (text.trim().length > 3 ? text.trim() : text),
)

/** As `urllib.parse.quote` does. */
function pythonQuote(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
}

function userinfo(text: string): string {
  return Object.assign(new URL('http://u@host'), {password: text}).password
}

/** A text with encoded values planted in it, and what was planted. */
const planted = fc
  .array(value, {minLength: 1, maxLength: 5})
  .chain(values =>
    fc.tuple(
      fc.constant(values),
      fc.array(fc.tuple(filler, fc.constantFrom(...values), encode, filler), {maxLength: 6}),
    ),
  )
  .map(([values, parts]) => ({
    values,
    forms: parts.map(([, text, form]) => form(text)),
    text: parts.map(([before, text, form, after]) => before + form(text) + after).join(''),
  }))

/** URL escapes as some encoders write them. */
function inSmallLetters(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, escape => escape.toLowerCase())
}

function cut(text: string, sizes: readonly number[]): string[] {
  const chunks: string[] = []
  let from = 0
  for (const size of sizes) {
    chunks.push(text.slice(from, from + size))
    from += size
  }
  return [...chunks, text.slice(from)]
}

const longLine = (at: number) => `line ${at} of a value that is too long`

describe('createRedactor', () => {
  test('masks a value wherever it stands', () => {
    const redact = createRedactor(['hunter2000'])
    expect(redact('hunter2000 and xhunter2000y, not hunter200')).toBe(
      '[secret] and x[secret]y, not hunter200',
    )
  })

  test('gives back a text without a value, and any text when there is no value', () => {
    expect(createRedactor(['hunter2000'])('nothing here')).toBe('nothing here')
    expect(createRedactor([])('nothing here')).toBe('nothing here')
  })

  test.each(['\n', '\r\n', '\r'])('masks the longer lines of a value with several (%j)', end => {
    const lines = [
      '-----BEGIN KEY-----',
      'MIIEvQIBADANBgkqhk',
      '  "key": "x\\ny",',
      'iG9w0BAQ',
      '}',
      'short',
    ]
    const whole = lines.join(end)
    const redact = createRedactor([whole])
    const masked = ['[secret]', '[secret]', '  [secret]', '[secret]', '}', 'short']
    expect(lines.map(redact)).toEqual(masked)
    expect(lines.map(line => redact(`a ${line}\r`))).toEqual(masked.map(line => `a ${line}\r`))
    expect(redact(JSON.stringify({line: lines[2]?.trim()}))).toBe('{"line":"[secret]"}')
    expect(redact(`<${whole}>`)).toBe('<[secret]>')
    expect(createRedactor(['one line of it'])('one line')).toBe('one line')
  })

  test('leaves values of three characters and fewer alone', () => {
    expect(createRedactor(['', 'a', 'abc', 'abcd'])('a abc abcd YWJj')).toBe('a abc [secret] YWJj')
  })

  test('masks the longest of several values', () => {
    expect(createRedactor(['token', 'token-long'])('token-long token')).toBe('[secret] [secret]')
  })

  test('leaves no rest of a value that overlaps another', () => {
    expect(createRedactor(['abcdef', 'defghi'])('<abcdefghi>')).toBe('<[secret]>')
  })

  test('takes a value literally, whatever it means to a regular expression', () => {
    expect(createRedactor(['.*(a+)+$', '$&$1'])('any .*(a+)+$ and $&$1')).toBe(
      'any [secret] and [secret]',
    )
  })

  test.each([
    ['as it is', SECRET],
    ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(SECRET)).slice(3, -3)],
    ['in JSON for HTML', String.raw`pa\"s/wörd+ \n~*\u0026\u003c42\u003e`],
    ['in JSON of ASCII only', String.raw`pa\"s/w\u00f6rd+ \n~*\u0026\u003c42\u003e`],
    ['in JSON with escaped slashes', String.raw`pa\"s\/wörd+ \n~*&<42>`],
    ['as a URL component', encodeURIComponent(SECRET)],
    ['by quote of Python', 'pa%22s/w%C3%B6rd%2B%20%0A~%2A%26%3C42%3E'],
    ['by quote_plus of Python', 'pa%22s%2Fw%C3%B6rd%2B+%0A~%2A%26%3C42%3E'],
    ['by PathEscape of Go', 'pa%22s%2Fw%C3%B6rd+%20%0A~%2A&%3C42%3E'],
    ['by UserPassword of Go', 'pa%22s%2Fw%C3%B6rd+%20%0A~%2A&%3C42%3E'],
    ['as the password of a URL', userinfo(SECRET)],
    ['URL-encoded in base64', Buffer.from(encodeURIComponent(SECRET)).toString('base64')],
    ['as a buffer', inspect(Buffer.from(SECRET)).slice('<Buffer '.length, -1)],
    ['as a URL component in small letters', inSmallLetters(encodeURIComponent(SECRET))],
    ['as a whole URL', encodeURI(SECRET)],
    ['as a form field', new URLSearchParams({v: SECRET}).toString().slice(2)],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 without padding', Buffer.from(SECRET).toString('base64').replaceAll('=', '')],
    ['in base64url', Buffer.from(SECRET).toString('base64url')],
    ['in hexadecimal digits', Buffer.from(SECRET).toString('hex')],
    ['in hexadecimal digits in capitals', Buffer.from(SECRET).toString('hex').toUpperCase()],
    ['in a page', 'pa&quot;s/wörd+ \n~*&amp;&lt;42&gt;'],
    ['in a page of Go', 'pa&#34;s/wörd+ \n~*&amp;&lt;42&gt;'],
    ['by Python', String.raw`pa"s/wörd+ \n~*&<42>`],
    ['by Python, as bytes', String.raw`pa"s/w\xc3\xb6rd+ \n~*&<42>`],
    ['by a shell', 'pa\\"s/wörd+ \n~*&<42>'],
    ['in a line of ours', 'pa"s/wörd+ ?~*&<42>'],
  ])('masks a value %s', (_, form) => {
    expect(createRedactor([SECRET])(`<${form}>`)).toBe('<[secret]>')
  })

  test.each([
    ["it's\u001b[1m", String.raw`it'"'"'s` + '\u001b[1m'],
    ["it's\u001b[1m", String.raw`it'\''s` + '\u001b[1m'],
    ["it's\u001b[1m", String.raw`it\'s\x1b[1m`],
    ["it's\u001b[1m", String.raw`it\'s\x1B[1m`],
    ["it's<", 'it&#39;s&lt;'],
    ["it's<", 'it&#x27;s&lt;'],
    ["it's<", 'it&apos;s&lt;'],
    [' \tit has blanks\n', 'it has blanks'],
    ['p@ss:w/rd;a,b=c?', 'p%40ss%3Aw%2Frd;a,b=c%3F'],
    ['back\\slash$HOME`x`', String.raw`back\\slash\$HOME\`x\``],
    ['back\\slash$HOME`x`', String.raw`back\\slash$HOME` + '`x`'],
  ])('masks %j as it is quoted: %s', (text, form) => {
    expect(createRedactor([text])(`<${form}>`)).toBe('<[secret]>')
  })

  test.each(['', 'u', 'us', 'user:'])('masks a value behind "%s" in the same base64', before => {
    const secret = 'correct-horse-battery'
    const text = Buffer.from(`${before}${secret}:xyz`).toString('base64')
    const shown = createRedactor([secret])(text)
    expect(shown).toContain(SECRET_MASK)
    const clear = Buffer.from(shown.replace(SECRET_MASK, ''), 'base64').toString('latin1')
    for (let i = 0; i + 3 <= secret.length; i++) expect(clear).not.toContain(secret.slice(i, i + 3))
  })

  test('masks what printf %q of bash makes of a value', () => {
    const units = Array.from({length: 95}, (_, at) => String.fromCharCode(32 + at))
    const printable = fc.constantFrom(...units, '\n', '\t', '\u001b', 'ö')
    fc.assert(
      fc.property(fc.string({unit: printable, minLength: 5, maxLength: 20}), text => {
        const quoted = execFileSync('bash', ['-c', 'printf %q "$1"', 'bash', text]).toString()
        const shown = createRedactor([text])(`<${quoted}>`)
        expect([`<${SECRET_MASK}>`, `<$'${SECRET_MASK}'>`]).toContain(shown)
      }),
    )
  })

  const keys = Array.from({length: 20}, (_, at) => `Key${at}/x+${at * 7919}`).join('')

  test.each(['', 'u', 'us', 'user:'])(
    'masks base64 and hexadecimal digits that are broken into lines, each line for itself, behind "%s"',
    before => {
      const redact = createRedactor([keys, Buffer.from(keys.repeat(9))])
      const bytes = Buffer.from(before + keys)
      for (const width of [57, 64, 76, 60].map(columns => columns - (columns % 4))) {
        const lines = bytes.toString('base64').match(new RegExp(`.{1,${width}}`, 'g')) ?? []
        const [first = '', ...others] = lines
        const last = others.pop() ?? ''
        expect(
          Buffer.from(redact(first).replace(SECRET_MASK, ''), 'base64').toString(),
        ).not.toContain('Key')
        expect(others.map(redact)).toEqual(others.map(() => SECRET_MASK))
        expect(redact(last).length).toBeLessThanOrEqual(SECRET_MASK.length + 4)
      }
    },
  )

  test('masks the lines of base64 and xxd -p of a value that is long', () => {
    const bytes = Buffer.from(keys.repeat(9))
    const redact = createRedactor([bytes])
    for (const [digits, width] of [
      ['base64', 64],
      ['base64', 76],
      ['hex', 60],
    ] as const) {
      const lines = bytes.toString(digits).match(new RegExp(`.{1,${width}}`, 'g')) ?? []
      expect(lines.map(redact)).toEqual(lines.map(() => SECRET_MASK))
    }
  })

  test('masks a value that is no text as digits, as bytes of Python, and the text that is in it', () => {
    const bytes = Buffer.from([0, 255, 137, ...Buffer.from('PNG-like'), 254, 0, 10, 39])
    const redact = createRedactor([bytes])
    for (const form of [
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('hex'),
      String.raw`\x00\xff\x89PNG-like\xfe\x00\n'`,
      bytes.toString(),
      'PNG-like',
      Buffer.concat([Buffer.from('us:'), bytes, Buffer.from('xyz')])
        .toString('base64')
        .slice(4, -4),
    ]) {
      expect(redact(`<${form}>`)).toBe('<[secret]>')
    }
    const noText = createRedactor([Buffer.from([255, 254, 253, 252, 251])])
    expect(noText('\ufffd\ufffd\ufffd\ufffd\ufffd //79/Ps=')).toBe(
      '\ufffd\ufffd\ufffd\ufffd\ufffd [secret]',
    )
  })

  test('masks the beginning of a value that is longer than any key, and costs no more for the rest', () => {
    const long = Array.from({length: 30_000}, (_, at) => longLine(at)).join('\n')
    const redact = createRedactor([long, `${'x'.repeat(4095)}😀${'y'.repeat(6000)}`])
    expect(redact(`<${longLine(3)}>`)).toBe('<[secret]>')
    expect(redact(`<${longLine(300)}>`)).toBe('<[secret]>')
    expect(redact(`<${longLine(20_000)}>`)).toBe(`<${longLine(20_000)}>`)
    expect(redact(Buffer.from(long).toString('base64'))).toMatch(/^\[secret\]/)
    expect(redact(`${'x'.repeat(4095)}😀${'y'.repeat(6000)}`)).toBe('[secret]')
  })

  test('takes a value that is not well-formed Unicode', () => {
    expect(createRedactor(['abc\ud800def'])('<abc\ud800def>')).toBe('<[secret]>')
  })

  test('no planted value survives in any of its forms', () => {
    fc.assert(
      fc.property(planted, ({values, forms, text}) => {
        const shown = createRedactor(values)(text)
        for (const form of forms) expect(shown).not.toContain(form)
      }),
    )
  })

  test('masks exactly the characters of the values', () => {
    // Without letters and digits every form but the value itself is made of other characters.
    const plain = fc.string({unit: fc.constantFrom('.', '-', '_'), minLength: 4, maxLength: 7})
    fc.assert(
      fc.property(fc.array(plain, {maxLength: 4}), fc.array(plain), (values, parts) => {
        const text = parts.join(' ')
        const isSecret = Array.from(text, () => false)
        for (const secret of values) {
          for (let i = text.indexOf(secret); i >= 0; i = text.indexOf(secret, i + 1)) {
            isSecret.fill(true, i, i + secret.length)
          }
        }
        const marked = Array.from(text, (shown, i) => (isSecret[i] ? '#' : shown)).join('')
        expect(createRedactor(values)(text)).toBe(marked.replace(/#+/g, SECRET_MASK))
      }),
    )
  })
})

describe('a stream of createRedactor', () => {
  test('masks a value that arrives in pieces, and shows at once what cannot be part of one', () => {
    const stream = createRedactor(['hunter2000']).stream()
    expect(stream.push('password: hun')).toBe('password: ')
    expect(stream.push('ter20')).toBe('')
    expect(stream.push('00')).toBe('[secret]')
    expect(stream.push(' hunt')).toBe(' ')
    expect(stream.push('ing')).toBe('hunting')
    expect(stream.flush()).toBe('')
  })

  test('gives out what it holds back at the end, and can be used again', () => {
    const stream = createRedactor(['hunter2000']).stream()
    expect(stream.push('hunter200')).toBe('')
    expect(stream.flush()).toBe('hunter200')
    expect(stream.push('0')).toBe('0')
    expect(stream.push('hunter2000')).toBe('[secret]')
  })

  test('gives the same text however it is cut, and no planted value survives', () => {
    fc.assert(
      fc.property(planted, fc.array(fc.nat(9)), ({values, forms, text}, sizes) => {
        const stream = createRedactor(values).stream()
        const shown =
          cut(text, sizes)
            .map(chunk => stream.push(chunk))
            .join('') + stream.flush()
        expect(shown).toBe(createRedactor(values)(text))
        for (const form of forms) expect(shown).not.toContain(form)
      }),
    )
  })

  test('never holds back as much as the longest value', () => {
    const plain = fc.string({unit: fc.constantFrom('.', '-'), minLength: 4, maxLength: 9})
    fc.assert(
      fc.property(fc.array(plain, {minLength: 1}), fc.array(plain), (values, chunks) => {
        // What is still missing after a push, compared with a text that can no longer become a value.
        const stream = createRedactor(values).stream()
        for (const chunk of chunks) stream.push(chunk)
        const longest = Math.max(...values.map(text => encodeURIComponent(text).length))
        expect(stream.flush().replaceAll(SECRET_MASK, '').length).toBeLessThan(longest)
      }),
    )
  })
})
