/**
 * Bytes in digits: hexadecimal, as Node shows a buffer, and {@link base64Forms}.
 */
export function bytesForms(bytes: Buffer): string[] {
  const hex = bytes.toString('hex')
  const shown = bytes
    .subarray(0, SHOWN_BYTES)
    .toString('hex')
    .replace(/..(?!$)/g, '$& ')
  return [...base64Forms(bytes), hex, hex.toUpperCase(), shown]
}

/** `util.inspect` of a buffer shows no more. */
const SHOWN_BYTES = 50

/** Base64 and base64url of the value alone, and of it {@link inside} a longer one. */
export function base64Forms(value: Buffer | string): string[] {
  const bytes = Buffer.from(value)
  const alone = bytes.toString('base64')
  return [alone, alone.replaceAll('=', ''), ...inside(bytes)].flatMap(withUrl)
}

/**
 * Bytes in digits that are broken into lines, each of which is one of a log. Base64, of the value alone or inside a longer
 * text: all that has {@link WINDOW} digits in a line. Of a value that is longer than most keys, which would make too many,
 * and of hexadecimal digits (`xxd -p`): the lines of the value alone.
 */
export function brokenForms(bytes: Buffer): string[] {
  const alone = bytes.toString('base64')
  const lines = [
    ...(alone.match(PEM_LINE) ?? []),
    ...(alone.match(MIME_LINE) ?? []),
    ...(bytes.toString('hex').match(HEX_LINE) ?? []),
  ].filter(line => line.length >= SHORTEST)
  if (bytes.length > MOST_WINDOWED) return lines.flatMap(withUrl)
  const streams = [alone, alone.replaceAll('=', ''), ...inside(bytes)]
  const windows = streams.flatMap((digits, at) => windowsOf(digits, Math.max(at - 2, 0)))
  return [...lines, ...windows].flatMap(withUrl)
}

/** Twelve bytes: fewer are in too many texts that are none of a secret. */
const WINDOW = 16
const SHORTEST = 8
/** Bytes: some ten milliseconds. */
const MOST_WINDOWED = 1024
/** RFC 7468 */
const PEM_LINE = /.{1,64}/g
/** RFC 2045 */
const MIME_LINE = /.{1,76}/g
const HEX_LINE = /.{1,60}/g

/**
 * Parts that cover any line. Lines begin and end between groups of four digits.
 * @param cut so many bytes before the value are in its first group: where groups begin
 */
function windowsOf(digits: string, cut: number): string[] {
  if (digits.length <= WINDOW) return []
  const skipped = cut === 0 ? 0 : 4 - Math.ceil((cut * 8) / 6)
  const windows = [digits.slice(0, WINDOW), digits.slice(-WINDOW)]
  for (let at = skipped; at + WINDOW <= digits.length; at += 4) {
    windows.push(digits.slice(at, at + WINDOW))
  }
  // Indentation is in many texts.
  return windows.filter(window => window.replaceAll(window.slice(0, 4), '') !== '')
}

/**
 * What base64 makes of a value where it begins none, one or two bytes into a group of three. There, and where another byte
 * follows, the digits that it shares with its neighbours are left out.
 */
function inside(bytes: Buffer): string[] {
  return [0, 1, 2].map(offset => {
    const digits = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    return digits.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  })
}

function withUrl(digits: string): string[] {
  return [digits, digits.replaceAll('+', '-').replaceAll('/', '_')]
}
