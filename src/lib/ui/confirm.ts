import {createInterface} from 'node:readline/promises'
import {PluginError} from '../base/errors.ts'
import type {HiddenTerminal} from './hidden-input.ts'
import {visible} from './visible.ts'

/**
 * Asks a person whether to go on; only `y` and `yes` say so.
 * @throws PluginError CANCELLED for everything else, also Ctrl-C and the end of the terminal
 */
export async function confirm({stdin, stderr}: HiddenTerminal, question: string): Promise<void> {
  const lines = createInterface({input: stdin, output: stderr})
  try {
    const closed = new Promise<string>(resolve => {
      lines.once('SIGINT', () => resolve('')).once('close', () => resolve(''))
    })
    const answer = await Promise.race([lines.question(`${visible(question)} [y/N] `), closed])
    if (/^\s*y(?:es)?\s*$/i.test(answer)) return
  } finally {
    lines.close()
  }
  throw new PluginError('CANCELLED', 'cancelled: nothing was changed')
}
