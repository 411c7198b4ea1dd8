import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {terminalOf} from './secret-door.ts'
import {checkName} from './secrets/change.ts'
import {secretNamed} from './secrets/store.ts'

/** A secret as somebody gave it to `secret set`. */
export interface GivenSecret {
  readonly name: string
  readonly value: Buffer
  /** What a person should know of how it was given. */
  readonly remark?: string | undefined
}

/** Keys and certificates have some thousand bytes; no environment takes what is larger. */
const MOST_BYTES = 1024 * 1024

/**
 * The name in what follows `secret set`: `NAME=VALUE` or `NAME`.
 * @throws PluginError USAGE, see {@link checkName}
 */
export function givenName(word: string): string {
  const [before = ''] = word.split('=', 1)
  return checkedName(before)
}

/**
 * The name that is meant by a word, which may be an id of docker's own tools.
 * @throws PluginError USAGE, see {@link checkName}
 */
export function checkedName(word: string): string {
  const name = secretNamed(word)
  checkName(name)
  return name
}

/**
 * Reads a secret: of the word itself (`NAME=VALUE`), of stdin to its end, byte for byte, or of a person who is asked
 * without anything being shown.
 * @throws PluginError USAGE, CANCELLED; never with a value
 */
export async function givenSecret(app: App, word: string): Promise<GivenSecret> {
  const equals = word.indexOf('=')
  const name = givenName(word)
  if (equals !== -1) {
    const value = Buffer.from(word.slice(equals + 1))
    return {name, value, remark: app.io.errIsTerminal ? openLine(name) : undefined}
  }
  const terminal = terminalOf(app)
  // Read as a file, a terminal shows all that is typed.
  if (!terminal && app.process.stdin.isTTY) throw unseenQuestion(name)
  if (!terminal) {
    const value = await stdinBytes(app, name)
    return {name, value, remark: remarkOf(value, name)}
  }
  const {askHidden} = await import('./ui/hidden-input.ts')
  return {name, value: Buffer.from(await askHidden(terminal, `value of ${name} (not shown): `))}
}

async function stdinBytes({process}: App, name: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MOST_BYTES) {
      throw new PluginError('USAGE', `the value of ${name} is larger than 1 MiB`, {
        hint: 'check what stdin comes from',
      })
    }
  }
  if (size > 0) return Buffer.concat(chunks)
  throw new PluginError('USAGE', `no value of ${name} came from stdin`, {
    hint: `for example: docker mcp secret set ${name} < file`,
  })
}

function unseenQuestion(name: string): PluginError {
  return new PluginError('USAGE', `nobody can be asked for ${name}: stderr is no terminal`, {
    hint: `leave stderr as it is, or give the value on stdin: docker mcp secret set ${name} < file`,
  })
}

function openLine(name: string): string {
  return `others on this machine can see command lines, and your shell keeps them; to be asked: docker mcp secret set ${name}`
}

/** A line break at the end of a single line is mostly one of `echo`. */
function remarkOf(value: Buffer, name: string): string | undefined {
  const newline = value.indexOf('\n')
  if (newline === -1 || newline !== value.length - 1) return undefined
  return `the value ends in a line break, which is kept; to give one without: printf %s "$VALUE" | docker mcp secret set ${name}`
}
