import {readTyped} from './typed.ts'
import type {Typed} from './typed.ts'

/** A command as completion sees it; ids and aliases have their words joined by colons (`server:enable`). */
export interface CommandShape {
  readonly id: string
  readonly aliases: readonly string[]
  readonly summary: string
  readonly hidden: boolean
  readonly flags: readonly FlagShape[]
  readonly args: readonly ArgShape[]
}

export interface FlagShape {
  readonly name: string
  readonly char?: string | undefined
  readonly summary: string
  /** A boolean takes no value of its own. */
  readonly boolean: boolean
  /** The closed set of its values. */
  readonly options?: readonly string[] | undefined
  /** The kind that a {@link ValueSource} is asked for; `file` leaves it to the shell. */
  readonly values?: string | undefined
  readonly multiple: boolean
  readonly hidden: boolean
}

export interface ArgShape {
  readonly name: string
  readonly values?: string | undefined
  /** The last argument may be repeated. */
  readonly multiple: boolean
}

/** One thing that could stand at the cursor. */
export interface Candidate {
  readonly value: string
  readonly description?: string | undefined
}

/** Looks values up, such as the names of the enabled servers; `prefix` is what was typed of one so far. */
export type ValueSource = (kind: string, prefix: string) => Promise<readonly Candidate[]>

/**
 * Whether the shell asks for completions, and of what.
 * docker sends `__complete mcp <words…>`, a shell that knows this program alone sends `__complete <words…>`
 * (github.com/spf13/cobra, `completions.go`).
 * @param argv our words, as `readInvocation` gives them
 * @returns undefined when this is no completion; else the words (the last one is being typed), and whether
 *   descriptions are wanted
 */
export function readCompletion(
  argv: readonly string[],
): {readonly words: readonly string[]; readonly descriptions: boolean} | undefined {
  const [verb, ...words] = argv
  if (verb !== '__complete' && verb !== '__completeNoDesc') return undefined
  const own = words[0] === 'mcp' && words.length > 1 ? words.slice(1) : words
  return {words: own, descriptions: verb === '__complete'}
}

/**
 * Answers a completion in cobra's format: lines of `value<TAB>description`, then `:4` (no file names) or `:0` (the
 * shell completes file names). For `--flag=x` the values come without the `--flag=`, which the shell puts back.
 * @param tree every command there is
 * @param words what stands after `docker mcp`, the last one being typed and possibly empty
 * @param values where names come from; when it fails there are no names, never an error on the user's prompt
 */
export async function complete(
  tree: readonly CommandShape[],
  words: readonly string[],
  values: ValueSource,
): Promise<string[]> {
  const prefix = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const {depth, command} = followWords(tree, before)
  const typed = readTyped(command?.flags ?? [], before.slice(depth))
  const path = depth === before.length ? before.join(':') : undefined
  const wish = command ? findWish(command, typed, prefix) : NOTHING
  const start = wish.prefix ?? prefix
  const lines = [
    ...(path === undefined ? [] : subWords(tree, path)),
    ...wish.fixed,
    ...(wish.kind === undefined || wish.kind === 'file'
      ? []
      : await look(values, wish.kind, start)),
  ]
    .filter(({value}) => value.startsWith(start) && !wish.without.includes(value))
    .filter(({value}) => !UNPRINTABLE.test(value))
    .map(line)
  return [...new Set(lines), wish.kind === 'file' ? ':0' : ':4']
}

/** Drops the descriptions of an answer, for `__completeNoDesc`. */
export function withoutDescriptions(lines: readonly string[]): string[] {
  return lines.map(text => text.replace(/\t.*/u, ''))
}

/** What belongs at the cursor. */
interface Wish {
  readonly fixed: readonly Candidate[]
  /** The kind of value to look up. */
  readonly kind?: string | undefined
  /** Where it is not the whole word that is completed, as in `--flag=val`. */
  readonly prefix?: string
  readonly without: readonly string[]
}

const NOTHING: Wish = {fixed: [], without: []}

/** Follows the words down the tree as far as they name topics and commands. */
function followWords(
  tree: readonly CommandShape[],
  words: readonly string[],
): {depth: number; command: CommandShape | undefined} {
  const names = tree.flatMap(command => [command.id, ...command.aliases])
  const exists = (id: string) => names.some(name => name === id || name.startsWith(`${id}:`))
  let depth = 0
  while (depth < words.length && exists(words.slice(0, depth + 1).join(':'))) depth += 1
  const id = words.slice(0, depth).join(':')
  const command = tree.find(one => one.id === id) ?? tree.find(one => one.aliases.includes(id))
  return {depth, command}
}

function subWords(tree: readonly CommandShape[], path: string): Candidate[] {
  const start = path === '' ? '' : `${path}:`
  const found = new Map<string, string | undefined>()
  for (const command of tree.filter(one => !one.hidden)) {
    for (const name of [command.id, ...command.aliases]) {
      const [word, ...deeper] = name.startsWith(start) ? name.slice(start.length).split(':') : []
      if (!word) continue
      const summary = deeper.length === 0 ? command.summary : undefined
      found.set(word, found.get(word) ?? summary)
    }
  }
  return [...found]
    .map(([value, description]) => ({value, description}))
    .toSorted((a, b) => (a.value < b.value ? -1 : 1))
}

function findWish(command: CommandShape, typed: Typed, prefix: string): Wish {
  if (typed.open) return valuesOf(typed.open, typed, prefix)
  const equals = prefix.indexOf('=')
  if (!typed.ended && prefix.startsWith('--') && equals !== -1) {
    const flag = command.flags.find(one => one.name === prefix.slice(2, equals))
    return flag ? valuesOf(flag, typed, prefix.slice(equals + 1)) : NOTHING
  }
  if (!typed.ended && prefix.startsWith('-')) return {fixed: flagWords(command, typed), without: []}
  return argumentAt(command.args, typed.positionals)
}

function valuesOf(flag: FlagShape, typed: Typed, prefix: string): Wish {
  const options = flag.options ?? (flag.boolean ? ['true', 'false'] : [])
  return {
    fixed: options.map(value => ({value})),
    kind: flag.values,
    prefix,
    without: flag.multiple ? (typed.given.get(flag.name) ?? []) : [],
  }
}

function flagWords(command: CommandShape, typed: Typed): Candidate[] {
  return command.flags
    .filter(flag => !flag.hidden && (flag.multiple || !typed.given.has(flag.name)))
    .flatMap(flag => [
      {value: `--${flag.name}`, description: flag.summary},
      ...(flag.char ? [{value: `-${flag.char}`, description: flag.summary}] : []),
    ])
}

function argumentAt(args: readonly ArgShape[], positionals: readonly string[]): Wish {
  const final = args.at(-1)
  const at = (index: number) => args[index] ?? (final?.multiple ? final : undefined)
  const kind = at(positionals.length)?.values
  const without = positionals.filter((_, index) => at(index)?.values === kind)
  return {fixed: [], kind, without}
}

async function look(values: ValueSource, kind: string, prefix: string) {
  try {
    return await values(kind, prefix)
  } catch {
    // Whatever went wrong, its text would land in the middle of the line that is being typed.
    return []
  }
}

// Names come from catalogs; a control character would reach the terminal or start a line of its own.
const UNPRINTABLE = /\p{C}/u

function line({value, description}: Candidate): string {
  const text = (description ?? '')
    .split('\n', 1)
    .join('')
    .replace(/\p{C}+/gu, ' ')
    .trim()
  return text === '' ? value : `${value}\t${text}`
}
