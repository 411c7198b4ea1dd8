import {resolve} from 'node:path'
import {text} from 'node:stream/consumers'
import type {App} from './app.ts'
import {PluginError} from './base/errors.ts'
import {readTextFile} from './files/atomic.ts'

/** A text that a user gives a command, and what to call it in errors. */
export interface InputText {
  readonly text: string
  readonly from: string
}

/** Far more than people configure. */
const MOST_CHARACTERS = 16 * 1024 * 1024

/**
 * Reads what follows on stdin.
 * @throws PluginError USAGE when stdin is a terminal, where nobody would know that something is waited for
 */
export async function stdinText({process}: App): Promise<InputText> {
  if (process.stdin.isTTY) {
    throw new PluginError('USAGE', 'nothing comes from stdin, which is a terminal', {
      hint: 'pipe a file into the command: … < file',
    })
  }
  const read = await text(process.stdin)
  if (read.length <= MOST_CHARACTERS) return {text: read, from: 'stdin'}
  throw new PluginError('FILE_INVALID', 'stdin is larger than 16 MiB')
}

/**
 * Reads a file that a user names, or stdin for `-`.
 * @throws PluginError FILE_MISSING, FILE_DENIED, FILE_INVALID, USAGE
 */
export async function fileText(app: App, name: string): Promise<InputText> {
  if (name === '-') return stdinText(app)
  const read = await readTextFile(resolve(app.cwd, name))
  if (read !== undefined) return {text: read, from: name}
  throw new PluginError('FILE_MISSING', `${name} does not exist`, {hint: 'check the name'})
}
