import {stripVTControlCharacters} from 'node:util'
import {Errors} from '@oclif/core'
import {distance} from 'fastest-levenshtein'
import {PluginError} from './base/errors.ts'
import type {CommandClass} from './command.ts'
import {filled} from './help.ts'

/** What a command line asks for. */
export type Found =
  | {readonly kind: 'help'; readonly words: readonly string[]}
  | {readonly kind: 'command'; readonly id: string; readonly argv: readonly string[]}

/** What words can name. */
export interface CommandNames {
  /** Of commands, such as `server:ls`. */
  readonly ids: readonly string[]
  /** Other names of commands, with the id that each stands for. */
  readonly aliases: Readonly<Record<string, string>>
  /** Other first words, with the one that each stands for. */
  readonly topics?: ReadonlyMap<string, string>
}

/**
 * Finds the command that the words name; words that name only a topic, or ask for help, get help. Flags may stand among
 * the words of its name (`tools --verbose ls`), as in docker's own plugin.
 * @param given our words, docker's global flags already taken off
 * @throws PluginError USAGE with the nearest command for words that name none, or for words that may name several
 */
export function findCommand(given: readonly string[], names: CommandNames): Found {
  const table = wordTable(names)
  const found = namedCommand(given, {table, topics: names.topics})
  const argv = given.map((word, at) => (at === 0 && names.topics?.get(word)) || word)
  if (found && asksHelp(argv)) return {kind: 'help', words: found.id.split(':')}
  if (found) return {kind: 'command', ...found}
  const words = argv.slice(0, argv.findIndex(word => word.startsWith('-')) >>> 0)
  if (words.length === 0 && argv.some(word => word === '-v' || word === '--version')) {
    return {kind: 'command', id: 'version', argv: []}
  }
  if (words.length > 0 && !isTopic(words, table)) throw unknownCommand(words, [...table.keys()])
  const flag = argv.find(word => word.startsWith('-') && !HELP_FLAGS.has(word))
  if (flag === undefined || asksHelp(argv)) return {kind: 'help', words}
  throw new PluginError('USAGE', `${['docker mcp', ...words].join(' ')} has no flag ${flag}`, {
    hint: FLAGS_LAST,
  })
}

const FLAGS_LAST = 'flags stand after the command: docker mcp server ls --format json'

interface Named {
  readonly id: string
  readonly argv: readonly string[]
}

interface Words {
  readonly table: ReadonlyMap<string, string>
  readonly topics: CommandNames['topics']
}

/** Which flags take a value is not known before the command is: where both is possible, nothing is guessed. */
function namedCommand(argv: readonly string[], words: Words): Named | undefined {
  const [found, ...others] = namings(argv, words)
  if (!found || others.every(({id}) => id === found.id)) return found
  const ids = new Set([found, ...others].map(({id}) => `docker mcp ${id.replaceAll(':', ' ')}`))
  const message = `it is not clear which command is meant: ${[...ids].join(' or ')}`
  throw new PluginError('USAGE', message, {hint: FLAGS_LAST})
}

/**
 * The first command that words from the start name, for each way to read them: a word behind a flag may be its value,
 * or go on with the name.
 */
function namings(
  argv: readonly string[],
  words: Words,
  {at, path, flags}: {at: number; path: readonly string[]; flags: readonly string[]} = START,
): readonly Named[] {
  const word = argv[at]
  if (word === undefined || word === '--') return []
  const name = [...path, path.length === 0 ? (words.topics?.get(word) ?? word) : word]
  const id = words.table.get(name.join(' '))
  const asName =
    id !== undefined
      ? [{id, argv: [...flags, ...argv.slice(at + 1)]}]
      : isTopic(name, words.table)
        ? namings(argv, words, {at: at + 1, path: name, flags})
        : []
  if (!isOfFlag(word, argv[at - 1])) return asName
  return [...asName, ...namings(argv, words, {at: at + 1, path, flags: [...flags, word]})]
}

const START = {at: 0, path: [], flags: []}

function isOfFlag(word: string, before = ''): boolean {
  if (word.startsWith('-')) return true
  return before.startsWith('-') && !before.includes('=') && !HELP_FLAGS.has(before)
}

function isTopic(words: readonly string[], table: ReadonlyMap<string, string>): boolean {
  return [...table.keys()].some(name => name.startsWith(`${words.join(' ')} `))
}

const ON_OR_OFF = /^(?:|1|0|true|false|yes|no|y|n)$/i

/**
 * Refuses environment variables of on-off flags that are neither. The parser would take anything that it does not know
 * for "off", which for a protection is the wrong way round.
 * @throws PluginError USAGE
 */
export function checkVariables(command: Pick<CommandClass, 'flags'>, env: NodeJS.ProcessEnv): void {
  for (const flag of Object.values(command.flags ?? {})) {
    if (flag.type !== 'boolean' || flag.env === undefined) continue
    if (ON_OR_OFF.test(env[flag.env] ?? '')) continue
    throw new PluginError('USAGE', `the variable ${flag.env} is neither on nor off`, {
      hint: `set ${flag.env} to true or false, or unset it`,
    })
  }
}

/** The long names of a command's flags that are on or off. */
export function booleanFlags(command: CommandClass): ReadonlySet<string> {
  return new Set(
    Object.entries(command.flags ?? {})
      .filter(([, flag]) => flag.type === 'boolean')
      .map(([name]) => name),
  )
}

/** Whose command line it is that oclif's parser refused. */
export interface ParsedCommand {
  /** As a person types it, such as `docker mcp server ls`. */
  readonly name: string
  readonly flags: readonly string[]
  /** The next step for somebody who left something out. */
  readonly example?: string | undefined
  /** The command whose help tells more. */
  readonly help: string
}

/** What an error of a command's parser is explained with. */
export function parsedCommand(id: string, {flags, examples}: CommandClass): ParsedCommand {
  const [first] = examples ?? []
  const example = typeof first === 'string' ? first : first?.command
  const name = `docker mcp ${id.replaceAll(':', ' ')}`
  return {
    name,
    help: `${name} --help`,
    flags: Object.keys(flags ?? {}),
    example: example && filled(example),
  }
}

/** Turns what oclif's parser throws into our own kind of error; passes everything else on. */
export function usageError(error: unknown, command: ParsedCommand): unknown {
  // The parser writes words of its own into the errors of our flags.
  if (error instanceof PluginError && error.message.startsWith('Parsing --')) {
    const {code, hint, message} = error
    return new PluginError(code, plainText(message), {...(hint && {hint}), cause: error})
  }
  if (!(error instanceof Errors.CLIError)) return error
  const {message, hint} = explain(error, command)
  return new PluginError('USAGE', message, {
    hint: hint ?? `see what it takes: ${command.help}`,
    cause: error,
  })
}

/** Whether a failure should be printed as JSON: the command line, or the environment, asks for that format. */
export function asksJson(words: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const own = words.slice(0, words.indexOf('--') >>> 0)
  const at = own.findLastIndex(word => word === '--format' || word.startsWith('--format='))
  if (at === -1) return env[FORMAT_VARIABLE] === 'json'
  return own[at] === '--format=json' || (own[at] === '--format' && own[at + 1] === 'json')
}

const FORMAT_VARIABLE = 'DOCKER_MCP_FORMAT'

/** oclif's parser tells its refusals apart by what they carry. */
function explain(error: Error, command: ParsedCommand): {message: string; hint?: string} {
  if ('flags' in error && Array.isArray(error.flags)) {
    const given = error.flags.map(String)
    const near = nearest((given[0] ?? '').replace(/^-+(no-)?/, ''), command.flags)
    // A key in PEM begins with dashes: nothing that was typed behind `secret set` is repeated.
    const what =
      command.name === 'docker mcp secret set' ? 'flag like that' : `flag ${given.join(', ')}`
    const message = `${command.name} has no ${what}`
    return near === undefined ? {message} : {message, hint: `did you mean --${near}?`}
  }
  if ('args' in error && Array.isArray(error.args)) {
    const [first] = error.args
    if (typeof first === 'string') {
      return {message: `${command.name} takes no argument ${JSON.stringify(first)}`}
    }
    const names = error.args.map(({name}) => String(name).toUpperCase())
    const message = `${command.name} needs ${names.join(' and ')}`
    return command.example ? {message, hint: `for example: ${command.example}`} : {message}
  }
  const message = plainText(error.message)
  const [, one, other] = EXCLUSIVE.exec(message) ?? []
  return {message: other === undefined ? message : `--${one} and --${other} exclude each other`}
}

/** Said once for each of the two flags, with their values. */
const EXCLUSIVE = /^--([\w-]+)(?:=.*?)? cannot also be provided when using --([\w-]+)/

/** The parser's own words: one line, without colours and without the headline of a list of one. */
function plainText(message: string): string {
  const [what = ''] = stripVTControlCharacters(message).split('\nSee more help')
  return what
    .replace(/^The following errors? occurred:/, '')
    .replace(/^Parsing (--\S+)\s*/, '$1: ')
    .replace(/\s+/g, ' ')
    .trim()
}

function wordTable({ids, aliases}: CommandNames): ReadonlyMap<string, string> {
  const own = ids.map(id => [id, id] as const)
  return new Map(
    [...own, ...Object.entries(aliases)].map(([name, id]) => [name.replaceAll(':', ' '), id]),
  )
}

function asksHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end >>> 0).some(word => HELP_FLAGS.has(word))
}

const HELP_FLAGS: ReadonlySet<string> = new Set(['--help', '-h'])

function unknownCommand(words: readonly string[], names: readonly string[]): PluginError {
  // What follows may be the value of a secret.
  const typed = words
    .slice(0, 2)
    .map(word => word.replace(/=.*$/s, '=…'))
    .join(' ')
  const topics = names.flatMap(name => (name.includes(' ') ? [name.replace(/ .*/, '')] : []))
  const isValue = words[0] === 'secret' && typed.endsWith('=…')
  const near = isValue
    ? 'secret set'
    : (nearest(typed, names) ?? nearest(words[0] ?? '', [...new Set(topics)]))
  return new PluginError('USAGE', `docker mcp has no command "${typed}"`, {
    hint:
      near === undefined
        ? 'see all of them: docker mcp --help'
        : `did you mean: docker mcp ${near}${topics.includes(near) ? ' --help' : ''}`,
  })
}

/** The one name that somebody may have meant. */
function nearest(typed: string, names: readonly string[]): string | undefined {
  const [near] = names.toSorted((a, b) => distance(typed, a) - distance(typed, b))
  if (near === undefined) return undefined
  return distance(typed, near) <= Math.max(2, typed.length / 3) ? near : undefined
}
