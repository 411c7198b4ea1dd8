import {StringDecoder} from 'node:string_decoder'
import type {ReadStream} from 'node:tty'
import {PluginError} from '../base/errors.ts'
import {HiddenLine, MARK_NO_PASTES, MARK_PASTES, type HiddenState} from './hidden-line.ts'
import {visible} from './visible.ts'

/** The terminal that a person is asked at. */
export interface HiddenTerminal {
  readonly stdin: ReadStream
  /** Where the question goes; stdout is for data. */
  readonly stderr: NodeJS.WritableStream
}

/**
 * Asks a person for what nobody else may see: nothing of the answer is shown, not even its length. The terminal is
 * as it was before when this is over, however it ends.
 * @returns the answer, never empty
 * @throws PluginError CANCELLED for Ctrl-C, Ctrl-D and the end of the terminal; USAGE for an empty answer, and
 *   for several lines from a terminal that does not mark a paste
 */
export async function askHidden(
  {stdin, stderr}: HiddenTerminal,
  question: string,
): Promise<string> {
  const wasRaw = stdin.isRaw
  stdin.setRawMode(true)
  stderr.write(`${visible(question)}${MARK_PASTES}`)
  try {
    return answerOf(await typed(stdin))
  } finally {
    stderr.write(`${MARK_NO_PASTES}\n`)
    stdin.setRawMode(wasRaw)
    stdin.pause()
    stdin.unref()
  }
}

async function typed(stdin: ReadStream): Promise<HiddenState> {
  const line = new HiddenLine()
  const decoder = new StringDecoder('utf8')
  const {promise, resolve, reject} = Promise.withResolvers<HiddenState>()
  const onData = (bytes: Buffer) => {
    const state = line.feed(decoder.write(bytes))
    if (state.kind !== 'typing') resolve(state)
  }
  const onEnd = () => resolve({kind: 'cancelled'})
  stdin.ref()
  stdin.on('data', onData).once('end', onEnd).once('error', reject).resume()
  try {
    return await promise
  } finally {
    stdin.off('data', onData).off('end', onEnd).off('error', reject)
  }
}

function answerOf(state: HiddenState): string {
  if (state.kind === 'torn') {
    throw new PluginError('USAGE', 'several lines came at once, and this takes one', {
      hint: 'give what has several lines on stdin: … < file',
    })
  }
  if (state.kind !== 'done') {
    throw new PluginError('CANCELLED', 'cancelled: nothing was changed')
  }
  if (state.text !== '') return state.text
  throw new PluginError('USAGE', 'nothing was typed, and nothing was changed', {
    hint: 'type or paste the value; it is not shown',
  })
}
