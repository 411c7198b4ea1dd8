import {PluginError} from '../base/errors.ts'

/** What was said with docker's own global flags, which docker hands on in front of the plugin's name. */
export interface DockerGlobals {
  readonly config?: string | undefined
  readonly context?: string | undefined
  readonly hosts: readonly string[]
  readonly debug: boolean
  readonly logLevel?: string | undefined
  /** Also true when `DOCKER_TLS` is set and no `--tls=false` takes it back. */
  readonly tls: boolean
  /** Undefined when not given: docker turns TLS on for `--tlsverify=false` as well. */
  readonly tlsVerify?: boolean | undefined
  readonly tlsCaCert?: string | undefined
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
}

/** The command line, taken apart: docker's flags, and the words that are ours. */
export interface Invocation {
  readonly globals: DockerGlobals
  readonly argv: readonly string[]
}

/**
 * Takes docker's global flags and the word `mcp` off the command line.
 * docker passes `docker -c ctx mcp ls` on as `-c ctx mcp ls`, `docker help mcp x` as `help mcp x` and
 * `docker --help mcp` as `--help mcp`; run without docker the program gets `ls` alone. The flags follow the
 * rules of docker's parser (github.com/spf13/pflag): `--name value`, `--name=value`, `-n value`, `-nvalue`,
 * `-n=value` and groups of short flags; the last one of a name wins.
 * @param argv the words after the program's own name
 * @param env the process environment; only `DOCKER_TLS` is looked at
 * @returns the globals, and our words; a call for help becomes `[...words, '--help']`
 * @throws PluginError USAGE for a global flag without its value, or with a value that is no boolean
 */
export function readInvocation(argv: readonly string[], env: NodeJS.ProcessEnv): Invocation {
  const {given, rest} = readGlobals(argv)
  const last = (name: GlobalName) => given.findLast(one => one.name === name)?.value
  const tlsVerify = last('tlsverify')
  return {
    globals: {
      config: last('config'),
      context: last('context'),
      hosts: given.filter(one => one.name === 'host').map(one => one.value),
      debug: last('debug') === 'true',
      logLevel: last('log-level'),
      tls: (last('tls') ?? String(Boolean(env['DOCKER_TLS']))) === 'true',
      tlsVerify: tlsVerify === undefined ? undefined : tlsVerify === 'true',
      tlsCaCert: last('tlscacert'),
      tlsCert: last('tlscert'),
      tlsKey: last('tlskey'),
    },
    argv: withoutPluginWord(rest),
  }
}

/**
 * Rewrites the spellings of booleans that Go programs take (`--watch=true`, `--watch=0`) to the two that oclif
 * knows, `--watch` and `--no-watch`. Words after a bare `--` stay as they are.
 * @param argv our words, as {@link readInvocation} gives them
 * @param booleans the long names of the boolean flags, without dashes
 * @throws PluginError USAGE for any value that Go's `strconv.ParseBool` refuses
 */
export function spellBooleans(argv: readonly string[], booleans: ReadonlySet<string>): string[] {
  const end = argv.indexOf('--')
  const flags = end === -1 ? argv : argv.slice(0, end)
  const spelled = flags.map(word => {
    const {name, value} = splitLong(word)
    if (name === undefined || value === undefined || !booleans.has(name)) return word
    return readBoolean(value, {flag: `--${name}`, word}) ? `--${name}` : `--no-${name}`
  })
  return [...spelled, ...argv.slice(flags.length)]
}

const GLOBAL_FLAGS = {
  config: 'value',
  context: 'value',
  debug: 'boolean',
  host: 'value',
  'log-level': 'value',
  tls: 'boolean',
  tlscacert: 'value',
  tlscert: 'value',
  tlskey: 'value',
  tlsverify: 'boolean',
} as const

type GlobalName = keyof typeof GLOBAL_FLAGS

const SHORT_FLAGS = new Map<string, GlobalName>([
  ['c', 'context'],
  ['D', 'debug'],
  ['H', 'host'],
  ['l', 'log-level'],
])

/** One flag as given; the value of a boolean is `true` or `false`. */
interface Given {
  readonly name: GlobalName
  readonly value: string
}

/** What one word of flags came to: how many words it used, and what of it is not docker's. */
interface Step {
  readonly given: readonly Given[]
  readonly used: number
  readonly left?: string
}

function readGlobals(argv: readonly string[]): {given: Given[]; rest: readonly string[]} {
  const given: Given[] = []
  let index = 0
  for (let word = argv[0]; word !== undefined; word = argv[index]) {
    // `docker -- mcp ls` arrives with its dashes.
    if (word === '--') return {given, rest: argv.slice(index + 1)}
    const step = word.startsWith('--')
      ? readLong(word, argv[index + 1])
      : readShorts(word, argv[index + 1])
    if (!step) break
    given.push(...step.given)
    index += step.used
    if (step.left !== undefined) return {given, rest: [step.left, ...argv.slice(index)]}
  }
  return {given, rest: argv.slice(index)}
}

function readLong(word: string, next: string | undefined): Step | undefined {
  const {name, value} = splitLong(word)
  if (!isGlobal(name)) return undefined
  const flag = `--${name}`
  if (GLOBAL_FLAGS[name] === 'boolean') {
    const on = value === undefined || readBoolean(value, {flag, word})
    return {given: [{name, value: String(on)}], used: 1}
  }
  if (value !== undefined) return {given: [{name, value}], used: 1}
  return {given: [{name, value: requireValue(flag, next)}], used: 2}
}

function readShorts(word: string, next: string | undefined): Step | undefined {
  const given: Given[] = []
  if (!word.startsWith('-')) return undefined
  for (let letters = word.slice(1); letters !== ''; letters = letters.slice(1)) {
    const flag = `-${letters[0]}`
    const name = SHORT_FLAGS.get(letters.slice(0, 1))
    if (!name) return given.length === 0 ? undefined : {given, used: 1, left: `-${letters}`}
    const glued = letters.slice(1)
    const value = glued.length > 1 && glued.startsWith('=') ? glued.slice(1) : glued
    if (GLOBAL_FLAGS[name] === 'value') {
      if (glued === '') return {given: [...given, {name, value: requireValue(flag, next)}], used: 2}
      return {given: [...given, {name, value}], used: 1}
    }
    if (glued.startsWith('=')) {
      const on = readBoolean(value, {flag, word})
      return {given: [...given, {name, value: String(on)}], used: 1}
    }
    given.push({name, value: 'true'})
  }
  return given.length === 0 ? undefined : {given, used: 1}
}

function isGlobal(name: string | undefined): name is GlobalName {
  return name !== undefined && Object.hasOwn(GLOBAL_FLAGS, name)
}

function splitLong(word: string): {name?: string; value?: string} {
  if (!word.startsWith('--')) return {}
  const equals = word.indexOf('=')
  if (equals === -1) return {name: word.slice(2)}
  return {name: word.slice(2, equals), value: word.slice(equals + 1)}
}

function requireValue(flag: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new PluginError('USAGE', `the flag ${flag} needs a value`, {
    hint: `type the value after it: ${flag} VALUE`,
  })
}

const TRUE_WORDS: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE_WORDS: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

function readBoolean(value: string, given: {flag: string; word: string}): boolean {
  if (TRUE_WORDS.has(value)) return true
  if (FALSE_WORDS.has(value)) return false
  throw new PluginError('USAGE', `${given.word}: the flag ${given.flag} is either true or false`, {
    hint: `use ${given.flag}=true or ${given.flag}=false`,
  })
}

const HELP_WORDS: ReadonlySet<string> = new Set(['help', '--help', '-h'])

function withoutPluginWord(words: readonly string[]): readonly string[] {
  const [first, second] = words
  if (first !== undefined && HELP_WORDS.has(first) && second === 'mcp') {
    return [...words.slice(2), '--help']
  }
  const own = first === 'mcp' ? words.slice(1) : words
  return own[0] === 'help' ? [...own.slice(1), '--help'] : own
}
