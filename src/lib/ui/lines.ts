import {cut} from './columns.ts'

/** A piece of a line on a screen, and what it means; how that looks is for the screen to say. */
export interface Span {
  readonly text: string
  readonly tone: Tone
}
export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'busy' | 'bad'
export type Line = readonly Span[]

export function plain(text: string): Span {
  return {text, tone: 'plain'}
}

export function dim(text: string): Span {
  return {text, tone: 'dim'}
}

/** As many lines as there is room for; the last one tells when there are more. */
export function shortened(lines: readonly Line[], room: number, columns: number): readonly Line[] {
  const [last] = lines[room - 1] ?? []
  if (lines.length <= room || !last) return lines.slice(0, Math.max(0, room))
  const sign = columns < 60 ? ' …' : ' … (enter)'
  const text = last.text.slice(0, Math.max(0, columns - sign.length)).trimEnd()
  return [...lines.slice(0, room - 1), [{...last, text}, dim(sign)]]
}

/** Exactly so many lines: the rest is empty. */
export function filled(lines: readonly Line[], count: number): readonly Line[] {
  const missing = Array.from({length: Math.max(0, count - lines.length)}, () => [plain('')])
  return [...lines.slice(0, Math.max(0, count)), ...missing]
}

/** No line may be wider than the screen: the terminal would break it and push all others down. */
export function fitted(line: Line, columns: number): Line {
  let room = columns
  return line.map(({text, tone}) => {
    const kept = cut(text, room)
    room -= kept.length
    return {text: kept, tone}
  })
}
