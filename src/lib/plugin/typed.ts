import type {FlagShape} from './complete.ts'

/** The finished words of a command line, sorted into what they are. */
export interface Typed {
  readonly positionals: readonly string[]
  /** The flags that are there, by long name, with the values they were given. */
  readonly given: ReadonlyMap<string, readonly string[]>
  /** The flag whose value comes next. */
  readonly open: FlagShape | undefined
  /** A bare `--` has ended the flags. */
  readonly ended: boolean
}

/**
 * Sorts the words after a command into flags, their values and positionals. Never refuses anything: the line is not
 * finished yet, and a flag that nobody knows is taken for one without a value.
 * @param flags the flags of the command
 * @param words the words after the command, without the one that is being typed
 */
export function readTyped(flags: readonly FlagShape[], words: readonly string[]): Typed {
  const positionals: string[] = []
  const given = new Map<string, string[]>()
  let open: FlagShape | undefined
  let ended = false
  for (const word of words) {
    if (open) {
      given.get(open.name)?.push(word)
      open = undefined
    } else if (ended || !word.startsWith('-') || word === '-') {
      positionals.push(word)
    } else if (word === '--') {
      ended = true
    } else {
      for (const {flag, value} of flagsIn(flags, word)) {
        const values = given.get(flag.name) ?? []
        given.set(flag.name, value === undefined ? values : [...values, value])
        if (!flag.boolean && value === undefined) open = flag
      }
    }
  }
  return {positionals, given, open, ended}
}

interface Found {
  readonly flag: FlagShape
  readonly value?: string
}

function flagsIn(flags: readonly FlagShape[], word: string): Found[] {
  if (!word.startsWith('--')) return shortFlagsIn(flags, word.slice(1))
  const equals = word.indexOf('=')
  const name = equals === -1 ? word.slice(2) : word.slice(2, equals)
  const flag =
    flags.find(one => one.name === name) ??
    flags.find(one => one.boolean && `no-${one.name}` === name)
  if (!flag) return []
  return [equals === -1 ? {flag} : {flag, value: word.slice(equals + 1)}]
}

function shortFlagsIn(flags: readonly FlagShape[], letters: string): Found[] {
  const found: Found[] = []
  for (let rest = letters; rest !== ''; rest = rest.slice(1)) {
    const flag = flags.find(one => one.char === rest[0])
    if (!flag) break
    const glued = rest.slice(1)
    if (!flag.boolean && glued !== '') {
      return [...found, {flag, value: glued.startsWith('=') ? glued.slice(1) : glued}]
    }
    found.push({flag})
  }
  return found
}
