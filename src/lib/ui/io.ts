import {visible} from './visible.ts'

/** The two streams that people and programs read, and what is known of the terminal behind them. */
export interface Io {
  /** stdout: data only. */
  out(text: string): void
  /** stderr: words for people; control characters are shown, not obeyed. */
  err(text: string): void
  readonly outIsTerminal: boolean
  readonly errIsTerminal: boolean
  /** Width of the terminal in columns; 80 when there is none. */
  readonly columns: number
}

/** The streams of this process. Nothing else in the program writes to them. */
export function processIo(process: NodeJS.Process): Io {
  process.stdout.on('error', ignoreLostReader)
  // Words that cannot be said must not stop what is being done, a clean-up above all.
  process.stderr.on('error', () => undefined)
  return {
    out: text => void process.stdout.write(text),
    err: text => void process.stderr.write(visible(text)),
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
    columns: process.stdout.columns || process.stderr.columns || 80,
  }
}

/** How a reader that leaves early (`| head`, a closed window) shows on Linux, macOS and Windows. */
const LOST_READER = new Set(['EPIPE', 'EIO', 'ECONNRESET', 'EOF', 'ERR_STREAM_DESTROYED'])

function ignoreLostReader(error: Error & {code?: string}): void {
  if (!LOST_READER.has(error.code ?? '')) throw error
}
