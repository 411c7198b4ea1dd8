/** What typing has come to so far. */
export type HiddenState =
  | {readonly kind: 'typing'}
  | {readonly kind: 'cancelled'}
  | {readonly kind: 'done'; readonly text: string}
  /** Several lines came at once from a terminal that does not say where a paste ends. */
  | {readonly kind: 'torn'}

/** What a terminal is told so that it marks where a paste begins and ends (xterm, "bracketed paste"). */
export const MARK_PASTES = '\u001B[?2004h'
export const MARK_NO_PASTES = '\u001B[?2004l'

const PASTE_START = '\u001B[200~'
const PASTE_END = '\u001B[201~'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const CTRL_U = '\u0015'
const CTRL_W = '\u0017'
const ESCAPE = '\u001B'

/**
 * A line that is typed without being shown, on a terminal in raw mode. It knows what the terminal itself knows
 * otherwise: backspace, Ctrl-U and Ctrl-W (nothing of a hidden line can be seen, so both begin anew), Ctrl-C, and Ctrl-D for the end.
 * A paste that the terminal marks may have line breaks in it; a single one at its end is left out.
 */
export class HiddenLine {
  #text = ''
  /** Of an escape sequence whose rest has not come. */
  #pending = ''
  #paste: string | undefined

  /** Takes what came from the terminal, and says what the line is now. */
  feed(chunk: string): HiddenState {
    let rest = this.#pending + chunk
    this.#pending = ''
    while (rest !== '') {
      const taken = this.#paste === undefined ? this.#key(rest) : this.#pasted(rest, this.#paste)
      if (taken === 0) {
        this.#pending = rest
        break
      }
      if (typeof taken !== 'number') return taken
      rest = rest.slice(taken)
    }
    return TYPING
  }

  /** How many characters one key took; 0 when its rest has not come. */
  #key(text: string): number | HiddenState {
    const key = String.fromCodePoint(text.codePointAt(0) ?? 0)
    switch (key) {
      case CTRL_C:
        return {kind: 'cancelled'}
      case CTRL_D:
        return this.#text === '' ? {kind: 'cancelled'} : this.#end('')
      case '\r':
      case '\n':
        return this.#end(text.slice(1))
      case '\b':
      case '\u007F':
        this.#text = Array.from(this.#text).slice(0, -1).join('')
        return 1
      case CTRL_U:
      case CTRL_W:
        this.#text = ''
        return 1
      case ESCAPE:
        return this.#sequence(text)
      default:
        // The other control characters are no part of any secret that is typed.
        if (key === '\t' || !/\p{Cc}/u.test(key)) this.#text += key
        return key.length
    }
  }

  /** Arrow keys and their like do nothing; a paste begins. */
  #sequence(text: string): number {
    if (text.startsWith(PASTE_START)) {
      this.#paste = ''
      return PASTE_START.length
    }
    const rest = text.slice(ESCAPE.length)
    const whole = /^(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[^[O\p{Cc}])/u.exec(rest)
    if (whole) return ESCAPE.length + whole[0].length
    // What is no sequence is the Escape key, and then another key.
    return /^(?:\[[0-?]*[ -/]*|O)?$/.test(rest) && text.length < MOST_OF_SEQUENCE ? 0 : 1
  }

  #pasted(text: string, before: string): number | HiddenState {
    // Whoever presses it while the end of a paste does not come wants out.
    if (text === CTRL_C) return {kind: 'cancelled'}
    const all = before + text
    const end = all.indexOf(PASTE_END)
    if (end === -1) {
      this.#paste = all
      return text.length
    }
    this.#paste = undefined
    this.#text += lines(all.slice(0, end))
    return end + PASTE_END.length - before.length
  }

  #end(rest: string): HiddenState {
    return /[^\r\n]/.test(rest) ? {kind: 'torn'} : {kind: 'done', text: this.#text}
  }
}

const TYPING: HiddenState = {kind: 'typing'}
const MOST_OF_SEQUENCE = 32

/** Terminals paste line breaks as the Enter key sends them. */
function lines(paste: string): string {
  const text = paste.replaceAll(/\r\n?/g, '\n')
  return text.indexOf('\n') === text.length - 1 ? text.replace(/\n$/, '') : text
}
