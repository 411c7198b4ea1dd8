const POWERS = {b: 0, k: 1, m: 2, g: 3, t: 4} as const
const SIZE = /^(\d+(?:\.\d+)?)\s*([bkmgt])?(?:ib?|b)?$/iu

/**
 * Reads a size as Docker writes it: `512m`, `2Gb`, `1.5GiB`, or plain bytes. Every unit is binary,
 * as in Docker's own `--memory`.
 * @returns whole bytes, or undefined when the text is not a size above zero
 */
export function parseBytes(size: string): number | undefined {
  const match = SIZE.exec(size.trim())
  if (!match) return undefined
  const power = POWERS[unitOf(match[2])]
  const bytes = Math.floor(Number(match[1]) * 1024 ** power)
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined
}

function unitOf(letter: string | undefined): keyof typeof POWERS {
  const lower = letter?.toLowerCase()
  return lower === 'k' || lower === 'm' || lower === 'g' || lower === 't' ? lower : 'b'
}
