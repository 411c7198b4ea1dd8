import {messageOf} from './base/errors.ts'
import {maskKnownSecrets, rememberSecrets} from './base/known-secrets.ts'
import {keepReportsPrivate} from './base/private-reports.ts'

/**
 * Remembers what a command line says that may be a secret: what follows a `=` in any word behind `secret`, and behind
 * `secret set` every word that is neither the name nor a flag of ours. Errors of any kind may quote their arguments.
 * @param words the arguments, as they were typed
 */
export function rememberTypedSecrets(words: readonly string[]): void {
  const topic = words.indexOf('secret')
  if (topic === -1) return
  rememberSecrets(
    words.slice(topic).flatMap(word => (word.startsWith('-') ? [] : behindEquals(word))),
  )
  const at = words.findIndex((word, index) => word === 'set' && isOfSecret(words.slice(0, index)))
  if (at === -1) return
  const typed = words.slice(at + 1).filter(word => !isOwnFlag(word))
  const values = typed.flatMap(word => {
    const value = behindEquals(word)
    // A key in PEM begins with dashes, too, and may have a `=` anywhere.
    if (word.startsWith('-')) return [word, ...value, ...word.split(/\s+/).slice(1)]
    // A single word is the name; more than that are a value without its quotes.
    return value.length > 0 ? value : word.split(/\s+/).slice(1)
  })
  const plain = typed.filter(word => !word.startsWith('-') && !word.includes('=')).slice(1)
  rememberSecrets([...values, ...plain])
}

function behindEquals(word: string): string[] {
  const [, value] = /^[^=]*=(.*)$/s.exec(word) ?? []
  return value === undefined ? [] : [value]
}

/** Whether `secret` was said, and nothing since but flags with their values. */
function isOfSecret(before: readonly string[]): boolean {
  const at = before.lastIndexOf('secret')
  const since = before.slice(at + 1)
  return (
    at !== -1 &&
    since.every((word, index) => word.startsWith('-') || since[index - 1]?.startsWith('-'))
  )
}

/** Flags of the command and docker's own, whose values are no secrets, and which errors and hints name. */
const OWN_FLAGS: readonly string[] = [
  '--store',
  '--secrets',
  '--profile',
  '--profile-file',
  '--provider',
  '--help',
  '-h',
  '--',
  '-D',
  '--debug',
  '--config',
  '--context',
  '-c',
  '--host',
  '-H',
  '--log-level',
  '-l',
  '--tls',
  '--tlsverify',
]

/** A part of such a flag is none of a value, and a mask would hide the flag that was meant. */
function isOwnFlag(word: string): boolean {
  const [flag = ''] = word.split('=', 1)
  return (
    word.startsWith('-') &&
    OWN_FLAGS.some(own => (word === flag ? own.includes(word) : own === flag))
  )
}

/**
 * Has an error that nobody has caught told with secrets masked, in place of Node's own words, which quote everything
 * that hangs on it. The exit code is 1.
 */
export function tellLastWords(process: NodeJS.Process, err: (text: string) => void): void {
  process.on('uncaughtException', error => {
    err(`${maskKnownSecrets(`docker mcp has a fault and ends: ${wholeStory(error)}`)}\n`)
    process.exit(1)
  })
  keepReportsPrivate(process)
}

function wholeStory(error: unknown): string {
  const stories: string[] = []
  for (let at = error; at !== undefined; at = at instanceof Error ? at.cause : undefined) {
    stories.push(at instanceof Error ? (at.stack ?? at.message) : messageOf(at))
    if (stories.length === MOST_CAUSES) break
  }
  return stories.join('\n')
}

/** An error may be its own cause. */
const MOST_CAUSES = 5
