import type {Command} from '@oclif/core'
import type {CommandClass} from './command.ts'
import {wrap} from './ui/wrap.ts'

/** What help is made of. */
export interface HelpSource {
  /** By oclif's id, such as `server:ls`. */
  readonly commands: Readonly<Record<string, CommandClass>>
  /** What a topic is about, by its word. */
  readonly topics: Readonly<Record<string, {readonly description: string}>>
  /** Width to wrap to. */
  readonly columns: number
}

/**
 * The help of a command, of a topic, or of the whole program, in the order of docker's own help pages.
 * @param words the words of the command or topic, which exists; none for the program
 */
export function helpText(words: readonly string[], source: HelpSource): string {
  const command = source.commands[words.join(':')]
  const sections = command
    ? commandSections(words, command)
    : words.length > 0
      ? topicSections(words, source)
      : programSections(source)
  const columns = Math.min(source.columns, WIDEST)
  return sections.map(section => sectionText(section, columns)).join('\n')
}

const PROGRAM = 'docker mcp'
/** Longer lines are hard to read. */
const WIDEST = 100
/** A left column that is wider puts its right side on a line of its own. */
const WIDEST_LEFT = 34

/** A heading with rows of two columns, or text; without a heading, text alone. */
interface Section {
  readonly heading?: string
  readonly text?: readonly string[]
  /** Lines to copy, never wrapped. */
  readonly lines?: readonly string[]
  readonly rows?: readonly (readonly [left: string, right: string])[]
}

function programSections(source: HelpSource): Section[] {
  return [
    {lines: [`Usage:  ${PROGRAM} COMMAND`]},
    {text: ['run MCP servers in isolated containers, behind one endpoint for every AI client']},
    {
      text: [
        'MCP (Model Context Protocol) is how an AI client such as Claude, Cursor or VS Code gets tools: to read files, search the web, query a database. An MCP server offers such tools. Each server that you enable runs in a container of its own, and the gateway is the one place that your clients connect to.',
      ],
    },
    {heading: 'Commands', rows: firstWords(source)},
    {
      heading: 'First steps',
      lines: FIRST_STEPS.flatMap(([what, command]) => [`# ${what}`, `${PROGRAM} ${command}`]),
    },
    {
      text: [
        `See what there is below a command, and what it takes, with ${PROGRAM} COMMAND --help, and this version with ${PROGRAM} --version. Flags of docker itself go before the word mcp: docker --context other mcp server ls.`,
      ],
    },
  ]
}

const FIRST_STEPS = [
  ['find a server, and enable it', 'server search files'],
  ['', 'server enable everything'],
  ['call one of its tools', 'tools call echo message=hello'],
  ['serve all tools to clients over HTTP', 'gateway run --transport streaming'],
] as const

/** The topics and the commands of one word; what is below a topic fills a page of its own. */
function firstWords({commands, topics}: HelpSource): [string, string][] {
  const shown = Object.entries(commands).filter(([, {hidden}]) => hidden !== true)
  const words = new Set(shown.map(([id]) => id.split(':')[0] ?? id))
  return [...words].map(word => [word, commands[word]?.summary ?? topics[word]?.description ?? ''])
}

function topicSections(words: readonly string[], source: HelpSource): Section[] {
  const name = words.join(' ')
  return [
    {lines: [`Usage:  ${PROGRAM} ${name} COMMAND`]},
    {text: [source.topics[name]?.description ?? '']},
    {heading: 'Commands', rows: commandRows(source, `${words.join(':')}:`)},
    {text: [`See what a command takes with ${PROGRAM} ${name} COMMAND --help.`]},
  ]
}

function commandRows({commands}: HelpSource, prefix: string): [string, string][] {
  return Object.entries(commands)
    .filter(([id, {hidden}]) => id.startsWith(prefix) && hidden !== true)
    .map(([id, {summary = ''}]) => [id.slice(prefix.length).replaceAll(':', ' '), summary])
}

function commandSections(words: readonly string[], command: CommandClass): Section[] {
  const name = `${PROGRAM} ${words.join(' ')}`
  const flags = Object.entries(command.flags ?? {}).filter(([, flag]) => flag.hidden !== true)
  const args = argumentRows(command)
  const usage = [name, ...args.map(([left]) => left), ...(flags.length > 0 ? ['[FLAGS]'] : [])]
  const aliases = command.aliases.map(alias => `${PROGRAM} ${alias.replaceAll(':', ' ')}`)
  return [
    {lines: [`Usage:  ${usage.join(' ')}`]},
    {text: [command.summary ?? '']},
    ...(command.description ? [{text: command.description.split('\n')}] : []),
    ...(args.length > 0 ? [{heading: 'Arguments', rows: args}] : []),
    ...flagSections(flags),
    ...(aliases.length > 0 ? [{heading: 'Aliases', lines: aliases}] : []),
    {heading: 'Examples', lines: (command.examples ?? []).flatMap(exampleLines)},
    ...environmentSection(flags),
  ]
}

function argumentRows({args, strict}: CommandClass): [string, string][] {
  const entries = Object.entries(args)
  return entries.map(([name, {required, description = '', default: byDefault}], index) => {
    const repeats = !strict && index === entries.length - 1 ? '...' : ''
    const label = `${name.toUpperCase()}${repeats}`
    return [required ? label : `[${label}]`, withDefault(description, byDefault)]
  })
}

type FlagEntry = readonly [name: string, flag: NonNullable<CommandClass['flags']>[string]]

/** Flags in the order in which they are declared, each under the heading of its group. */
function flagSections(flags: readonly FlagEntry[]): Section[] {
  const groups = Map.groupBy(flags, ([, {helpGroup = 'Flags'}]) => helpGroup)
  return [...groups].map(([heading, members]) => ({heading, rows: members.map(flagRow)}))
}

function flagRow([word, flag]: FlagEntry): [string, string] {
  const summary = flag.summary ?? ''
  const short = flag.char === undefined ? '' : `-${flag.char}, `
  const name = `${short}--${flag.type === 'boolean' && flag.default === true ? '[no-]' : ''}${word}`
  if (flag.type === 'boolean') {
    // What is on can only be switched off, so that is the spelling to show.
    return flag.default === true ? [name, withDefault(summary, 'on')] : [name, summary]
  }
  const value = flag.helpValue ?? (flag.options?.join('|') || '<text>')
  return [`${name} ${String(value)}`, withDefault(summary, flag.default)]
}

function withDefault(text: string, value: unknown): string {
  return typeof value === 'string' || typeof value === 'number'
    ? `${text} (default ${value})`
    : text
}

function exampleLines(example: Command.Example): string[] {
  if (typeof example === 'string') return [filled(example)]
  return [`# ${example.description}`, filled(example.command)]
}

/** A command of an example, with the program's name in it. */
export function filled(example: string): string {
  return example.replaceAll('<%= config.bin %>', PROGRAM)
}

function environmentSection(flags: readonly FlagEntry[]): Section[] {
  const [first] = flags.filter(([, {env}]) => env !== undefined)
  if (!first) return []
  const whose = flags.every(([, {env}]) => env !== undefined) ? 'Every flag has' : 'Some flags have'
  const [name, {env = ''}] = first
  return [{text: [`${whose} an environment variable, too: ${env} is --${name}.`]}]
}

function sectionText(
  {heading, text = [], lines = [], rows = []}: Section,
  columns: number,
): string {
  const indent = heading === undefined ? '' : '  '
  const width = Math.min(WIDEST_LEFT, Math.max(0, ...rows.map(([left]) => left.length)))
  return [
    ...(heading === undefined ? [] : [`${heading}:`]),
    ...text.flatMap(paragraph => wrap(paragraph, columns, indent)),
    ...lines.filter(line => line !== '# ').map(line => indent + line),
    ...rows.flatMap(row => rowLines(row, width, columns)),
  ]
    .map(line => `${line}\n`)
    .join('')
}

function rowLines(
  [left, right]: readonly [string, string],
  width: number,
  columns: number,
): string[] {
  const indent = ' '.repeat(width + 5)
  const [first = '', ...more] = wrap(right, columns, indent)
  if (left.length > width) return [`  ${left}`, first, ...more]
  return [`  ${left.padEnd(width)}   ${first.trimStart()}`.trimEnd(), ...more]
}
