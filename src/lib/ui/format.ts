import type {Io} from './io.ts'
import {visible} from './visible.ts'

export const FORMATS = ['human', 'json', 'yaml'] as const
export type Format = (typeof FORMATS)[number]

/**
 * Prints one value on stdout: for people by `human`, for programs as one JSON or YAML document. A terminal is shown
 * control characters, a program gets them as they are.
 * @param human makes the text for people; called only when it is wanted
 */
export async function print<T>(
  io: Io,
  value: T,
  as: {format: Format; human: (value: T) => string},
): Promise<void> {
  const show = (text: string) => io.out(io.outIsTerminal ? visible(text) : text)
  switch (as.format) {
    case 'human':
      show(as.human(value))
      return
    case 'json':
      io.out(`${JSON.stringify(value, null, 2)}\n`)
      return
    case 'yaml': {
      const {yamlText} = await import('./yaml-text.ts')
      show(yamlText(value))
    }
  }
}
