import {PluginError} from '../base/errors.ts'
import {oneLine} from '../base/one-line.ts'

/** When a catalog of a registry is got before it is shown. */
export interface PullPolicy {
  readonly whenMissing: boolean
  /** One that is here is got again when it came longer ago than this, in milliseconds; 0 is always, Infinity never. */
  readonly whenOlderMs: number
}

/**
 * Reads when to pull, in the words of docker's own plugin: `missing`, `initial`, `never`, `always` and `exists`, each
 * with `@<duration>` or without, or a duration alone; several are joined by `+`, and each that holds counts. Durations
 * are Go's, and days (`1d`), which docker's plugin names and does not take.
 * @throws PluginError USAGE
 */
export function readPullPolicy(text: string): PullPolicy {
  const options = text.split('+').map(option => {
    const [word = '', ...rest] = option.split('@')
    const isWord = Object.hasOwn(WORDS, word)
    const every = rest.length > 0 ? rest.join('@') : isWord ? '0s' : word
    const olderMs = readDuration(every)
    if ((!isWord && rest.length > 0) || olderMs === undefined) throw notPolicy(text)
    const {whenMissing, whenOlder} = WORDS[word] ?? BOTH
    return {whenMissing, whenOlderMs: whenOlder ? olderMs : Infinity}
  })
  return {
    whenMissing: options.some(({whenMissing}) => whenMissing),
    whenOlderMs: Math.min(...options.map(({whenOlderMs}) => whenOlderMs)),
  }
}

const BOTH = {whenMissing: true, whenOlder: true}
const ABSENT = {whenMissing: true, whenOlder: false}
const WORDS: Readonly<Record<string, {whenMissing: boolean; whenOlder: boolean}>> = {
  always: BOTH,
  exists: {whenMissing: false, whenOlder: true},
  missing: ABSENT,
  // That somebody had it once and removed it is not kept.
  initial: ABSENT,
  never: {whenMissing: false, whenOlder: false},
}

/** Milliseconds of each of Go's units (pkg.go.dev/time#ParseDuration), and of a day. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

function readDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|[uµμm]s|[smhd]))+$/.test(text)) return undefined
  const parts = [...text.matchAll(/([\d.]+)([a-zµμ]+)/g)]
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0)
}

function notPolicy(text: string): PluginError {
  return new PluginError('USAGE', `--pull does not take ${JSON.stringify(oneLine(text))}`, {
    hint: 'write missing, never, always, initial or exists, such as missing+exists@6h, or a time: 30m',
  })
}
