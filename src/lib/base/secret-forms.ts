import {base64Forms, brokenForms, bytesForms} from './digit-forms.ts'
import {oneLine} from './one-line.ts'
import {urlForms} from './url-forms.ts'

/** Text, or bytes that are none. */
type SecretValue = string | Uint8Array

/**
 * Every text that tells secret values, each once: a value as it is, in base64 and base64url (alone or inside a longer
 * encoded text, such as `user:password`, and broken into lines), in hexadecimal digits, URL-encoded, escaped for JSON and HTML, and as programs
 * quote it that print what they have: shells, Python, Node. Of a value with several lines, such as a PEM key, the longer
 * ones count each for itself, too: logs are read line by line. Of a value that is longer than any key, its beginning
 * counts.
 * @param values those of three characters or fewer have no forms: they are in half of every text, and a mask at each of
 *   these places would tell what they are
 */
export function formsOf(values: Iterable<SecretValue>): string[] {
  const forms = new Set<string>()
  for (const value of values) {
    if (value.length <= LONGEST_UNMASKED) continue
    const found = typeof value === 'string' ? formsOfText(value) : formsOfBytes(Buffer.from(value))
    for (const form of found) forms.add(form)
  }
  return [...forms]
}

const LONGEST_UNMASKED = 3
/** Shorter lines are what many texts have, such as the braces of a JSON key. */
const SHORTEST_LINE = 8
/** Characters of one form: ten milliseconds are the price of a thousand. */
const LONGEST_FORM = 4096
/** Keys and passwords of clients are shorter, and each of the many forms of a URL is one more here. */
const LONGEST_ENCODED = 512
/** Characters of a value that are looked for, in several forms. */
const LONGEST_VALUE = 4 * LONGEST_FORM

function formsOfText(value: string): string[] {
  const [beginning = ''] = value.slice(0, LONGEST_VALUE).match(PIECE) ?? []
  const trimmed = beginning.trim()
  const wholes = trimmed.length > LONGEST_UNMASKED ? [beginning, trimmed] : [beginning]
  const forms = [...new Set([...wholes, ...piecesOf(value)])].flatMap(text => [
    text,
    oneLine(text),
    ...jsonForms(text),
    ...quotedForms(text),
    ...htmlForms(text),
    ...urlForms(text),
    ...bytesForms(Buffer.from(text.toWellFormed())),
  ])
  // What a form field holds is put into base64 as it is (RFC 6749, 2.3.1).
  const short = wholes.filter(text => text.length <= LONGEST_ENCODED)
  const encoded = new Set(short.flatMap(text => urlForms(text).filter(form => form !== text)))
  return [
    ...forms,
    ...brokenForms(Buffer.from(beginning.toWellFormed())),
    ...[...encoded].flatMap(base64Forms),
  ]
}

/** What is no text can be printed as digits, and as the text that is made of it all the same. */
function formsOfBytes(value: Buffer): string[] {
  const bytes = value.subarray(0, LONGEST_FORM)
  const lossy = bytes.toString()
  const legible = lossy.split(/[\0\ufffd]+/)
  const texts =
    legible.length === 1 ? legible : legible.filter(part => part.length >= SHORTEST_LINE)
  const isLegible = legible.join('').length > LONGEST_UNMASKED
  const python = bytes
    .toString('latin1')
    .replaceAll('\\', '\\\\')
    .replace(/[^ -~]/g, escapeControl)
  return [
    ...bytesForms(bytes),
    ...brokenForms(bytes),
    python,
    ...(isLegible ? [lossy, ...jsonForms(lossy)] : []),
    ...texts.flatMap(formsOfText),
  ]
}

/** The longer lines of a value that has several, without what programs strip of a line; long ones in pieces. */
function piecesOf(value: string): string[] {
  if (value.length <= LONGEST_FORM && !/[\r\n]/.test(value)) return []
  return value
    .slice(0, LONGEST_VALUE)
    .split(/[\r\n]+/)
    .map(line => line.trim())
    .flatMap(line => line.match(PIECE) ?? [])
    .filter(line => line.length >= SHORTEST_LINE)
}

/** By whole characters: half of one has no bytes. */
const PIECE = new RegExp(`[^]{1,${LONGEST_FORM}}`, 'gu')

/** The value inside a JSON string, and inside a JSON text that is itself a string of another one. */
function jsonForms(value: string): string[] {
  return [value, escapeJson(value)].flatMap(text => {
    const escaped = escapeJson(text)
    // Encoders differ: some escape the slash, some the characters that matter to HTML, some all but ASCII.
    const html = escaped.replace(/[<>&\u2028\u2029]/g, escapeUnit)
    const variants = [escaped, html, html.replace(/[^ -~]/g, escapeUnit)]
    return [...variants, ...variants.map(variant => variant.replaceAll('/', '\\/'))]
  })
}

function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The value as shells (`export -p`), Python (`repr`) and Node (`util.inspect`) quote it, without the quotes around it. */
function quotedForms(value: string): string[] {
  const shell = [
    value.replace(/["$\\`]/g, String.raw`\$&`),
    value.replaceAll("'", String.raw`'\''`),
    value.replaceAll("'", `'"'"'`),
    ...backslashed(value),
  ]
  const escaped = value.replaceAll('\\', '\\\\').replace(/\p{Cc}/gu, escapeControl)
  const ascii = escaped.replace(/\P{ASCII}+/gu, escapeBytes)
  const quoted = [escaped, ascii].flatMap(text => [text, text.replaceAll("'", String.raw`\'`)])
  return [...shell, ...quoted, ...quoted.map(capitalEscapes)]
}

function escapeControl(unit: string): string {
  return NAMED_CONTROLS.get(unit) ?? `\\x${unit.charCodeAt(0).toString(16).padStart(2, '0')}`
}

const NAMED_CONTROLS: ReadonlyMap<string, string> = new Map([
  ['\n', String.raw`\n`],
  ['\r', String.raw`\r`],
  ['\t', String.raw`\t`],
])

/** As `printf %q` of bash has it, in its several versions, and as other shells and Ruby do that put one before more. */
function backslashed(value: string): string[] {
  const dollar = value
    .replace(/['\\]/g, String.raw`\$&`)
    .replace(/\p{Cc}/gu, unit => ANSI_C.get(unit) ?? octal(unit))
  return [
    value.replace(/[ \t!"$&'()*,;<>?[\\\]^`{|}]|^[#~]/g, String.raw`\$&`),
    value.replace(/[ \t!"$&'()*,;<>?[\\\]^`{|}]|^#|(?:^|(?<=[:=]))~/g, String.raw`\$&`),
    value.replace(/[ \t!"$&'()*;<>?[\\\]^`{|}#~]/g, String.raw`\$&`),
    value.replace(/[^\w\-.,:+/@\n]/gu, String.raw`\$&`),
    dollar,
    dollar.replace(/\P{ASCII}+/gu, text =>
      octal(Buffer.from(text.toWellFormed()).toString('latin1')),
    ),
  ]
}

function octal(text: string): string {
  return text.replace(/[\s\S]/g, byte => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

const ANSI_C: ReadonlyMap<string, string> = new Map([
  ['\n', String.raw`\n`],
  ['\r', String.raw`\r`],
  ['\t', String.raw`\t`],
  ['\u0007', String.raw`\a`],
  ['\b', String.raw`\b`],
  ['\v', String.raw`\v`],
  ['\f', String.raw`\f`],
  ['\u001b', String.raw`\E`],
])

/** As Python shows bytes. */
function escapeBytes(text: string): string {
  const hex = Buffer.from(text.toWellFormed()).toString('hex')
  return hex.replace(/../g, String.raw`\x$&`)
}

/** Node writes the digits in capitals. */
function capitalEscapes(text: string): string {
  return text.replace(/(?<=\\x)[\da-f]{2}/g, digits => digits.toUpperCase())
}

/** The value in a page, as the usual libraries escape it. */
function htmlForms(value: string): string[] {
  const text = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const quotes = [
    ['&quot;', "'"],
    ['&quot;', '&#39;'],
    ['&quot;', '&#x27;'],
    ['&quot;', '&#039;'],
    ['&quot;', '&apos;'],
    ['"', '&apos;'],
    ['"', '&#39;'],
    ['&#34;', '&#39;'],
  ] as const
  const quoted = quotes.map(([double, single]) =>
    text.replaceAll('"', double).replaceAll("'", single),
  )
  return [text, ...quoted]
}
