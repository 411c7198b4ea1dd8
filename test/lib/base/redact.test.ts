import * as fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {createRedactor, createStreamRedactor, SECRET_MASK} from '../../../src/lib/base/redact.ts'

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
)

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
    ['as a URL component in small letters', inSmallLetters(encodeURIComponent(SECRET))],
    ['as a whole URL', encodeURI(SECRET)],
    ['as a form field', new URLSearchParams({v: SECRET}).toString().slice(2)],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 without padding', Buffer.from(SECRET).toString('base64').replaceAll('=', '')],
    ['in base64url', Buffer.from(SECRET).toString('base64url')],
  ])('masks a value %s', (_, form) => {
    expect(createRedactor([SECRET])(`<${form}>`)).toBe('<[secret]>')
  })

  test.each(['', 'u', 'us', 'user:'])('masks a value behind "%s" in the same base64', before => {
    const secret = 'correct-horse-battery'
    const text = Buffer.from(`${before}${secret}:xyz`).toString('base64')
    const shown = createRedactor([secret])(text)
    expect(shown).toContain(SECRET_MASK)
    const clear = Buffer.from(shown.replace(SECRET_MASK, ''), 'base64').toString('latin1')
    for (let i = 0; i + 3 <= secret.length; i++) expect(clear).not.toContain(secret.slice(i, i + 3))
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

describe('createStreamRedactor', () => {
  test('masks a value that arrives in pieces, and shows at once what cannot be part of one', () => {
    const stream = createStreamRedactor(['hunter2000'])
    expect(stream.push('password: hun')).toBe('password: ')
    expect(stream.push('ter20')).toBe('')
    expect(stream.push('00')).toBe('[secret]')
    expect(stream.push(' hunt')).toBe(' ')
    expect(stream.push('ing')).toBe('hunting')
    expect(stream.flush()).toBe('')
  })

  test('gives out what it holds back at the end, and can be used again', () => {
    const stream = createStreamRedactor(['hunter2000'])
    expect(stream.push('hunter200')).toBe('')
    expect(stream.flush()).toBe('hunter200')
    expect(stream.push('0')).toBe('0')
    expect(stream.push('hunter2000')).toBe('[secret]')
  })

  test('gives the same text however it is cut, and no planted value survives', () => {
    fc.assert(
      fc.property(planted, fc.array(fc.nat(9)), ({values, forms, text}, sizes) => {
        const stream = createStreamRedactor(values)
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
        const stream = createStreamRedactor(values)
        for (const chunk of chunks) stream.push(chunk)
        const longest = Math.max(...values.map(text => encodeURIComponent(text).length))
        expect(stream.flush().replaceAll(SECRET_MASK, '').length).toBeLessThan(longest)
      }),
    )
  })
})
