import type {JsonObject} from '../base/json.ts'
import type {Launch} from './client.ts'
import {profileIn, wordsOf} from './server-entries.ts'

const GATEWAY = ['mcp', 'gateway']
/** Starts one of the client's own, or leads to the one in the background. */
const VERBS: ReadonlySet<string | undefined> = new Set(['run', 'connect'])
/** The flag with the profile, in all spellings that the gateway's command line takes. */
const PROFILE = /^(--profile|-p)(?:=|$)/
/** All that `connect` takes, and `run` too. */
const SHARED = /^(?:--profile|-p|--name|--client)(=|$)/

/**
 * A command for a client that has one already: with the flags that a person gave to that, as far as this one takes them, and
 * with its profile when this one names none.
 * @param current the client's entry
 * @param keepsVerb whether a gateway in the background, or one of the client's own, stays what it is
 */
export function launchLike(launch: Launch, current: JsonObject, keepsVerb: boolean): Launch {
  const [program = '', ...had] = wordsOf(current)
  const [ran, own] = [endOfRun(had), endOfRun(launch.args)]
  if (ran === undefined || own === undefined) return launch
  const verb = (keepsVerb ? had[ran - 1] : launch.args[own - 1]) ?? ''
  const flags =
    verb === 'connect' && had[ran - 1] !== verb ? sharedIn(had.slice(ran)) : had.slice(ran)
  // What stands before `mcp` are flags of docker; but where docker is started by another program, that is its way to it.
  const isPlain = own === GATEWAY.length + 1 && nameOf(program) === nameOf(launch.command)
  const head = isPlain ? had.slice(0, ran) : launch.args.slice(0, own)
  return {
    ...launch,
    args: [...head.slice(0, -1), verb, ...withProfile(flags, profileIn(launch.args))],
  }
}

function sharedIn(flags: readonly string[]): readonly string[] {
  return flags.flatMap((word, index) => {
    const [, sign] = SHARED.exec(word) ?? []
    if (sign === undefined) return []
    return sign === '=' ? [word] : flags.slice(index, index + 2)
  })
}

function withProfile(flags: readonly string[], profile: string): readonly string[] {
  if (profile === '') return flags
  const at = flags.findIndex(word => PROFILE.test(word))
  const word = flags[at]
  // What follows `--` is no flag. At the end, so that nothing else moves.
  if (word === undefined) {
    return flags.includes('--')
      ? ['--profile', profile, ...flags]
      : [...flags, '--profile', profile]
  }
  const [name] = word.split('=', 1)
  return word === name
    ? [...flags.slice(0, at + 1), profile, ...flags.slice(at + 2)]
    : flags.with(at, `${name}=${profile}`)
}

/** Whether these arguments of docker lead to the gateway in the background. */
export function isShared(args: readonly string[]): boolean {
  const end = endOfRun(args)
  return end !== undefined && args[end - 1] === 'connect'
}

/**
 * How many words lead to the flags of the gateway.
 * @returns undefined when they start no gateway
 */
export function endOfRun(words: readonly string[]): number | undefined {
  const at = words.findIndex(
    (_, index) =>
      GATEWAY.every((word, next) => words[index + next] === word) &&
      VERBS.has(words[index + GATEWAY.length]),
  )
  return at === -1 ? undefined : at + GATEWAY.length + 1
}

/** What a program is called, without its folder. */
export function nameOf(program: string): string {
  return (program.split(/[\\/]/).at(-1) ?? '').toLowerCase().replace(/\.exe$/, '')
}
